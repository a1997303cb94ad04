/** Revoked JWTs in PostgreSQL (RFC 7009). */

import type { RevokedTokens } from '../../model/ports/stores.ts'
import type { Database } from './database.ts'
import { byKey } from './gathering.ts'
import { change } from './statements.ts'

export function createRevokedTokens({ run }: Database): RevokedTokens {
  const find = byKey(run, 'select jti from revoked_tokens where jti = any ($1::text[])')
  const add = change(
    run,
    `insert into revoked_tokens (jti, expires_at) values ($1, $2)
    on conflict (jti) do update set expires_at = excluded.expires_at`,
  )
  return {
    has: async jti => (await find(jti)) !== undefined,
    add: async (jti, expiresAt) => void (await add(jti, expiresAt)),
  }
}
