/** The primary of `tessera serve` with several workers. */

import { fileURLToPath } from 'node:url'
import { endSoon, guardStandardOutput, print } from '../operations/output/standard-output.ts'
import { createPrimaryLog } from '../operations/workers/log.ts'
import { supervise } from '../operations/workers/supervision.ts'
import { reloadSignal } from './reload-signal.ts'
import { stopSignal } from './stop-signal.ts'

/** @param words how many workers, the configuration's file, port and host as they are settled, the flags as they were typed, and the server's mark. */
export async function lead([count, config = '', port = '', host = '', ...more]: readonly string[]): Promise<
  0 | 1
> {
  guardStandardOutput()
  const code = await supervise({
    count: Number(count),
    entry: fileURLToPath(new URL('./worker.js', import.meta.url)),
    words: [config, port, host, ...more],
    stopped: stopSignal(),
    onReload: reloadSignal(),
    onReady: () => print(`listening on http://${host.includes(':') ? `[${host}]` : host}:${port}\n`),
    log: createPrimaryLog(process.env.TESSERA_LOG_LEVEL),
  })
  endSoon()
  return code
}
