/**
 * Bounds the requests to a host or for a document after failures. Anyone can make this server ask somebody else's host for
 * something that is not there.
 */

import type { Seconds } from '@tessera/protocol/brand'
import { setBounded } from './bounded-map.ts'
import type { Clock } from './ports.ts'
import { isRecent } from './recent.ts'

export type BackOff = {
  /** Returns the seconds until a request may be sent; 0: now. */
  readonly waitFor: (key: string) => Seconds
  readonly failed: (key: string) => void
}

/** Failures without a pause. */
const free = 5
/** The longest pause. It doubles with each failure, from one second. */
const maxPause: Seconds = 60
/** Failures are forgotten after this time without one. */
const quiet: Seconds = 600
/** Keys in memory. Beyond it, the oldest is dropped. */
const capacity = 10_000

type Failures = { readonly count: number; readonly at: Seconds }

/** Creates a back-off. Each key has its own pauses. */
export function createBackOff(clock: Clock): BackOff {
  const failures = new Map<string, Failures>()
  const recent = (key: string): Failures | undefined => {
    const found = failures.get(key)
    return found && isRecent(found.at, quiet, clock.now()) ? found : undefined
  }

  return {
    waitFor(key) {
      const found = recent(key)
      return found ? Math.max(0, Math.min(maxPause, found.at + pauseAfter(found.count) - clock.now())) : 0
    },
    failed(key) {
      const count = (recent(key)?.count ?? 0) + 1
      setBounded(failures, key, { count, at: clock.now() }, capacity)
    },
  }
}

const pauseAfter = (count: number): Seconds => (count < free ? 0 : Math.min(maxPause, 2 ** (count - free)))
