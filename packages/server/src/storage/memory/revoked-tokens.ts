/** Revoked JWTs in memory (RFC 7009). */

import type { RevokedTokens } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createRevokedTokens = ({ revokedTokens }: Tables): RevokedTokens => ({
  has: jti => revokedTokens.has(jti),
  async add(jti, expiresAt) {
    revokedTokens.set(jti, { jti, expires_at: expiresAt })
  },
})
