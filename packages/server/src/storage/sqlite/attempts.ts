/** Counted attempts, in SQLite: looked at and counted in one transaction, whichever process asks. */

import type { DatabaseSync } from 'node:sqlite'
import type { Seconds } from '@tessera/protocol/brand'
import type { AttemptLimit, Attempts } from '../../model/ports/stores.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

export const attemptWrites = {
  countAttempts(database) {
    const wait = waitAt(database)
    const count = change(
      database,
      `insert into attempts (hash, count, expires_at) values (?1, 1, ?2 + ?3)
      on conflict do update set
        count = case when expires_at > ?2 then count + 1 else 1 end,
        expires_at = case when expires_at > ?2 then expires_at else excluded.expires_at end`,
    )
    return (limits: readonly AttemptLimit[], at: Seconds): Seconds => {
      const waiting = wait(limits, at)
      if (waiting === 0) for (const { hash, span } of limits) count(hash, at, span)
      return waiting
    }
  },
  forgiveAttempts(database) {
    const forgive = change(database, 'update attempts set count = count - 1 where hash = ? and count > 0')
    return (hashes: readonly string[]): void => {
      for (const hash of hashes) forgive(hash)
    }
  },
} as const satisfies Writes

export const createAttempts = (database: DatabaseSync, write: Calls<typeof attemptWrites>): Attempts => ({
  count: (limits, at) => write.countAttempts(limits, at),
  forgive: hashes => write.forgiveAttempts(hashes),
  wait: reading(database, waitAt(database)),
})

function waitAt(database: DatabaseSync) {
  const waiting = one(
    database,
    'select expires_at from attempts where hash = ? and count >= ? and expires_at > ?',
  )
  return (limits: readonly AttemptLimit[], at: Seconds): Seconds =>
    Math.max(0, ...limits.map(({ hash, most }) => Number(waiting(hash, most, at)?.[0] ?? at) - at))
}
