/** Preloaded into each process of a test run: ends it if something keeps it running, during its tests or after them. */

import { fileLimit, restLimit } from './limits.ts'
import { runsTests } from './runs-tests.ts'

setTimeout(() => end(`after ${fileLimit / 60_000} minutes`), fileLimit).unref()

// A failed test may leave a server open, and the failure is reported only when the process ends.
if (runsTests) {
  const { after } = await import('node:test')
  after(() => {
    setTimeout(() => end(`${restLimit / 1000} seconds after the last test`), restLimit).unref()
  })
}

function end(when: string): never {
  const open = process.getActiveResourcesInfo().join(' ')
  console.error(`still running ${when}: ${process.argv.slice(1).join(' ')}\n  open: ${open}`)
  process.exit(1)
}
