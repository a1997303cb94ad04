/** Which clients and users are enabled, in memory. */

import type { Principal, Principals } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createPrincipals = ({ clients, users }: Tables): Principals => ({
  async sync(configured) {
    const before = JSON.stringify([[...clients], [...users]])
    replace(clients, configured.clients)
    replace(users, configured.users)
    return before !== JSON.stringify([[...clients], [...users]])
  },
  disabled: () => ({ clients: disabledOf(clients), users: disabledOf(users) }),
})

const disabledOf = (table: ReadonlyMap<string, boolean>): ReadonlySet<string> =>
  new Set([...table].flatMap(([id, enabled]) => (enabled ? [] : [id])))

/** One that is no longer named keeps its row: a user who was configured once must not pass as an external one. */
function replace(table: Map<string, boolean>, rows: readonly Principal[]): void {
  for (const id of table.keys()) table.set(id, false)
  for (const { id, enabled } of rows) table.set(id, enabled)
}
