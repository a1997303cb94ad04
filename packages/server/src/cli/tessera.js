#!/usr/bin/env node
/**
 * The `tessera` command: see docs/guides/command-line.md. JavaScript, because a first file of TypeScript would load the
 * type stripper at every start; what comes after `enableCompileCache` is kept stripped and compiled.
 */

import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// Beside the code rather than in the system's temporary folder, where other users could leave code for us to run.
// Where it can't be written there is no cache; NODE_COMPILE_CACHE names another place.
enableCompileCache(fileURLToPath(new URL('../../.cache/', import.meta.url)))
const { run } = await import('./program.ts')
process.exitCode = await run(process.argv.slice(2))
