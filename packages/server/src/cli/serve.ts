/** `tessera serve`: from a configuration to a running server, and to its end. */

import { flushCompileCache } from 'node:module'
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Configuration } from '../configuration/configuration.ts'
import type { Overrides } from '../configuration/environment.ts'
import { followPort, isLoopback } from '../configuration/issuer.ts'
import type { LoadOptions } from '../configuration/load.ts'
import { markOfServer } from '../configuration/restart.ts'
import { endSoon, print } from '../operations/output/standard-output.ts'
import type { ExitCode, ServeFlags } from './command.ts'
import { reloadSignal } from './reload-signal.ts'
import { loadOrReport } from './report.ts'
import { collectStartGarbage } from './start-garbage.ts'
import { stopSignal } from './stop-signal.ts'

export async function serve({ config, ...flags }: ServeFlags): Promise<ExitCode> {
  const loaded = await loadOrReport(config, flags)
  if (!loaded) return 1
  const configuration = await settlePort(loaded)
  const workers = workersOf(configuration)
  if (workers > 1) return runWorkers(config, configuration, { count: workers, flags })
  const source = { file: config, environment: process.env, overrides: flags }
  return runUntilStopped(configuration, { source })
}

/** As many as there are cores, unless something is kept in a process that a developer wants to see whole. */
const workersOf = (configuration: Configuration): number => {
  const { workers, storage, tenantIssuers } = configuration
  const alone = storage.kind === 'memory' || [configuration, ...tenantIssuers.values()].some(showsMail)
  return workers ?? (alone ? 1 : availableParallelism())
}

/** At /dev/mail, for want of a server that it could be sent to. */
const showsMail = ({ mail, accounts, issuer }: Configuration): boolean =>
  accounts.kept && !mail && isLoopback(new URL(issuer).hostname)

/**
 * Serves by several processes on one port. This one becomes their primary: by `execve`, where there is that, since what
 * reading a configuration took of memory would otherwise be kept for as long as they serve.
 */
async function runWorkers(
  config: string,
  configuration: Configuration,
  { count, flags }: { readonly count: number; readonly flags: Overrides },
): Promise<ExitCode> {
  const { host, port } = configuration
  // Found here rather than by each of them.
  await awaitPort(host, port)
  const words = [
    ...[String(count), config, String(port), host, JSON.stringify(flags)],
    markOfServer(configuration),
  ]
  if (process.platform === 'win32' || process.channel) return (await import('./primary.ts')).lead(words)
  flushCompileCache()
  const entry = fileURLToPath(new URL('./primary.js', import.meta.url))
  return process.execve!(
    process.execPath,
    [process.execPath, ...process.execArgv, entry, ...words],
    process.env,
  )
}

/** Puts a free port in place of port 0: the issuer may hold it, so it must be known before the server is built. */
export const settlePort = async (configuration: Configuration): Promise<Configuration> =>
  configuration.port === 0 ? followPort(configuration, await probePort(configuration.host, 0)) : configuration

/** Serves until SIGTERM or SIGINT, then drains. `ready` runs once it listens; SIGHUP has the `source` read anew. */
export async function runUntilStopped(
  configuration: Configuration,
  { ready = () => {}, source }: { readonly ready?: () => void; readonly source?: LoadOptions },
): Promise<ExitCode> {
  // Listening before the server is up: a signal during the start must not kill it half-way.
  const stopped = stopSignal()
  const onReload = source && reloadSignal()
  const { startServer } = await import('../server.ts')
  const server = await startServer(configuration, {})
  print(`listening on ${server.url}\n`)
  ready()
  if (source) onReload?.(() => server.reload(source))
  collectStartGarbage()
  await stopped
  await server.close()
  endSoon()
  return 0
}

/** Milliseconds. Workers whose primary was killed let go of the port a moment after it. */
const portPatience = 2000
const portInterval = 50

/** Rejects if the port is still taken after a while. */
async function awaitPort(host: string, port: number): Promise<void> {
  for (const deadline = performance.now() + portPatience; ; await setTimeout(portInterval)) {
    try {
      await probePort(host, port)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || performance.now() > deadline) throw error
    }
  }
}

/** The port if it is free now, or any that is for 0; rejects if it is taken. */
const probePort = (host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(port, host, () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
