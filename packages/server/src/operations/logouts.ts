/** Tells clients of ended sessions as time goes by: what is due again after a failure, and what another process left. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Log } from '../core/runtime.ts'

const interval: Seconds = 5

/** Begins at once; answers how to stop it. Does not keep the process alive. */
export function startLogouts({ runLogouts, log }: { runLogouts: () => Promise<void>; log: Log }): () => void {
  const run = (): void => {
    runLogouts().catch(error => log.error('logouts_failed', { error: String(error) }))
  }
  const timer = setInterval(run, interval * 1000)
  timer.unref()
  run()
  return () => clearInterval(timer)
}
