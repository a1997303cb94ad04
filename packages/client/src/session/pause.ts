/** Pauses between attempts that are likely to fail. */

import type { Seconds } from '@tessera/protocol/brand'

type Pause = { readonly start: () => void; readonly isOn: () => boolean }

/** Returns a pause that is on for some seconds after each start. If the clock was set back, it is off. */
export function createPause(length: Seconds, now: () => Seconds): Pause {
  let startedAt = Number.NEGATIVE_INFINITY
  return {
    start() {
      startedAt = now()
    },
    isOn() {
      const age = now() - startedAt
      return age >= 0 && age < length
    },
  }
}
