/**
 * Which clients and users are enabled, in SQLite. One that is no longer named keeps its row: a user who was configured once
 * must not pass as an external one. What is stored rather than configured has kinds of its own, `stored_client` and
 * `stored_user`, whose rows go with the writes of their nouns.
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Principal, Principals } from '../../model/ports/stores.ts'
import { all, change, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

type Kind = 'client' | 'user'

export const principalWrites = {
  /** `configured`: a JSON object of id to 1 or 0; one statement however many there are. */
  syncPrincipals(database) {
    const upsert = change(
      database,
      `insert into standing (kind, id, stands) select ?, key, value from json_each(?) where true
      on conflict do update set stands = excluded.stands where stands <> excluded.stands`,
    )
    const drop = change(
      database,
      `update standing set stands = 0
      where kind = ? and stands = 1 and id not in (select key from json_each(?))`,
    )
    return (kind: Kind, configured: string): void => {
      upsert(kind, configured)
      drop(kind, configured)
    }
  },
} as const satisfies Writes

export function createPrincipals(database: DatabaseSync, write: Calls<typeof principalWrites>): Principals {
  const stored = all(database, 'select id, stands from standing where kind = ?')
  /** Read first: a start with an unchanged configuration writes nothing. */
  const differs = reading(database, (kind: Kind, configured: ReadonlyMap<string, 0 | 1>): boolean => {
    const known = new Map(stored(kind) as unknown as readonly (readonly [string, 0 | 1])[])
    for (const [id, stands] of configured) if (known.get(id) !== stands) return true
    for (const [id, stands] of known) if (stands === 1 && !configured.has(id)) return true
    return false
  })
  const sync = async (kind: Kind, rows: readonly Principal[]): Promise<boolean> => {
    const configured = new Map(rows.map(({ id, enabled }) => [id, enabled ? 1 : 0] as const))
    if (!differs(kind, configured)) return false
    await write.syncPrincipals(kind, JSON.stringify(Object.fromEntries(configured)))
    return true
  }
  const listDisabled = all(database, 'select id from standing where kind = ? and stands = 0')
  const disabledOf = reading(database, (kind: Kind) => new Set(listDisabled(kind).map(([id]) => String(id))))
  return {
    async sync({ clients, users }) {
      const changed = await Promise.all([sync('client', clients), sync('user', users)])
      return changed.includes(true)
    },
    disabled: () => ({ clients: disabledOf('client'), users: disabledOf('user') }),
  }
}
