/** One issuer: the server's own, or a tenant's. */

import type { Route } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import type { Load } from '../http/load.ts'
import { createRouter, type Router, type RouterPorts } from '../http/router.ts'
import { securityHeaders } from '../http/security-headers.ts'
import type { ManagedKeyRing } from '../keys/key-ring.ts'
import { HookError, hookFields } from '../model/hook.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { AuditLog } from '../operations/audit/audit-log.ts'
import { createFailureLog } from '../operations/failures.ts'
import { QueueFull } from '../runtime/async/fair-queue.ts'
import { asServer } from '../runtime/async/origin.ts'
import { requestFields } from '../runtime/network.ts'
import type { Awaitable } from '../runtime/ports.ts'
import { discardLine, type Log } from '../runtime/ports.ts'
import { createIssuerContext, type IssuerContext } from './issuer-context.ts'
import { createLazyPages } from './lazy-pages.ts'
import { principalsOf } from './principals.ts'
import { createRoutes } from './routes.ts'
import type { ServerContext } from './server-context.ts'
import { createServices, type Services } from './services.ts'

export type Issuer = {
  readonly issuer: string
  /** The configuration of the file with the stored entries. */
  readonly configuration: Configuration
  readonly routes: readonly Route[]
  readonly handle: Router
  readonly stores: Stores
  readonly keys: ManagedKeyRing
  readonly services: Services
  /** Sends emails that are due. */
  readonly deliverMail: () => Promise<void>
  /** Sends the webhooks that are due. */
  readonly deliverWebhooks: () => Promise<void>
  readonly audit: AuditLog
  /** Resolves when background work is done: emails, client notifications, event callbacks and webhooks. */
  readonly settled: () => Promise<void>
  /** Leaves it to its successor to follow stored entries, and to report differences. Requests in progress finish. */
  readonly retire: () => void
  readonly close: () => Promise<void>
}

export type IssuerPorts = {
  readonly context: ServerContext
  /** The load of the entire server. */
  readonly load: Load
  /** Routes besides the issuer's own. */
  readonly routes?: readonly Route[]
  readonly observe?: RouterPorts['observe']
  /**
   * Returns whether its configuration, with stored entries, is the most recently applied one, which may disable principals.
   * Called before they are written, when nothing else can fail. Default: true.
   */
  readonly decides?: (configuration: Configuration, stores: Stores) => Awaitable<boolean>
}

/**
 * Opens the issuer's store, creates missing keys and composes the issuer. Throws if the store can't be opened or the
 * master key does not match it.
 */
export const composeIssuer = (configuration: Configuration, ports: IssuerPorts): Promise<Issuer> =>
  asServer(() => compose(configuration, ports))

async function compose(configuration: Configuration, ports: IssuerPorts): Promise<Issuer> {
  const context = await createIssuerContext(configuration, ports.context, { delivers: true })
  try {
    return await composeOn(context, ports)
  } catch (error) {
    await context.close()
    throw error
  }
}

async function composeOn(
  context: IssuerContext,
  { load, routes: more = [], observe, decides = () => true }: IssuerPorts,
): Promise<Issuer> {
  const { stores, keys, log, configuration } = context
  const { issuer } = configuration
  const services = createServices(configuration, context)
  const pages = createLazyPages(configuration, services)
  const routes = [...createRoutes(configuration, services, pages), ...more]
  const logFailure = createFailureLog(log)
  const handle = createRouter({
    routes,
    load,
    observe: observed(log, observe && underIssuer(issuer, observe)),
    headers: securityHeaders(issuer),
    showError: pages.showError,
    isAllowedOrigin: services.clients.lookup.isAllowedOrigin,
    onError(request, error) {
      // The queue has logged it already.
      if (error instanceof QueueFull) return
      if (error instanceof HookError) {
        const where = { ...requestFields(request), path: request.path }
        log.error('refused', { ...where, ...hookFields(error) })
        return
      }
      logFailure(request, error)
    },
  })
  await services.accounts.endHiddenUsers()
  // Last, because the principals of the previous configuration must stay enabled if creating the issuer fails.
  context.entries.begin()
  await context.principals.begin(
    (await decides(configuration, stores)) ? principalsOf(configuration) : undefined,
  )
  const settled = async () => {
    await Promise.all([services.sessions.settled(), pages.mailSettled(), context.events.settled()])
  }
  return {
    issuer,
    configuration,
    routes,
    handle,
    stores,
    keys,
    services,
    deliverMail: pages.deliverMail,
    deliverWebhooks: context.events.deliver,
    audit: context.audit,
    settled,
    retire() {
      context.entries.retire()
      context.principals.retire()
    },
    async close() {
      try {
        // Together, because requests in progress have already taken most of the time that a stop has.
        await Promise.all([services.sessions.close(), pages.closeMail(), context.events.close()])
      } finally {
        await context.close()
      }
    },
  }
}

/** Removes the tenant from observed paths, so that the number of metrics does not grow with the number of tenants. */
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
  return (path, status, milliseconds, request) =>
    observe(path && endpointOf(path), status, milliseconds, request)
}

/** Also logs each request if the log writes lines at `debug`; otherwise nothing is measured for it. */
function observed(log: Log, observe: RouterPorts['observe']): RouterPorts['observe'] {
  if (log.debug === discardLine) return observe
  return (path, status, milliseconds, request) => {
    observe?.(path, status, milliseconds, request)
    log.debug('request_served', {
      ...requestFields(request),
      method: request.method,
      path: request.path,
      status,
      ms: Math.round(milliseconds),
    })
  }
}
