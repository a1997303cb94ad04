/** Used assertions in SQLite (RFC 7523 §3, `jti`). */

import type { DatabaseSync } from 'node:sqlite'
import type { UsedAssertions } from '../../model/ports/stores.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import { change } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

export function insertUsedAssertion(database: DatabaseSync): (hash: TokenHash, expiresAt: number) => boolean {
  const insert = change(
    database,
    'insert into replays (hash, expires_at) values (?, ?) on conflict do nothing',
  )
  return (hash, expiresAt) => insert(hash, expiresAt) === 1
}

export const usedAssertionWrites = { addUsedAssertion: insertUsedAssertion } as const satisfies Writes

export const createUsedAssertions = (write: Calls<typeof usedAssertionWrites>): UsedAssertions => ({
  add: marker => write.addUsedAssertion(marker.hash, marker.expires_at),
})
