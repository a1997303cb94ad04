/**
 * Prints a line synchronously, so that nothing acknowledged is lost with the process; the pipe is full while the
 * reader is busy.
 */

import { writeSync } from 'node:fs'

export function print(...words: readonly string[]): void {
  let rest = Buffer.from(`${words.join(' ')}\n`)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}
