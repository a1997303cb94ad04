/** `tessera serve`: runs a server until it is stopped. */

import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { Configuration } from '../configuration/configuration.ts'
import type { Overrides } from '../configuration/environment.ts'
import { followPort, isAddress, isLoopback } from '../configuration/issuer.ts'
import type { LoadOptions } from '../configuration/load.ts'
import { markOfServer } from '../configuration/restart.ts'
import { endSoon, print } from '../operations/output/standard-output.ts'
import { createPrimaryLog } from '../operations/workers/log.ts'
import { stopLimit } from '../operations/workers/stop-limit.ts'
import { settlesWithin } from '../runtime/async/promises.ts'
import type { Server } from '../server.ts'
import type { ExitCode, ServeFlags } from './command.ts'
import { reloadSignal } from './reload-signal.ts'
import { loadOrReport } from './report.ts'
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

/** Default: one worker per core, or one worker if data is stored in the process itself. */
const workersOf = (configuration: Configuration): number => {
  const { workers, storage, tenantIssuers } = configuration
  const alone = storage.kind === 'memory' || [configuration, ...tenantIssuers.values()].some(showsMail)
  return workers ?? (alone ? 1 : availableParallelism())
}

/** Whether mails are shown at /dev/mail, because no submission server is configured. */
const showsMail = ({ mail, accounts, issuer }: Configuration): boolean =>
  accounts.stored && !mail && isLoopback(new URL(issuer).hostname)

/** Serves with several processes on one port. This process supervises them and serves nothing itself. */
async function runWorkers(
  config: string,
  configuration: Configuration,
  { count, flags }: { readonly count: number; readonly flags: Overrides },
): Promise<ExitCode> {
  const { host, port } = configuration
  // Here rather than in each worker.
  await awaitPort(host, port)
  const { lead } = await import('./primary.ts')
  return lead({
    hint: browserHint(configuration, `http://${host}`),
    count,
    stopLimit: stopLimit(configuration),
    host,
    port,
    words: [config, String(port), host, JSON.stringify(flags), markOfServer(configuration)],
  })
}

/** Names the issuer if a browser should use it instead of the address: passkeys need a domain (Web Authentication §5.1.2). */
export function browserHint({ issuer }: Pick<Configuration, 'issuer'>, url: string): string {
  const { hostname } = new URL(issuer)
  return URL.canParse(url) && isAddress(new URL(url).hostname) && isLoopback(hostname) && !isAddress(hostname)
    ? `in a browser, use the issuer ${issuer}: passkeys do not work with an IP address\n`
    : ''
}

/** Replaces port 0 by a free port: the issuer may contain it, so it must be known before the server is composed. */
export const settlePort = async (configuration: Configuration): Promise<Configuration> =>
  configuration.port === 0 ? followPort(configuration, await probePort(configuration.host, 0)) : configuration

/** Serves until SIGTERM or SIGINT, then drains. Calls `ready` once it listens; SIGHUP reloads the `source`. */
export async function runUntilStopped(
  configuration: Configuration,
  { ready = () => {}, source }: { readonly ready?: () => void; readonly source?: LoadOptions },
): Promise<ExitCode> {
  // Installed before startup, so that a signal during startup does not kill the process halfway through.
  const stopped = stopSignal()
  const onReload = source && reloadSignal()
  let server: Server | undefined
  const run = async (): Promise<void> => {
    const { startServer } = await import('../server.ts')
    server = await startServer(configuration, {})
    const { url, reload, close } = server
    // The demo prints the addresses for a browser itself.
    print(`listening on ${url}\n${source ? browserHint(configuration, url) : ''}`)
    ready()
    if (source) onReload?.(() => reload(source))
    await stopped
    await close()
  }
  const ended = run()
  await Promise.race([stopped, ended])
  // A server limits its own end, but its start may hang.
  const limit = server?.stopLimit() ?? stopLimit(configuration)
  if (!(await settlesWithin(limit, ended)))
    createPrimaryLog(process.env.TESSERA_LOG_LEVEL).error('stop_timed_out', { waited_s: limit / 1000 })
  endSoon()
  return 0
}

/** Milliseconds. Workers whose primary was killed release the port a moment later. */
const portTimeout = 2000
const portInterval = 50

/** Rejects if the port is still in use after `portTimeout`. */
async function awaitPort(host: string, port: number): Promise<void> {
  for (const deadline = performance.now() + portTimeout; ; await setTimeout(portInterval)) {
    try {
      await probePort(host, port)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || performance.now() > deadline) throw error
    }
  }
}

/** Resolves to the port if it is free now, or to any free port for 0. Rejects if it is in use. */
const probePort = (host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(port, host, () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
