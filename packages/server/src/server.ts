/**
 * What the package offers. `createTessera` composes a server without a socket; `startServer` listens. With the room
 * `composition` this is the only place where rooms meet.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest, Route } from '@tessera/protocol/http'
import { layFoundation } from './app/issuer-context.ts'
import { measure } from './app/metrics.ts'
import { createEditions } from './app/reloading.ts'
import { composeProbes } from './app/routes.ts'
import { layGround, openStorehouse, outboundOf, type Surroundings } from './app/server-context.ts'
import { composeServices } from './app/services.ts'
import { shareTenants } from './app/shared-tenants.ts'
import { composeEdition } from './app/snapshot.ts'
import type { Configuration } from './configuration/configuration.ts'
import type { LoadOptions } from './configuration/load.ts'
import { createFetchHandler, type FetchHandler } from './http/fetch.ts'
import { createLoad } from './http/load.ts'
import type { Router } from './http/router.ts'
import type { Accounts } from './identity/accounts.ts'
import { keepUsers, type UserKeeping } from './identity/user-administration.ts'
import type { KeyInfo, ManagedKeyRing } from './keys/key-ring.ts'
import type { Session } from './model/authorization.ts'
import type { Storehouse, Stores } from './model/ports/stores.ts'
import { type EndSession, lives } from './model/session.ts'
import { createCleanUp, expiredBy, startCleanUp } from './operations/clean-up.ts'
import { startDeliveries } from './operations/deliveries.ts'
import { startRounds } from './operations/jobs.ts'
import { createLog, type LogLevel, type ProcessLog } from './operations/log.ts'
import { print as printToStandardOutput } from './operations/output/standard-output.ts'
import { silentLog } from './runtime/ports.ts'
import { createEndings } from './sessions/session-end.ts'

export { defineConfig } from './configuration/define.ts'
export { loadConfiguration } from './configuration/load.ts'
export { parseConfiguration } from './configuration/parse.ts'
export { jwtBearer } from './endpoints/token/grants/jwt-bearer.ts'
export { tokenExchange } from './endpoints/token/grants/token-exchange.ts'
export { defineGrant } from './model/extension-grant.ts'
export { pageStyle } from './pages/ui/theme.ts'

/** Export, import and backup, for the command line; loaded when they are asked for. */
export const openArchives = () => import('./app/archives.ts')

/** `visits`: unless another process does. */
type ChoreOptions = { readonly visits: boolean }
const alone: ChoreOptions = { visits: true }

/** A composed server without a socket: its own issuer, and its tenants' behind it. */
export type Tessera = {
  readonly issuer: string
  /** That it serves now. */
  readonly configuration: Configuration
  /** Of its own issuer. */
  readonly routes: readonly Route[]
  /** Paths that are answered even under overload, for every host. */
  readonly probes: readonly string[]
  /** Answers for every issuer. */
  readonly handle: Router
  /** For mounting in another framework. */
  readonly fetch: FetchHandler
  /** Of its own issuer. */
  readonly stores: Stores
  readonly storehouse: Storehouse
  /** Of its own issuer. */
  readonly keys: ManagedKeyRing
  readonly endSession: EndSession
  /** Of its own issuer. */
  readonly accounts: Accounts
  /** Fulfilled when what goes on behind answers is done: mail, and telling clients of its own issuer. */
  readonly settled: () => Promise<void>
  /** Ends sessions that have expired, where the configuration asks for it, and tells clients what is due; `startChores` does so by itself. */
  readonly runLogouts: () => Promise<void>
  /** Deletes what has certainly expired; `startChores` does so by itself. */
  readonly runCleanUp: () => Promise<void>
  /** Sends mail that is due; `startChores` does so by itself. */
  readonly runMails: () => Promise<void>
  /** Puts tenants' issuers to sleep that nobody asked for in an hour, and `visits` those that sleep, for their chores; `startChores` does so by itself. */
  readonly tendTenants: (options?: ChoreOptions) => Promise<void>
  /** From now on deletes expired rows, sends mail that waits, and tells clients of sessions that ended; answers how to stop it. */
  readonly startChores: (options?: ChoreOptions) => () => void
  /**
   * Serves this configuration from now on: requests under way are finished as they were begun. Rejects, and goes on as
   * before, where it can't be composed. What `restartFaults` names is not looked at.
   */
  readonly replace: (configuration: Configuration) => Promise<void>
  /** From here on `/readyz` answers 503. */
  readonly drain: () => void
  readonly close: () => Promise<void>
}

/** Opens the store, makes what keys are missing and joins everything; throws where the store or the master key does not fit. */
export async function createTessera(
  configuration: Configuration,
  surroundings: Surroundings = {},
): Promise<Tessera> {
  const laid = await layGround(configuration, surroundings)
  const load = createLoad({ onOverload: under_way => laid.log.warn('overloaded', { under_way }) })
  const { gathering, droppedLines } = surroundings
  const measured = await measure(configuration, {
    ...{ ground: laid, load, ...(gathering && { gathering }), ...(droppedLines && { droppedLines }) },
    accepted: () => editions.current().configuration.metrics?.tokens ?? [],
  })
  const { observe } = measured
  const { log, clock, clockFault } = measured.ground
  const storehouse = shareTenants(measured.ground.storehouse)
  let draining = false
  const probes = [
    ...composeProbes({
      ...{ ready: storehouse.main.ready, draining: () => draining },
      fault: () => clockFault() ?? laid.storehouse.fault?.(),
    }),
    ...measured.routes,
  ]
  const editions = await createEditions(configuration, {
    log,
    compose: (next, before) =>
      composeEdition(next, before, {
        ground: { ...measured.ground, storehouse, outbound: outboundOf(next, surroundings) },
        ...{ load, probes, ...(observe && { observe }) },
      }),
  })
  const server = () => editions.current().server
  const awake = () => editions.current().awake()
  const runLogouts = async () => {
    await Promise.all(awake().map(one => one.services.logouts.run()))
  }
  const runMails = async () => {
    await Promise.all(awake().map(one => one.deliverMail()))
  }
  const runCleanUp = createCleanUp({ ...{ clock, log }, stores: () => awake().map(one => one.stores) })
  const tendTenants = async ({ visits } = alone) => {
    const names = visits ? await storehouse.begun() : []
    await editions.current().tend(names, async one => {
      await one.services.logouts.run()
      await one.deliverMail()
      await one.stores.cleanUp(expiredBy(clock))
    })
  }
  const handle: Router = Object.assign((request: HttpRequest) => editions.current().handle(request), {
    early: (head: HttpRequest) => editions.current().handle.early?.(head),
  })
  return {
    get issuer() {
      return server().issuer
    },
    get configuration() {
      return editions.current().configuration
    },
    get routes() {
      return server().routes
    },
    get keys() {
      return server().keys
    },
    get accounts() {
      return server().services.accounts
    },
    probes: probes.map(({ path }) => path),
    ...{ handle, storehouse, stores: storehouse.main, fetch: createFetchHandler(handle) },
    endSession: (...given) => server().services.logouts.endSession(...given),
    settled: () => server().settled(),
    runLogouts,
    runMails,
    runCleanUp,
    tendTenants,
    startChores(options = alone) {
      const stops = [
        startCleanUp(runCleanUp),
        startDeliveries({ deliver: runLogouts, failed: 'logouts_failed', log }),
        startDeliveries({ deliver: runMails, failed: 'mails_failed', log }),
        startRounds({ tend: () => tendTenants(options), log }),
      ]
      return () => {
        for (const stop of stops) stop()
      }
    },
    replace: editions.replace,
    drain: () => {
      draining = true
    },
    async close() {
      await editions.close()
      measured.stop()
      await measured.ground.close()
    },
  }
}

export type ServerOptions = Pick<Surroundings, 'log' | 'print' | 'gathering'> & {
  /** Which of several processes on this port and this store it is, from 1; one of them does what is enough if one does it. */
  readonly worker?: number
}

/** A listening server. */
export type Server = {
  readonly url: string
  /**
   * Reads a configuration and serves it from now on; one that has faults, or differs in what needs a restart, is logged
   * and left. Answers whether it serves it.
   */
  readonly reload: (source: LoadOptions) => Promise<boolean>
  readonly close: () => Promise<void>
}

/** Composes and listens; expired rows are cleaned up as it goes. `close` drains first. */
export async function startServer(
  configuration: Configuration,
  { worker, gathering, log: given, print = printToStandardOutput }: ServerOptions = {},
): Promise<Server> {
  const own = given ? undefined : logFromEnvironment(worker)
  const log = given ?? own ?? silentLog
  const [tessera, { listen }] = await Promise.all([
    createTessera(configuration, {
      ...{ log, print },
      ...(own && { droppedLines: own.dropped }),
      ...(gathering && { gathering }),
    }),
    import('./http/node.ts'),
  ])
  const { host, port, trustedProxies, trustForwardedHost, mtls } = configuration
  const probes = new Set(tessera.probes)
  const { url, trust, close } = await listen(tessera.handle, {
    ...{ host, port, trustedProxies, trustForwardedHost, mtls, shared: worker !== undefined },
    essential: path => probes.has(path),
    onUnsendable: (request_id, error) => log.error('answer_unsendable', { request_id, error: String(error) }),
    onStall: milliseconds => log.warn('event_loop_stalled', { milliseconds: Math.round(milliseconds) }),
    onOverload: under_way => log.warn('overloaded', { under_way }),
  })
  const replace = async (next: Configuration): Promise<void> => {
    await tessera.replace(next)
    trust(next)
  }
  const stopChores = tessera.startChores({ visits: worker === undefined || worker === 1 })
  return {
    url,
    // Loaded with the first: most servers are never asked to.
    async reload(source) {
      const { reload } = await import('./app/reload.ts')
      return reload(source, { running: tessera.configuration, replace, log })
    },
    async close() {
      tessera.drain()
      const { drainDelay } = tessera.configuration
      // Until whoever spreads the requests has seen it.
      if (drainDelay > 0) await new Promise(resolve => setTimeout(resolve, drainDelay * 1000))
      stopChores()
      const ended = await within(closeLimit, async () => {
        await close()
        await tessera.close()
      })
      if (!ended) log.error('stop_timed_out', { waited_s: closeLimit })
      await own?.settle(1000)
    },
  }
}

/** How long requests under way, deliveries and the store may take to finish. */
const closeLimit: Seconds = 15

/** Resolves to whether the work was done in time; what is not goes on. */
async function within(limit: Seconds, work: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => {
    timer = setTimeout(resolve, limit * 1000, false)
  })
  try {
    return await Promise.race([work().then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Brings the store of every issuer to the schema of this version, for the command line; answers how many there are. */
export async function migrateStorage({ storage }: Configuration): Promise<number> {
  const storehouse = await openStorehouse(storage, logFromEnvironment())
  try {
    const tenants = await storehouse.begun()
    for (const name of tenants) await (await storehouse.ofTenant(name)).close()
    return 1 + tenants.length
  } finally {
    await storehouse.close()
  }
}

/** The signing keys of an issuer (the server's own, or a tenant's as it stands in `tenantIssuers`), for the command line. */
export async function openKeys(
  server: Configuration,
  issuer: Configuration,
): Promise<{
  readonly list: () => Promise<readonly KeyInfo[]>
  readonly rotate: (options: { now: boolean }) => Promise<readonly KeyInfo[]>
  readonly close: () => Promise<void>
}> {
  const ground = await layGround(server, { log: logFromEnvironment() })
  const { keys, close } = await layFoundation(issuer, ground)
  return {
    list: async () => keys.list(),
    rotate: keys.rotate,
    async close() {
      await close()
      await ground.close()
    },
  }
}

/** The sessions of a configuration's store, for the command line. What is ended here, a running server tells the clients. */
export async function openSessions(
  server: Configuration,
  issuer: Configuration,
): Promise<{
  readonly ofUser: (sub: string) => Promise<readonly Session[]>
  readonly end: (sid: string) => ReturnType<EndSession>
  readonly close: () => Promise<void>
}> {
  const ground = await layGround(server, { log: logFromEnvironment() })
  const { stores, clock, log, close } = await layFoundation(issuer, ground)
  const { endRevokes } = issuer.sessions
  const { endSession } = createEndings({ ...{ stores, clock, log, endRevokes }, onNotices: () => {} })
  return {
    ofUser: async sub => (await stores.sessions.ofUser(sub)).filter(session => lives(session, clock.now())),
    end: sid => endSession(sid, 'ended_by_operator'),
    async close() {
      await close()
      await ground.close()
    },
  }
}

/** The second factors of a configuration's store, for the command line. */
export async function openFactors(
  server: Configuration,
  issuer: Configuration,
): Promise<{ readonly reset: (sub: string) => Promise<number>; readonly close: () => Promise<void> }> {
  const ground = await layGround(server, { log: logFromEnvironment() })
  const { stores, log, close } = await layFoundation(issuer, ground)
  return {
    async reset(sub) {
      const factors = await stores.secondFactors.reset(sub)
      log.info('second_factors_reset', { sub, factors })
      return factors
    },
    async close() {
      await close()
      await ground.close()
    },
  }
}

/** The users of a configuration's store, for the command line; a running server tells clients of sessions that end. */
export async function openUsers(server: Configuration, issuer: Configuration): Promise<UserKeeping> {
  const ground = await layGround(server, { log: logFromEnvironment() })
  const foundation = await layFoundation(issuer, ground)
  const { accounts } = composeServices(issuer, foundation)
  return {
    ...keepUsers(accounts, foundation.stores.storedUsers),
    async close() {
      await foundation.close()
      await ground.close()
    },
  }
}

const logFromEnvironment = (worker?: number): ProcessLog =>
  createLog({
    level: (process.env.TESSERA_LOG_LEVEL ?? 'info') as LogLevel,
    ...(worker !== undefined && { worker }),
  })
