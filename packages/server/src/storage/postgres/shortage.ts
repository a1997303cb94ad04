/**
 * Handles a server that accepts fewer connections than the pool may open: requests wait for the existing connections.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Log } from '../../runtime/ports.ts'
import { repeatedLine } from '../../runtime/repeated-line.ts'
import { sqlState } from './failure.ts'

/** `max_connections`, the reserved slots, or a role's limit is reached. */
const tooManyConnections = '53300'

/** Milliseconds after which the pool tries to open more connections again. */
const growAgainAfter = 10_000
/** Milliseconds between two attempts while the pool has no connection at all. */
const retryDelay = 100

type ShortageOptions = {
  /** The maximum number of connections that the pool may open. */
  readonly poolSize: number
  /** Milliseconds to wait for a connection. */
  readonly limit: number
  readonly log?: Log | undefined
}

/** Returns a function like `pool.connect` that waits up to the limit if the server accepts no more connections. */
export function createConnect(
  pool: pg.Pool,
  { poolSize, limit, log }: ShortageOptions,
): () => Promise<pg.PoolClient> {
  const options = pool.options as { max: number }
  // Unlike `totalCount`, excludes connections that are still being opened, some of which will be refused.
  const granted = new Set<pg.ClientBase>()
  pool.on('connect', client => void granted.add(client))
  pool.on('remove', client => void granted.delete(client))
  const report =
    log && repeatedLine(log.warn, { event: 'database_connections_short', count: 'refused_connections' })

  /** Makes the pool queue requests rather than open more connections. */
  function shrink(): void {
    options.max = Math.max(1, granted.size)
    report?.({ connections: granted.size, wanted: poolSize })
    setTimeout(() => {
      options.max = poolSize
    }, growAgainAfter).unref()
  }

  return async () => {
    for (const deadline = performance.now() + limit; ; ) {
      try {
        return await pool.connect()
      } catch (error) {
        if (sqlState(error) !== tooManyConnections || performance.now() > deadline) throw error
        shrink()
        if (granted.size === 0) await sleep(retryDelay)
      }
    }
  }
}
