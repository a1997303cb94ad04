/** Deletes what has expired from memory. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Stores } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createCleanUp =
  (tables: Tables): Stores['cleanUp'] =>
  async at => {
    const ended = (row: { readonly expires_at: Seconds }): boolean => row.expires_at <= at
    const { authorizations, devices, userCodes, sessionClients } = tables
    return (
      deleteWhere(tables.families, row => ended(row) || row.idle_expires_at <= at) +
      deleteWhere(tables.referenceTokens, ended) +
      deleteWhere(tables.revokedTokens, ended) +
      deleteWhere(tables.usedAssertions, ended) +
      deleteWhere(tables.pushedRequests, ended) +
      deleteWhere(tables.upstreamRequests, ended) +
      deleteWhere(tables.upstreamSessions, ended) +
      deleteWhere(tables.pendingSignIns, ended) +
      deleteWhere(tables.waitingMails, ended) +
      deleteWhere(tables.attempts, ended) +
      deleteWhere(tables.sessions, row => row.idle_expires_at <= at && sessionClients.delete(row.sid)) +
      deleteWhere(tables.logoutNotices, ended) +
      deleteWhere(devices, row => ended(row) && userCodes.delete(row.user_code_hash)) +
      deleteWhere(authorizations, ended) +
      deleteWhere(
        tables.registeredClients,
        row =>
          row.expires_at !== undefined && row.expires_at <= at && tables.storedClients.delete(row.client_id),
      ) +
      // A used code is kept until its authorization ends, so that a replay of it is recognised.
      deleteWhere(
        tables.codes,
        row => ended(row) && (row.used_at === undefined || !authorizations.has(row.authorization_id)),
      )
    )
  }

function deleteWhere<Id, Row>(table: Map<Id, Row>, condition: (row: Row) => boolean): number {
  const before = table.size
  for (const [id, row] of table) if (condition(row)) table.delete(id)
  return before - table.size
}
