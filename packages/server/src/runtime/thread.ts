/** Starts threads that run a module of the server. */

import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { Worker, type WorkerOptions } from 'node:worker_threads'

// Published code is JavaScript, and the compiler does not rewrite file names in URLs.
const isSource = import.meta.url.endsWith('.ts')

// In the clone, packages import each other's sources: a condition that NODE_OPTIONS may have set, which is not passed on.
const sources = isSource ? { execArgv: ['--conditions=tessera-source'] } : {}

/**
 * @param module the URL of its source, a `.ts` file.
 *
 * The thread does not get the environment, which may contain the master key.
 */
export const startThread = (module: URL, options: Pick<WorkerOptions, 'name' | 'workerData'>): Worker =>
  new Worker(isSource ? module : new URL(module.href.replace(/\.ts$/, '.js')), {
    ...options,
    ...sources,
    env: compileCache(),
  })

/** Shares the process's compile cache, if it has one. Otherwise the thread would strip and compile its modules at each start. */
function compileCache(): { NODE_COMPILE_CACHE?: string } {
  const directory = getCompileCacheDir()
  // Node appends its version's own folder.
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: dirname(directory) }
}
