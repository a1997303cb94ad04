/**
 * Counted attempts, in PostgreSQL: looked at and counted under a lock for each key, whichever node asks. Where there is
 * no room already, no lock is asked for, and of those who ask at once in one process one does at a time: whoever guesses
 * at one name without end must not keep every connection waiting.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { AttemptLimit, Attempts } from '../../core/stores.ts'
import type { Database } from './database.ts'
import { change, type Run } from './statements.ts'

const asked = 'unnest($1::text[], $2::bigint[], $3::bigint[]) as asked (hash, most, span)'

const longestWait = `select coalesce(max(attempts.expires_at - $4::bigint), 0)
  from ${asked} join attempts on attempts.hash = asked.hash
  where attempts.count >= asked.most and attempts.expires_at > $4`

const countAll = `insert into attempts (hash, count, expires_at)
  select hash, count(*), $4::bigint + min(span) from ${asked} group by hash
  on conflict (hash) do update set
    count = case when attempts.expires_at > $4 then attempts.count + excluded.count else excluded.count end,
    expires_at = case when attempts.expires_at > $4 then attempts.expires_at else excluded.expires_at end`

export function createAttempts({ run, locked }: Database): Attempts {
  const forgive = change(
    run,
    'update attempts set count = count - 1 where hash = any ($1::text[]) and count > 0',
  )
  /** The last one to ask, by what is counted. */
  const underWay = new Map<string, Promise<Seconds>>()

  /** After those before it; what they were refused it is refused too, and where they got no answer it gets none. */
  async function inTurn(key: string, count: () => Promise<Seconds>): Promise<Seconds> {
    const before = underWay.get(key)
    const mine = before ? before.then(wait => (wait > 0 ? wait : count())) : count()
    underWay.set(key, mine)
    try {
      return await mine
    } finally {
      if (underWay.get(key) === mine) underWay.delete(key)
    }
  }

  async function count(limits: readonly AttemptLimit[], at: Seconds): Promise<Seconds> {
    const values = [
      limits.map(({ hash }) => hash),
      limits.map(({ most }) => most),
      limits.map(({ span }) => span),
      at,
    ]
    const waitOf = async (read: Run) => Number((await read(longestWait, values)).rows[0]?.[0])
    const full = await waitOf(run)
    if (full > 0) return full
    return locked(
      limits.map(({ hash }) => `attempts ${hash}`),
      async write => {
        const wait = await waitOf(write)
        if (wait === 0) await write(countAll, values)
        return wait
      },
    )
  }

  return {
    count: async (limits, at) =>
      limits.length === 0 ? 0 : inTurn(JSON.stringify(limits), () => count(limits, at)),
    forgive: async hashes => {
      if (hashes.length > 0) await forgive(hashes)
    },
  }
}
