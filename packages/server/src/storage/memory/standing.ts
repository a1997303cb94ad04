/** Which clients and users stand, in memory. */

import type { Standing, StandingRow } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createStanding = ({ clients, users }: Tables): Standing => ({
  async sync(configured) {
    const before = JSON.stringify([[...clients], [...users]])
    replace(clients, configured.clients)
    replace(users, configured.users)
    return before !== JSON.stringify([[...clients], [...users]])
  },
  fallen: () => ({ clients: fallenOf(clients), users: fallenOf(users) }),
})

const fallenOf = (table: ReadonlyMap<string, boolean>): ReadonlySet<string> =>
  new Set([...table].flatMap(([id, stands]) => (stands ? [] : [id])))

/** One that is no longer named keeps its row: a user who was configured once must not pass as an external one. */
function replace(table: Map<string, boolean>, rows: readonly StandingRow[]): void {
  for (const id of table.keys()) table.set(id, false)
  for (const { id, stands } of rows) table.set(id, stands)
}
