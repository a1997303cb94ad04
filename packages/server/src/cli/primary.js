/** The primary as a program of its own. JavaScript for the same reason as `tessera.js`. */

import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

enableCompileCache(fileURLToPath(new URL('../../.cache/', import.meta.url)))
const { lead } = await import('./primary.ts')
process.exitCode = await lead(process.argv.slice(2))
