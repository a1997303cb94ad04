/** Revoked JWTs in SQLite (RFC 7009). */

import type { DatabaseSync } from 'node:sqlite'
import type { RevokedTokens } from '../../model/ports/stores.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

export const revokedTokenWrites = {
  addRevokedToken(database) {
    const add = change(
      database,
      `insert into revoked_tokens (jti, expires_at) values (?, ?)
      on conflict do update set expires_at = excluded.expires_at`,
    )
    return (jti: string, expiresAt: number): void => void add(jti, expiresAt)
  },
} as const satisfies Writes

export function createRevokedTokens(
  database: DatabaseSync,
  write: Calls<typeof revokedTokenWrites>,
): RevokedTokens {
  const find = one(database, 'select 1 from revoked_tokens where jti = ?')
  return {
    has: reading(database, jti => find(jti) !== undefined),
    add: (jti, expiresAt) => write.addRevokedToken(jti, expiresAt),
  }
}
