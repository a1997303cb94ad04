/** A listening server: starts it, reloads its configuration and closes it. */

import type { Configuration } from '../configuration/configuration.ts'
import type { LoadOptions } from '../configuration/load.ts'
import { logFromEnvironment } from '../operations/log.ts'
import { loadMailLibrary } from '../operations/mail/smtp.ts'
import { print as printToStandardOutput } from '../operations/output/standard-output.ts'
import { closeLimit, stopLimit } from '../operations/workers/stop-limit.ts'
import { closingOnFailure, type Opened } from '../runtime/async/opened.ts'
import { settlesWithin } from '../runtime/async/promises.ts'
import { silentLog } from '../runtime/ports.ts'
import { edgeOptions } from './edge.ts'
import { loadPageCode } from './lazy-pages.ts'
import type { Overrides } from './server-context.ts'
import { createTessera } from './tessera.ts'

export type ServerOptions = Pick<Overrides, 'log' | 'print' | 'metricsExchange'> & {
  /** The number of this process among several on one port and one store, from 1. Some jobs run in the first one only. */
  readonly worker?: number
}

export type Server = {
  readonly url: string
  /**
   * Reads a configuration and applies it. A configuration that is invalid, or that changes settings which require a
   * restart, is logged and rejected. Resolves to whether it was applied.
   */
  readonly reload: (source: LoadOptions) => Promise<boolean>
  /** Milliseconds after which a process that calls `close` may be killed. Includes the current `drain_delay`. */
  readonly stopLimit: () => number
  /** Drains, finishes the requests in progress, and closes the store. Takes at most `drain_delay` and 17 s. */
  readonly close: () => Promise<void>
}

/** Listens and starts the background jobs. Throws what `createTessera` throws, and if the address can't be listened on. */
export function startServer(configuration: Configuration, options: ServerOptions = {}): Promise<Server> {
  return closingOnFailure(opened => start(opened, configuration, options))
}

async function start(
  opened: Opened,
  configuration: Configuration,
  { worker, metricsExchange, log: given, print = printToStandardOutput }: ServerOptions,
): Promise<Server> {
  const own = given ? undefined : logFromEnvironment(worker)
  const log = given ?? own ?? silentLog
  const code = Promise.all([
    import('../http/node.ts'),
    loadPageCode(),
    sendsMail(configuration) && loadMailLibrary(),
  ])
  // Awaited below: loaded while the server is composed.
  code.catch(() => {})
  const tessera = await createTessera(configuration, {
    jobs: { inactive: worker === undefined || worker === 1 },
    log,
    print,
    droppedLines: own?.dropped,
    metricsExchange,
  })
  opened.add(tessera.close)
  const [{ listen }] = await code
  const { host, port } = configuration
  const { url, trust, close } = await listen(tessera.handle, {
    ...edgeOptions(configuration, { log, probes: tessera.probes }),
    host,
    port,
    shared: worker !== undefined,
  })
  const replace = async (next: Configuration): Promise<void> => {
    await tessera.replace(next)
    trust(next)
  }
  return {
    url,
    // Loaded on the first reload, because most servers never reload.
    async reload(source) {
      try {
        const { reload } = await import('./reload.ts')
        return await reload(source, { running: tessera.configuration, replace, log })
      } catch (error) {
        log.error('configuration_not_applied', { file: source.file, error: String(error) })
        return false
      }
    },
    stopLimit: () => stopLimit(tessera.configuration),
    async close() {
      tessera.drain()
      const { drainDelay } = tessera.configuration
      // Wait until the load balancer has noticed.
      if (drainDelay > 0) await new Promise(resolve => setTimeout(resolve, drainDelay * 1000))
      const ended = await settlesWithin(
        closeLimit * 1000,
        close().then(() => tessera.close()),
      )
      if (!ended) log.error('stop_timed_out', { waited_s: closeLimit })
      await own?.settle(1000)
    },
  }
}

const sendsMail = ({ mail, tenantIssuers }: Configuration): boolean =>
  mail !== undefined || [...tenantIssuers.values()].some(sendsMail)
