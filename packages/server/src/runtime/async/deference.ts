/** Leaves queued rows to other processes for a while, because this one lacks the root key that sealed them. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Clock } from '../ports.ts'
import { isRecent } from '../recent.ts'

type Deference = {
  /** Call it when a claimed row can only be opened by others. */
  readonly defer: () => void
  /** Returns whether this process must claim nothing for now. */
  readonly mustWait: () => boolean
}

/** Longer than the time between two readings of the root keys. */
const wait: Seconds = 60

export function createDeference(clock: Clock): Deference {
  let since = Number.NEGATIVE_INFINITY
  return {
    defer() {
      since = clock.now()
    },
    mustWait: () => isRecent(since, wait, clock.now()),
  }
}
