/** What a start leaves in memory: see docs/decisions/0005-start-and-memory.md. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** For the answer to be out that whoever waits for the start is waiting for. */
const delay = 100

/**
 * Soon gives back what loading and compiling left behind, and the room that it took: a server that has nothing to do
 * allocates nothing, so V8 would never look for it. Once, for some tens of milliseconds.
 */
export function collectStartGarbage(): void {
  setTimeout(() => {
    // Only contexts that are made meanwhile have `gc`; without the flag again what is compiled later can be cached.
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as (options: { type: 'major'; flavor: 'last-resort' }) => void
    setFlagsFromString('--no-expose-gc')
    collect({ type: 'major', flavor: 'last-resort' })
  }, delay).unref()
}
