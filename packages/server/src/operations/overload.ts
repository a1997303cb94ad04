/** Logs that work was turned away because too much of it waits: at once, then at most every ten seconds, with how much. */

import type { Clock, Log } from '../runtime/ports.ts'

const interval = 10

/** Returns what a queue calls for each work that it turns away. */
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
