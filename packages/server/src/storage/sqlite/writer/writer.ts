/** Runs as the writer thread: each message is a batch, and its results are sent back once it is on disk. See `docs/decisions/0001-sqlite-writer-thread.md`. */

import { parentPort, workerData } from 'node:worker_threads'
import type { OpenOptions } from '../database.ts'
import { type Batch, createCommitter, type Results } from './committer.ts'

export type Finished = readonly [file: string, results: Results]

const committer = createCommitter(workerData as OpenOptions)

parentPort?.on('message', (batch: Batch | null) => {
  if (batch) return parentPort?.postMessage([batch[0], committer.commit(batch)] satisfies Finished)
  committer.close()
  parentPort?.close()
})
