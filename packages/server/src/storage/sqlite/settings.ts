/** Settings in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { Settings } from '../../model/ports/stores.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const selectSetting = 'select value from settings where name = ?'

export const settingWrites = {
  initialiseSetting(database) {
    const insert = change(database, 'insert into settings (name, value) values (?, ?) on conflict do nothing')
    const find = one(database, selectSetting)
    return (name: string, value: string): string => {
      insert(name, value)
      return String(find(name)?.[0])
    }
  },
  putSetting(database) {
    const put = change(database, 'insert or replace into settings (name, value) values (?, ?)')
    return (name: string, value: string): void => void put(name, value)
  },
  /** A real write, to learn whether one succeeds. */
  probe(database) {
    const touch = change(database, `insert or replace into settings (name, value) values ('probe', '')`)
    return (): void => void touch()
  },
} as const satisfies Writes

export function createSettings(database: DatabaseSync, write: Calls<typeof settingWrites>): Settings {
  const find = one(database, selectSetting)
  const get = reading(database, (name: string) => find(name)?.[0] as string | undefined)
  return {
    get,
    // Read first: every start but the first finds it, and writes nothing.
    initialise: async (name, value) => get(name) ?? write.initialiseSetting(name, value),
    put: write.putSetting,
  }
}
