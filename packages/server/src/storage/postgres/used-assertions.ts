/** Used assertions in PostgreSQL (RFC 7523 §3, `jti`). */

import type { UsedAssertions } from '../../model/ports/stores.ts'
import type { Database } from './database.ts'
import { change } from './statements.ts'

export function createUsedAssertions({ run }: Database): UsedAssertions {
  const use = change(run, 'insert into replays (hash, expires_at) values ($1, $2) on conflict do nothing')
  return { add: async ({ hash, expires_at }) => (await use(hash, expires_at)) === 1 }
}
