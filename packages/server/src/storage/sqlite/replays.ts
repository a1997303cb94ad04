/** Replay markers in SQLite (RFC 7523 §3, `jti`). */

import type { DatabaseSync } from 'node:sqlite'
import type { Replays } from '../../model/ports/stores.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import { change } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

export function insertReplay(database: DatabaseSync): (hash: TokenHash, expiresAt: number) => boolean {
  const insert = change(
    database,
    'insert into replays (hash, expires_at) values (?, ?) on conflict do nothing',
  )
  return (hash, expiresAt) => insert(hash, expiresAt) === 1
}

export const replayWrites = { useReplay: insertReplay } as const satisfies Writes

export const createReplays = (write: Calls<typeof replayWrites>): Replays => ({
  use: marker => write.useReplay(marker.hash, marker.expires_at),
})
