/**
 * Which clients and users are enabled, in PostgreSQL. One that is no longer named keeps its row: a user who was configured
 * once must not pass as an external one. What is stored rather than configured has kinds of its own, `stored_client`
 * and `stored_user`, whose rows go with the writes of their nouns.
 */

import type { Principal, Principals } from '../../model/ports/stores.ts'
import { announce, type Changes } from './changes.ts'
import type { Database } from './database.ts'
import { all } from './statements.ts'

type Kind = 'client' | 'user'

const configured = 'select unnest($2::text[]) as id, unnest($3::bigint[]) as stands'

const upsert = `insert into standing (kind, id, stands) select $1::text, id, stands from (${configured}) given
  on conflict (kind, id) do update set stands = excluded.stands where standing.stands <> excluded.stands`

const drop = `update standing set stands = 0
  where kind = $1 and stands = 1 and not (id = any ($2::text[]))`

export function createPrincipals({ run, locked, schema }: Database, changes: Changes): Principals {
  const stored = all(run, 'select id, stands from standing where kind = $1')
  /** Read first: a start with an unchanged configuration writes nothing. */
  const differs = async (kind: Kind, rows: ReadonlyMap<string, 0 | 1>): Promise<boolean> => {
    const known = new Map((await stored(kind)) as readonly (readonly [string, 0 | 1])[])
    for (const [id, stands] of rows) if (known.get(id) !== stands) return true
    for (const [id, stands] of known) if (stands === 1 && !rows.has(id)) return true
    return false
  }
  const sync = async (kind: Kind, given: readonly Principal[]): Promise<boolean> => {
    const rows = new Map(given.map(({ id, enabled }) => [id, enabled ? 1 : 0] as const))
    if (!(await differs(kind, rows))) return false
    const [ids, stands] = [[...rows.keys()], [...rows.values()]]
    await locked(['standing'], async write => {
      await write(upsert, [kind, ids, stands])
      await write(drop, [kind, ids])
      await write(announce, [])
    })
    return true
  }
  const listDisabled = all(run, 'select id from standing where kind = $1 and stands = 0')
  const disabledOf = async (kind: Kind) => new Set((await listDisabled(kind)).map(([id]) => String(id)))
  return {
    async sync({ clients, users }) {
      const changed = [await sync('client', clients), await sync('user', users)]
      return changed.includes(true)
    },
    disabled: async () => ({ clients: await disabledOf('client'), users: await disabledOf('user') }),
    watch: changed => changes.watch(schema, changed),
  }
}
