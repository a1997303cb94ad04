/** Processes a durable queue that several processes claim items from: mails and webhooks. */

import type { Awaitable } from '../ports.ts'
import { settlesWithin, singleFlight } from './promises.ts'

/**
 * Milliseconds that a job waits for receivers. One that does not respond must not delay the job's other work, the next
 * run, or the end of the process.
 */
export const receiverLimit = 5000

/**
 * Milliseconds: how long closing still claims items, which the last requests stored, and then waits for those in progress.
 * An item that was delivered, but isn't recorded as delivered, is delivered again.
 */
const [claimLimit, recordLimit] = [1000, receiverLimit - 1000]

type Deliveries = {
  /** Logs a failed delivery, unless `close` has resolved: one that took longer could not be recorded in a closed store. */
  readonly logFailure: (error: unknown) => void
  /** Delivers for a moment, then claims no more, and waits for deliveries in progress: `receiverLimit` in total. */
  readonly close: () => Promise<void>
}

/** Ends the deliveries of a queue, and logs those that fail before. */
export function createDeliveries({
  logError,
  settled,
  stop,
}: {
  readonly logError: (error: string) => void
  readonly settled: () => Promise<void>
  /** Stops claiming items. */
  readonly stop: () => void
}): Deliveries {
  let isClosed = false
  return {
    logFailure(error) {
      if (!isClosed) logError(String(error))
    },
    async close() {
      await settlesWithin(claimLimit, settled())
      stop()
      await settlesWithin(recordLimit, settled())
      isClosed = true
    },
  }
}

type ClaimLoopPorts<Item> = {
  /** How many items are processed concurrently. */
  readonly atOnce: number
  readonly anyDue: () => Awaitable<boolean>
  /** Claims items that are due, but no more than `limit`. */
  readonly claim: (limit: number) => Promise<readonly Item[]>
  /** Must remove or postpone the item. If it rejects, the run claims no more and rejects. */
  readonly work: (item: Item) => Promise<void>
}

type ClaimLoop = {
  /** Processes all items that are due. Simultaneous calls share one run, which checks for due items again. */
  readonly run: () => Promise<void>
  /** Resolves when no run is in progress, even if it failed. */
  readonly settled: () => Promise<void>
  /**
   * Makes a run in progress check again. Returns whether there is one; the caller that started it receives the error. A
   * caller that waits for nothing should not call `run` then: under load a run may last for days, and would keep whatever
   * waits for it.
   */
  readonly wakes: () => boolean
  /** Stops claiming items. */
  readonly stop: () => void
}

export function createClaimLoop<Item>({ atOnce, anyDue, claim, work }: ClaimLoopPorts<Item>): ClaimLoop {
  let again = false
  let isStopped = false
  let wake = (): void => {}

  /** Runs until nothing is due. A slow item occupies one slot and does not delay the others. */
  const run = singleFlight(async (): Promise<void> => {
    const inFlight = new Set<Promise<void>>()
    const failures: unknown[] = []
    const begin = (item: Item): void => {
      const working = work(item)
        .catch(error => void failures.push(error))
        .finally(() => inFlight.delete(working))
      inFlight.add(working)
    }
    do {
      again = false
      const woken = new Promise<void>(resolve => {
        wake = resolve
      })
      if (failures.length === 0) await fill(inFlight, begin)
      if (inFlight.size === 0) continue
      await Promise.race([...inFlight, woken])
      again = true
    } while (again)
    if (failures.length > 0) throw failures[0]
  })

  async function fill(inFlight: ReadonlySet<unknown>, begin: (item: Item) => void): Promise<void> {
    while (!isStopped && inFlight.size < atOnce && (await anyDue())) {
      const claimed = await claim(atOnce - inFlight.size)
      if (claimed.length === 0) return
      for (const item of claimed) begin(item)
    }
  }

  return {
    run() {
      again = true
      wake()
      return run()
    },
    wakes() {
      if (!run.current()) return false
      again = true
      wake()
      return true
    },
    settled: async () => run.current()?.catch(() => {}),
    stop() {
      isStopped = true
    },
  }
}
