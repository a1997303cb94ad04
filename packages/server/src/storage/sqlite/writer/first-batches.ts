/**
 * Commits the first few batches of a process on its main thread, so that the writes of a start need no writer thread, which
 * takes 10 MB and 40 ms. Blocking the main thread for a few `fsync` calls is harmless that early.
 */

import type { OpenOptions } from '../database.ts'
import { type Batch, type Committer, createCommitter, type Results, wasBusy } from './committer.ts'

const most = 8
/** Milliseconds to wait for another process's lock. The writer thread can wait longer. */
const longestWait = 50

type FirstBatches = {
  /** Returns undefined for a batch that the writer thread must commit: a later one, or one during another process's write. */
  readonly commit: (batch: Batch) => Results | undefined
  readonly close: () => void
}

export function createFirstBatches({ file, busyTimeout }: OpenOptions): FirstBatches {
  let committer: Committer | undefined
  let left = most
  const close = (): void => {
    left = 0
    committer?.close()
    committer = undefined
  }
  const commit = (batch: Batch): Results | undefined => {
    if (left === 0) return undefined
    left -= 1
    committer ??= createCommitter({ file, busyTimeout: Math.min(busyTimeout, longestWait) })
    const results = committer.commit(batch)
    // After a failure, the writer thread commits all further batches.
    if (typeof results === 'string' || left === 0) close()
    return wasBusy(results) ? undefined : results
  }
  return { commit, close }
}
