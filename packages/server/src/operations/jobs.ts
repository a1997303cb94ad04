/** Looks after the tenants' issuers as time goes by, those that sleep among them. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Log } from '../runtime/ports.ts'

const interval: Seconds = 3600
/** Soon after the start: a process that ended may have left something to be told. */
const first: Seconds = 10

export type RoundPorts = {
  /** One round; the next begins no sooner than it is done. */
  readonly tend: () => Promise<void>
  readonly log: Log
}

/** Answers how to stop it; does not keep the process alive. */
export function startRounds({ tend, log }: RoundPorts): () => void {
  let timer: NodeJS.Timeout
  const after = (seconds: Seconds): void => {
    timer = setTimeout(async () => {
      try {
        await tend()
      } catch (error) {
        log.error('tenant_round_failed', { error: String(error) })
      }
      if (!stopped) after(interval)
    }, seconds * 1000)
    timer.unref()
  }
  let stopped = false
  after(first)
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
