/** One issuer, composed: the server's own, or a tenant's. */

import type { Route } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import type { Load } from '../http/load.ts'
import { createRouter, type Router, type RouterPorts } from '../http/router.ts'
import { securityHeaders } from '../http/security-headers.ts'
import { networkOf } from '../identity/attempts.ts'
import type { ManagedKeyRing } from '../keys/key-ring.ts'
import { InvalidHookResult } from '../model/hook-result.ts'
import type { Stores } from '../model/ports/stores.ts'
import { createFailureLog } from '../operations/failures.ts'
import { QueueFull } from '../runtime/fair-queue.ts'
import type { Awaitable } from '../runtime/ports.ts'
import { createBrowser } from './browser.ts'
import { type Foundation, layFoundation } from './issuer-context.ts'
import { standingOf } from './principals.ts'
import { composeRoutes } from './routes.ts'
import type { Ground } from './server-context.ts'
import { composeServices, type Services } from './services.ts'

export type Issuer = {
  readonly issuer: string
  readonly routes: readonly Route[]
  readonly handle: Router
  readonly stores: Stores
  readonly keys: ManagedKeyRing
  readonly services: Services
  /** Sends mail that is due. */
  readonly deliverMail: () => Promise<void>
  /** Fulfilled when what goes on behind answers is done. */
  readonly settled: () => Promise<void>
  readonly close: () => Promise<void>
}

export type IssuerPorts = {
  readonly ground: Ground
  /** Of the whole server. */
  readonly load: Load
  /** Routes besides the issuer's own. */
  readonly routes?: readonly Route[]
  readonly observe?: RouterPorts['observe']
  /** Whether its configuration says who stands, as that which was applied last does; it does unless told otherwise. */
  readonly decides?: () => Awaitable<boolean>
}

/** Opens its store, makes what keys are missing and joins everything; throws where the store or the master key does not fit. */
export async function composeIssuer(configuration: Configuration, ports: IssuerPorts): Promise<Issuer> {
  const foundation = await layFoundation(configuration, ports.ground)
  try {
    return await composeOn(foundation, configuration, ports)
  } catch (error) {
    await foundation.close()
    throw error
  }
}

async function composeOn(
  foundation: Foundation,
  configuration: Configuration,
  { load, routes: more = [], observe, decides = () => true }: IssuerPorts,
): Promise<Issuer> {
  const { stores, keys, log, close } = foundation
  const services = composeServices(configuration, foundation)
  const browser = createBrowser(configuration, services)
  const routes = [...composeRoutes(configuration, services, browser), ...more]
  const { issuer } = configuration
  const logFailure = createFailureLog({ log, networkOf })
  const handle = createRouter({
    ...{ routes, load },
    ...(observe && { observe: underIssuer(issuer, observe) }),
    headers: securityHeaders(issuer),
    showError: browser.showError,
    isAllowedOrigin: services.isAllowedOrigin,
    onError(request, error) {
      // The queue itself has logged it.
      if (error instanceof QueueFull) return
      if (error instanceof InvalidHookResult) {
        const where = { request_id: request.id, network: networkOf(request), path: request.path }
        log.error('refused', { ...where, reason: 'hook_result_invalid', problem: error.message })
        return
      }
      logFailure(request, error)
    },
  })
  // Last: an issuer that can't be composed leaves those standing whom the one before it names.
  await foundation.standing.begin((await decides()) ? standingOf(configuration) : undefined)
  const settled = async () => {
    await Promise.all([services.logouts.settled(), browser.mailSettled()])
  }
  return {
    ...{ issuer, routes, handle, stores, keys, services },
    deliverMail: browser.deliverMail,
    settled,
    async close() {
      await settled()
      await close()
    },
  }
}

/** Of a tenant's path no more than the endpoint: a thousand tenants are not told apart. */
function underIssuer(
  issuer: string,
  observe: NonNullable<RouterPorts['observe']>,
): NonNullable<RouterPorts['observe']> {
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  if (base === '') return observe
  const endpointOf = (path: string): string =>
    path.startsWith(`${base}/`)
      ? path.slice(base.length)
      : path.endsWith(base)
        ? path.slice(0, -base.length)
        : path
  return (path, status, milliseconds) => observe(path && endpointOf(path), status, milliseconds)
}
