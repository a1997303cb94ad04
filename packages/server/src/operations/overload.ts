/** Logs that a queue rejects work: immediately, then at most every ten seconds with the count. */

import type { Clock, Log } from '../runtime/ports.ts'

const interval = 10

/** Returns a function that a queue calls for each item that it rejects. */
export function createOverloadLog({
  log,
  clock,
  queue,
}: {
  readonly log: Log
  readonly clock: Clock
  readonly queue: string
}): () => void {
  let next = 0
  let refused = 0
  return () => {
    refused += 1
    const now = clock.now()
    if (now < next) return
    log.warn('queue_full', { queue, refused })
    next = now + interval
    refused = 0
  }
}
