/** Retries transactions that PostgreSQL rolled back because of another one. */

import { setTimeout as sleep } from 'node:timers/promises'
import { isDeadlock } from './failure.ts'

const repetitions = 3

/** The shortest pause before the first retry, in milliseconds. It doubles with each. */
const firstPause = 20

/**
 * Retries `work` up to three times after a deadlock or a serialization failure (40P01, 40001).
 *
 * The other transaction can continue as soon as this one is rolled back, but a retry that is sent at once may acquire
 * the same locks before the other's process is scheduled, and then both wait for each other again. The pauses differ
 * at random, so that two nodes that retry don't meet again.
 */
export async function retriedAfterDeadlock<Value>(work: () => Promise<Value>): Promise<Value> {
  for (let retried = 0; ; retried++) {
    try {
      return await work()
    } catch (error) {
      if (retried === repetitions || !isDeadlock(error)) throw error
    }
    await sleep(firstPause * 2 ** retried * (1 + Math.random()))
  }
}
