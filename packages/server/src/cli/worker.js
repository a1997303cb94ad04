/** A worker of `tessera serve`. JavaScript for the same reason as `tessera.js`. */

import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

enableCompileCache(fileURLToPath(new URL('../../.cache/', import.meta.url)))
const { work } = await import('./worker.ts')
await work(process.argv.slice(2))
