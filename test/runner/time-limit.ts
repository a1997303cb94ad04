/** Preloaded into each process of a test run: ends it if something keeps it running. */

import { fileLimit } from './limits.ts'

setTimeout(() => {
  console.error(`still running after ${fileLimit / 60_000} minutes: ${process.argv.slice(1).join(' ')}`)
  process.exit(1)
}, fileLimit).unref()
