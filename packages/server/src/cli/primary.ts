/** The primary process of `tessera serve` with several workers. */

import { fileURLToPath } from 'node:url'
import { endSoon, print } from '../operations/output/standard-output.ts'
import { createPrimaryLog } from '../operations/workers/log.ts'
import { supervise } from '../operations/workers/supervision.ts'
import { reloadSignal } from './reload-signal.ts'
import { stopSignal } from './stop-signal.ts'

type PrimaryOptions = {
  /** Number of workers. */
  readonly count: number
  /** Milliseconds that a worker may take to stop. */
  readonly stopLimit: number
  /** Printed once the server listens. */
  readonly hint: string
  readonly host: string
  readonly port: number
  /** Arguments of each worker, which precede its number. */
  readonly words: readonly string[]
}

/** Supervises workers until SIGTERM or SIGINT. Resolves to the exit code. */
export async function lead({ count, stopLimit, hint, host, port, words }: PrimaryOptions): Promise<0 | 1> {
  const code = await supervise({
    count,
    entry: fileURLToPath(new URL('./worker-process.js', import.meta.url)),
    words,
    stopped: stopSignal(),
    stopLimit,
    onReload: reloadSignal(),
    onReady: () => print(`listening on http://${host.includes(':') ? `[${host}]` : host}:${port}\n${hint}`),
    log: createPrimaryLog(process.env.TESSERA_LOG_LEVEL),
  })
  endSoon()
  return code
}
