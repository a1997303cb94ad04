/** `tessera serve`: from a configuration to a running server, and to its end. */

import { createServer } from 'node:net'
import type { Configuration } from '../configuration/configuration.ts'
import { followPort } from '../configuration/issuer.ts'
import type { ExitCode, ServeFlags } from './command.ts'
import { loadOrReport } from './report.ts'
import { collectStartGarbage } from './start-garbage.ts'

export async function serve({ config, port, host }: ServeFlags): Promise<ExitCode> {
  const configuration = await loadOrReport(config, { port, host })
  return configuration ? runUntilStopped(await settlePort(configuration)) : 1
}

/** Puts a free port in place of port 0: the issuer may hold it, so it must be known before the server is built. */
export const settlePort = async (configuration: Configuration): Promise<Configuration> =>
  configuration.port === 0 ? followPort(configuration, await freePort(configuration.host)) : configuration

/** Serves until SIGTERM or SIGINT, then drains. `ready` runs once it listens. */
export async function runUntilStopped(
  configuration: Configuration,
  ready: () => void = () => {},
): Promise<ExitCode> {
  // Listening before the server is up: a signal during the start must not kill it half-way.
  const stopped = stopSignal()
  const { startServer } = await import('../server.ts')
  const server = await startServer(configuration, {})
  process.stdout.write(`listening on ${server.url}\n`)
  ready()
  collectStartGarbage()
  await stopped
  await server.close()
  return 0
}

/** Resolves on the first SIGTERM or SIGINT; a second one ends the process without draining. */
const stopSignal = (): Promise<void> =>
  new Promise(resolve => {
    let asked = false
    const stop = () => {
      if (asked) process.exit(1)
      asked = true
      resolve()
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })

/** A port that is free now. */
const freePort = (host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, host, () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
