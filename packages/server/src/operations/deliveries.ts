/** Delivers what waits as time goes by, logout tokens and mail: what is due again after a failure, and what another process left. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Log } from '../runtime/ports.ts'

export type DeliveryChore = {
  readonly deliver: () => Promise<void>
  /** What is logged where it fails. */
  readonly failed: 'logouts_failed' | 'mails_failed'
  readonly log: Log
}

const interval: Seconds = 5

/** Begins at once; answers how to stop it. Does not keep the process alive. */
export function startDeliveries({ deliver, failed, log }: DeliveryChore): () => void {
  const run = (): void => {
    deliver().catch(error => log.error(failed, { error: String(error) }))
  }
  const timer = setInterval(run, interval * 1000)
  timer.unref()
  run()
  return () => clearInterval(timer)
}
