/**
 * Counted attempts in PostgreSQL. One conditional upsert counts every attempt that arrived in one event-loop tick, or none
 * of them; no lock is held across a round trip. See docs/decisions/0016-counting-attempts.md.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { AttemptLimit, Attempts } from '../../model/ports/stores.ts'
import { counterTolerance } from '../../model/ports/users.ts'
import { StoreUnavailable, type TokenHash } from '../../runtime/ports.ts'
import { type Asked, admit, type Counters } from './attempt-admission.ts'
import { batched } from './batching.ts'
import type { Database } from './database.ts'
import { sqlState } from './failure.ts'
import { change } from './statements.ts'

/** Whether the stored counter has not ended; see {@link counterTolerance}. */
const living = `(attempts.expires_at > $5 and attempts.expires_at <= excluded.expires_at + ${counterTolerance})`

/**
 * `room` is the highest stored count that leaves room for all that is added. Full counters are looked up first, without
 * a lock, so that guesses at a full counter don't make others wait. Rows are locked in the order of their keys, so no
 * two statements wait for each other. A counter that has filled up in the meantime violates `not null`, which rolls
 * back the whole statement.
 */
const countAll = `with asked as materialized (
    select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) as asked (hash, added, room, span)
  ), seen as materialized (
    select attempts.* from asked join attempts on attempts.hash = asked.hash
    where attempts.expires_at > $5::bigint and attempts.expires_at <= $5 + asked.span + ${counterTolerance}
  ), full_ones as materialized (
    select 1 from asked join seen on seen.hash = asked.hash where seen.count > asked.room
  ), counted as (
    insert into attempts (hash, count, expires_at)
    select hash, added, $5 + span from asked
    where not exists (select from full_ones) order by hash collate "C"
    on conflict (hash) do update set
      count = case
        when not ${living} then excluded.count
        when attempts.count <= ($3::bigint[])[array_position($1::text[], excluded.hash)]
          then attempts.count + excluded.count
      end,
      expires_at = case when ${living} then attempts.expires_at else excluded.expires_at end
    returning 1
  )
  select seen.hash, seen.count, seen.expires_at, (select count(*) from counted) from (values (1)) as one
  left join seen on true`

const takeBack = `with asked as materialized (
    select * from unnest($1::text[], $2::bigint[]) as asked (hash, taken)
  ), held as materialized (
    select attempts.hash, asked.taken from asked join attempts on attempts.hash = asked.hash
    where attempts.count > 0 order by attempts.hash for update of attempts
  )
  update attempts set count = greatest(attempts.count - held.taken, 0) from held where attempts.hash = held.hash`

const longestWait = `select coalesce(max(attempts.expires_at - $4::bigint), 0)
  from unnest($1::text[], $2::bigint[], $3::bigint[]) as asked (hash, most, span) join attempts on attempts.hash = asked.hash
  where attempts.count >= asked.most and attempts.expires_at > $4
    and attempts.expires_at <= $4 + asked.span + ${counterTolerance}`

/** Each round means that another process used the available room first. Counters fill up, so this ends much earlier. */
const mostRounds = 20

export function createAttempts({ run }: Database): Attempts {
  const forgiveAll = change(run, takeBack)

  /** Counts the attempts that fit. Returns for each 0, or the seconds to wait. */
  async function count(asked: readonly Asked[]): Promise<readonly Seconds[]> {
    let counters: Counters = new Map()
    for (let round = 0; round < mostRounds; round++) {
      const { waits, hashes, added, room, spans, at } = admit(asked, counters)
      if (hashes.length === 0) return waits
      const { counted, seen } = await attempt([hashes, added, room, spans, at], counters)
      if (counted) return waits
      counters = seen
    }
    throw new StoreUnavailable(
      'attempts could not be counted because of concurrent updates to the same counters',
    )
  }

  async function attempt(
    values: readonly [TokenHash[], number[], number[], number[], Seconds],
    before: Counters,
  ): Promise<{ readonly counted: boolean; readonly seen: Counters }> {
    try {
      const { rows } = await run(countAll, values)
      const found = rows.filter(([hash]) => hash !== null)
      return {
        counted: Number(rows[0]?.[3]) > 0,
        seen: new Map([
          ...before,
          ...found.map(
            ([hash, count, expiresAt]) => [String(hash), [Number(count), Number(expiresAt)]] as const,
          ),
        ]),
      }
    } catch (error) {
      // 23502: a counter filled up after it was read, so nothing was counted.
      if (sqlState(error) === '23502') return { counted: false, seen: before }
      throw error
    }
  }

  // Attempts with different times are counted separately, since the time decides which counters have expired.
  const countOne = batched(
    count,
    () =>
      ({ at }) =>
        String(at),
  )
  const forgiveOne = batched(async (asked: readonly (readonly TokenHash[])[]) => {
    const taken = Map.groupBy(asked.flat(), hash => hash)
    await forgiveAll(
      [...taken.keys()],
      [...taken.values()].map(({ length }) => length),
    )
    return asked.map(() => undefined)
  })

  return {
    count: async (limits, at) => (limits.length === 0 ? 0 : countOne({ limits, at })),
    async forgive(hashes) {
      if (hashes.length > 0) await forgiveOne(hashes)
    },
    async wait(limits, at) {
      const list = (name: keyof AttemptLimit) => limits.map(limit => limit[name])
      const values = [list('hash'), list('most'), list('span'), at]
      return Number((await run(longestWait, values)).rows[0]?.[0])
    },
  }
}
