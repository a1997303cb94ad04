/**
 * The first few batches of a process, committed by its main thread: what a start writes needs no writer thread, which
 * takes 10 MB and 40 ms. Blocking the main thread for an `fsync` each does no harm so early and so seldom.
 */

import type { OpenOptions } from '../database.ts'
import { type Answers, type Batch, type Committer, createCommitter, wasBusy } from './committer.ts'

const most = 8
/** For another process's lock, in milliseconds: the writer thread can wait for longer. */
const longestWait = 50

export type FirstBatches = {
  /** Undefined for a batch that the writer thread must commit: it is none of the first, or another process was writing. */
  readonly commit: (batch: Batch) => Answers | undefined
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
  const commit = (batch: Batch): Answers | undefined => {
    if (left === 0) return undefined
    left -= 1
    committer ??= createCommitter({ file, busyTimeout: Math.min(busyTimeout, longestWait) })
    const answers = committer.commit(batch)
    // After a failure here, the writer thread takes over from the next batch on.
    if (typeof answers === 'string' || left === 0) close()
    return wasBusy(answers) ? undefined : answers
  }
  return { commit, close }
}
