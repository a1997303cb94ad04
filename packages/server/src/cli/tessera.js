#!/usr/bin/env node
/** The `tessera` command: see docs/guides/command-line.md. */

import './compile-cache.js'

const { run } = await import('./program.ts')
process.exitCode = await run(process.argv.slice(2))
