/** The entry of a worker of `tessera serve`. */

import './compile-cache.js'

const { work } = await import('./worker.ts')
await work(process.argv.slice(2))
