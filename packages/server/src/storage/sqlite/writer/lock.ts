/** Waits for the write lock of a file that several processes write. */

import type { DatabaseSync } from 'node:sqlite'
import { isBusy } from '../database.ts'

/** Milliseconds, about as long as another process's commit takes. */
const longestPause = 1

/**
 * Begins a write transaction as soon as no other process is writing. Throws if that takes longer than `timeout`
 * milliseconds. SQLite's own wait sleeps for up to 100 ms, while a busy process takes the lock again and again within
 * one millisecond, so another process could wait for seconds. Polling every millisecond costs 1 % of a core.
 */
export function beginLocked(database: DatabaseSync, timeout: number): void {
  const deadline = performance.now() + timeout
  for (let pause = 0.1; ; pause = Math.min(pause * 2, longestPause)) {
    try {
      database.exec('begin immediate')
      return
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error
      sleep(pause)
    }
  }
}

const nobody = new Int32Array(new SharedArrayBuffer(4))

/** Blocks the whole thread, which has nothing else to do. */
const sleep = (milliseconds: number): void => void Atomics.wait(nobody, 0, 0, milliseconds)
