/** What a start leaves in memory: see docs/decisions/0005-start-and-memory.md. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** For the answer to be out that whoever waits for the start is waiting for. */
const delay = 100

/**
 * Soon gives back what loading and compiling left behind, and the room that it took: a server that has nothing to do
 * allocates nothing, so V8 would never look for it. Once, for some tens of milliseconds. Compiled code is kept by the
 * flags that it was compiled under, so what is loaded later must always be loaded under these.
 */
export function collectStartGarbage(): void {
  setTimeout(() => {
    // Only contexts that are made meanwhile have `gc`.
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as (options: { type: 'major'; flavor: 'last-resort' }) => void
    setFlagsFromString('--no-expose-gc')
    collect({ type: 'major', flavor: 'last-resort' })
    // The room for new objects is small now: under load it gets back to what it was in one step rather than in four.
    setFlagsFromString('--semi-space-growth-factor=8')
  }, delay).unref()
}
