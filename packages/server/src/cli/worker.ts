/** Runs a worker: one of several processes that serve on one port. */

import type { Overrides } from '../configuration/environment.ts'
import { loadConfiguration } from '../configuration/load.ts'
import { markOfServer } from '../configuration/restart.ts'
import { endSoon, guardStandardOutput } from '../operations/output/standard-output.ts'
import { createPrimary } from '../operations/workers/primary.ts'
import { stopLimit } from '../operations/workers/stop-limit.ts'
import type { Server } from '../server.ts'
import { stopSignal } from './stop-signal.ts'

/**
 * @param words arguments from `serve`: the configuration's file, port, host, flags and server hash, then this worker's
 * number.
 */
export async function work([
  file = '',
  port = '',
  host = '',
  typed = '',
  mark = '',
  number = '',
]: readonly string[]): Promise<void> {
  guardStandardOutput()
  const signalled = stopSignal()
  // A terminal sends it to all of its processes; workers reload when the primary asks them.
  process.on('SIGHUP', () => {})
  const primary = createPrimary(Number(number))
  try {
    // `serve` has printed the warnings.
    const flags = JSON.parse(typed) as Overrides
    const source = { file, environment: process.env, overrides: flags }
    const loaded = await loadConfiguration({ ...source, overrides: { ...flags, port, host } })
    if (!loaded.ok) throw new Error(`${file} was changed and is now invalid: run tessera config check`)
    if (markOfServer(loaded.configuration) !== mark)
      throw new Error(`the issuer or storage in ${file} has changed: restart the server`)
    const { configuration } = loaded
    const stopped = Promise.race([signalled, primary.stopped])
    let server: Server | undefined
    // Not the limit of the primary: a reload may have changed it. Reported also while the start hangs.
    void stopped.then(() => primary.stopping(server?.stopLimit() ?? stopLimit(configuration)))
    const { startServer } = await import('../server.ts')
    server = await startServer(configuration, {
      worker: Number(number),
      metricsExchange: primary.metrics,
    })
    const { reload, close } = server
    primary.onReload(() => reload(source))
    primary.ready()
    await stopped
    await close()
    primary.leave()
    endSoon()
  } catch (error) {
    const { failureText } = await import('./failure.ts')
    const stack = error instanceof Error ? error.stack : undefined
    primary.fail({ message: failureText(error), stack })
  }
}
