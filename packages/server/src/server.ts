/**
 * What the package offers. `createTessera` composes a server without a socket; `startServer` listens. With the room
 * `composition` this is the only place where rooms meet.
 */

import type { Route } from '@tessera/protocol/http'
import { layFoundation, type Surroundings } from './composition/foundation.ts'
import { composeRoutes } from './composition/routes.ts'
import { composeServices } from './composition/services.ts'
import type { Configuration } from './configuration/configuration.ts'
import type { Log } from './core/runtime.ts'
import type { EndSession } from './core/session.ts'
import type { Stores } from './core/stores.ts'
import { createFetchHandler, type FetchHandler } from './http/fetch.ts'
import { createRouter, type Router } from './http/router.ts'
import { securityHeaders } from './http/security-headers.ts'
import type { KeyInfo, ManagedKeyRing } from './keys/key-ring.ts'
import { startCleanUp } from './operations/clean-up.ts'
import { createLog, type LogLevel } from './operations/log.ts'

export { defineConfig } from './configuration/define.ts'
export { loadConfiguration } from './configuration/load.ts'
export { parseConfiguration } from './configuration/parse.ts'
export { defineGrant } from './core/extension-grant.ts'
export { jwtBearer } from './endpoints/token/grants/jwt-bearer.ts'
export { tokenExchange } from './endpoints/token/grants/token-exchange.ts'

/** A composed server without a socket. */
export type Tessera = {
  readonly issuer: string
  readonly routes: readonly Route[]
  readonly handle: Router
  /** For mounting in another framework. */
  readonly fetch: FetchHandler
  readonly stores: Stores
  readonly keys: ManagedKeyRing
  readonly endSession: EndSession
  /** Deletes expired rows from now on; answers how to stop it. */
  readonly startCleanUp: () => () => void
  /** From here on `/readyz` answers 503. */
  readonly drain: () => void
  readonly close: () => Promise<void>
}

/** Opens the store, makes what keys are missing and joins everything; throws where the store or the master key does not fit. */
export async function createTessera(
  configuration: Configuration,
  surroundings: Surroundings = {},
): Promise<Tessera> {
  const foundation = await layFoundation(configuration, surroundings)
  const { stores, keys, log, close } = foundation
  await stores.standing.sync(standingOf(configuration))
  let draining = false
  const services = composeServices(configuration, foundation)
  const routes = composeRoutes(configuration, services, () => draining)
  const { issuer } = configuration
  const enabled = [...configuration.clients.all()].filter(client => client.enabled)
  const origins = new Set(enabled.flatMap(client => client.allowed_cors_origins))
  const handle = createRouter({
    routes,
    headers: securityHeaders(issuer),
    isAllowedOrigin: origin => origins.has(origin),
    onError: ({ id: request_id, path }, error) =>
      log.error('request_failed', { request_id, path, error: String(error), stack: (error as Error)?.stack }),
    onOverload: under_way => log.warn('overloaded', { under_way }),
  })
  return {
    ...{ issuer, routes, handle, stores, keys, close, endSession: services.endSession },
    fetch: createFetchHandler(handle),
    startCleanUp: () => startCleanUp(foundation),
    drain: () => {
      draining = true
    },
  }
}

const standingOf = ({ clients, users }: Configuration) => ({
  clients: [...clients.all()].map(({ client_id: id, enabled: stands }) => ({ id, stands })),
  users: users.map(({ sub: id, active: stands }) => ({ id, stands })),
})

/** A listening server. */
export type Server = { readonly url: string; readonly close: () => Promise<void> }

/** Composes and listens; expired rows are cleaned up as it goes. `close` drains first. */
export async function startServer(
  configuration: Configuration,
  { log = logFromEnvironment() }: { log?: Log } = {},
): Promise<Server> {
  const [tessera, { listen }] = await Promise.all([
    createTessera(configuration, { log }),
    import('./http/fastify.ts'),
  ])
  const { host, port, trustedProxies, mtls } = configuration
  const { url, close } = await listen(tessera.handle, tessera.routes, {
    ...{ host, port, trustedProxies, mtls },
    onUnsendable: (request_id, error) => log.error('answer_unsendable', { request_id, error: String(error) }),
  })
  const stopCleanUp = tessera.startCleanUp()
  return {
    url,
    async close() {
      tessera.drain()
      stopCleanUp()
      await close()
      await tessera.close()
    },
  }
}

/** The signing keys of a configuration's store, for the command line. */
export async function openKeys(configuration: Configuration): Promise<{
  readonly list: () => Promise<readonly KeyInfo[]>
  readonly rotate: (options: { now: boolean }) => Promise<readonly KeyInfo[]>
  readonly close: () => Promise<void>
}> {
  const { keys, close } = await layFoundation(configuration, { log: logFromEnvironment() })
  return { list: async () => keys.list(), rotate: keys.rotate, close }
}

const logFromEnvironment = (): Log =>
  createLog({ level: (process.env.TESSERA_LOG_LEVEL ?? 'info') as LogLevel })
