/** Settings in PostgreSQL. */

import type { Settings } from '../../model/ports/stores.ts'
import type { Database } from './database.ts'
import { change, one } from './statements.ts'

export function createSettings({ run }: Database): Settings {
  const find = one(run, 'select value from settings where name = $1')
  const insert = change(run, 'insert into settings (name, value) values ($1, $2) on conflict do nothing')
  const put = change(
    run,
    'insert into settings (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value',
  )
  const get = async (name: string): Promise<string | undefined> =>
    (await find(name))?.[0] as string | undefined
  return {
    get,
    async initialise(name, value) {
      // Read first: every start but the first finds it, and writes nothing.
      const before = await get(name)
      if (before !== undefined) return before
      await insert(name, value)
      return String(await get(name))
    },
    async put(name, value) {
      await put(name, value)
    },
  }
}

/** A real write, to learn whether one succeeds. */
export function createProbe({ run }: Database): () => Promise<boolean> {
  const touch = change(
    run,
    `insert into settings (name, value) values ('probe', '') on conflict (name) do update set value = ''`,
  )
  let underWay: Promise<boolean> | undefined
  return () => {
    // One at a time, however many ask.
    underWay ??= touch()
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        underWay = undefined
      })
    return underWay
  }
}
