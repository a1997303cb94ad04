/** Deletes expired rows from memory. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Stores } from '../../model/ports/stores.ts'
import { queues } from '../tables/queues.ts'
import { type AnyTable, allTables } from '../tables/tables.ts'
import type { MemoryTable, Tables } from './tables.ts'

type Row = Readonly<Record<string, unknown>>

export const createCleanUp =
  (tables: Tables): Stores['cleanUp'] =>
  async (at, now) => {
    let deleted = 0
    const registered = new Set([...tables.registeredClients.values()].map(({ client_id }) => client_id))
    for (const [name, declared] of allTables) {
      const hasExpired = expiryTest(declared, tables, at)
      const table = tables[name] as unknown as MemoryTable<Row>
      if (hasExpired) deleted += table.deleteWhere(hasExpired)
    }
    // Derived rows are deleted together with the rows that they depend on.
    tables.principals.deleteWhere(
      ({ kind, id }) => kind === 'stored_client' && registered.has(id) && !tables.registeredClients.has(id),
    )
    if (now !== undefined) hasten(tables, now)
    return deleted
  }

function hasten(tables: Tables, now: Seconds): void {
  for (const { name, longestWait } of queues) {
    const queue = tables[name] as unknown as MemoryTable<Row & { readonly due_at: Seconds }>
    for (const row of queue.filter(({ due_at }) => due_at > now + longestWait))
      queue.put({ ...row, due_at: now })
  }
}

function expiryTest(
  { expiry }: AnyTable,
  { authorizations }: Tables,
  now: Seconds,
): ((row: Row) => boolean) | undefined {
  if (!expiry) return undefined
  const { at, keepsUsed } = expiry
  return row => {
    const ends = at.map(column => row[String(column)] as Seconds | undefined)
    if (!ends.some(end => end !== undefined && end <= now)) return false
    if (!keepsUsed || row.used_at === undefined) return true
    const authorization = authorizations.get(row.authorization_id as never)
    return authorization === undefined || authorization.expires_at <= now
  }
}
