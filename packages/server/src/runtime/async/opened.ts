/** Closes what a function has opened: when its result is closed, or when it fails halfway. */

import type { Awaitable } from '../ports.ts'

export type Opened = {
  /** Adds what must be closed. */
  readonly add: (close: () => Awaitable<unknown>) => void
  /**
   * Closes everything, what was opened last first. Later calls return the same promise. If closing one fails, the others
   * are closed too, and the promise rejects with the first failure.
   */
  readonly close: () => Promise<void>
}

/** Runs the work. Closes what it has added, and rejects as it does, if it fails: an open connection keeps a process alive. */
export async function closingOnFailure<Value>(work: (opened: Opened) => Promise<Value>): Promise<Value> {
  const opened = createOpened()
  try {
    return await work(opened)
  } catch (error) {
    await opened.close().catch(() => {})
    throw error
  }
}

function createOpened(): Opened {
  const closes: (() => Awaitable<unknown>)[] = []
  let closing: Promise<void> | undefined
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = []
    for (const close of closes.toReversed()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
  return {
    add: close => void closes.push(close),
    close() {
      closing ??= closeAll()
      return closing
    },
  }
}
