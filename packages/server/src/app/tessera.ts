/** A composed server without a socket: its own issuer, and the issuers of its tenants. */

import type { HttpRequest, HttpResponse, Route } from '@tessera/protocol/http'
import { followAdministration } from '../administration/administration.ts'
import type { Administration } from '../administration/interface.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { createFetchEdge, type FetchEdge } from '../http/fetch.ts'
import { createLoad } from '../http/load.ts'
import { createMounted, type Mounted, type NodeListener } from '../http/mounted.ts'
import type { Router } from '../http/router.ts'
import type { Accounts } from '../identity/accounts.ts'
import type { PersonalData } from '../identity/personal-data.ts'
import type { ManagedKeyRing } from '../keys/key-ring.ts'
import type { BlockClients } from '../model/client-blocks.ts'
import type { Stores, TenantStores } from '../model/ports/stores.ts'
import type { EndSession } from '../model/session.ts'
import { logNetworks } from '../operations/log.ts'
import { closingOnFailure, type Opened } from '../runtime/async/opened.ts'
import { recordConfiguration } from './audit-command.ts'
import { createBackgroundJobs } from './background-jobs.ts'
import { mountedOptions } from './edge.ts'
import { recordIssuer } from './issuer-of-store.ts'
import { addMetrics } from './metrics.ts'
import { createSnapshots } from './reloading.ts'
import { createProbes } from './routes.ts'
import {
  createServerContext,
  type Overrides,
  outboundOf,
  type TenantJobOptions,
  type TestOverrides,
} from './server-context.ts'
import type { Services } from './services.ts'
import { shareTenants } from './shared-tenants.ts'
import { composeSnapshot } from './snapshot.ts'
import { addTracing, observeBoth } from './tracing.ts'

/**
 * A server in an application. `issuer`, `configuration`, `fetch`, `serves`, `listener`, `replace`, `drain` and `close`
 * follow semantic versioning. The other members are for tests and tools, and may change in any release.
 */
export type Tessera = {
  readonly issuer: string
  /** The configuration that is served now. */
  readonly configuration: Configuration
  /** Routes of its own issuer. */
  readonly routes: readonly Route[]
  /** Paths that are served even under overload, under every host. */
  readonly probes: readonly string[]
  /** Responds for every issuer. */
  readonly handle: Router
  /** For mounting in another framework: handles requests of the Fetch API. See docs/guides/embedding.md. */
  readonly fetch: FetchEdge['fetch']
  /** Returns whether Tessera serves the path of a web request. */
  readonly serves: FetchEdge['serves']
  /**
   * For mounting in a Node server: `createServer(tessera.listener)`, or `app.use(tessera.listener)` in Express. Calls
   * `next`, if it is given, for a path that Tessera does not serve, and returns false. See docs/guides/embedding.md.
   */
  readonly listener: NodeListener
  /** Stores of its own issuer. */
  readonly stores: Stores
  readonly tenantStores: TenantStores
  /** Signing keys of its own issuer. */
  readonly keys: ManagedKeyRing
  readonly endSession: EndSession
  /** Ends the sessions of a user of its own issuer, and revokes all of their tokens. Resolves to the ended sessions. */
  readonly endAccess: (sub: string) => Promise<readonly string[]>
  /** Revokes everything that was issued to a client of its own issuer. Returns whether the client is known. */
  readonly revokeClient: (clientId: string) => Promise<boolean>
  /** Blocks clients of its own issuer that registered themselves or publish their metadata. */
  readonly blockClients: BlockClients
  /** Revokes everything of the users of a tenant that shares its own issuer; without one, everything of that issuer. */
  readonly revokeTenant: (tenant?: string) => Promise<void>
  /** Accounts of its own issuer. */
  readonly accounts: Accounts
  /** Exports and deletes everything that is stored about one person at its own issuer. */
  readonly personalData: Pick<PersonalData, 'exportData' | 'preview' | 'erase'>
  /** Clients, resources, identity providers and tenants that are made while the server runs, at the server's own issuer. */
  readonly administration: Administration
  /**
   * Resolves when the background work of the server's own issuer is done: emails, client notifications, event callbacks
   * and webhooks.
   */
  readonly settled: () => Promise<void>
  /**
   * Ends expired sessions, if configured, and sends the logout tokens that are due. Does not wait longer than 5 s for
   * clients. A background job.
   */
  readonly runLogouts: () => Promise<void>
  /** Deletes expired rows, and what requests still wrote about deleted users. A background job. */
  readonly runCleanUp: () => Promise<void>
  /** Sends emails that are due. Does not wait longer than 5 s for the mail server. A background job. */
  readonly runMails: () => Promise<void>
  /** Sends the webhooks that are due. Does not wait longer than 5 s for receivers. A background job. */
  readonly runWebhooks: () => Promise<void>
  /** Appends the waiting records to the audit log. A background job. */
  readonly runAudit: () => Promise<void>
  /** Evicts tenants' issuers that had no request for an hour, and runs the jobs of inactive ones. A background job. */
  readonly runTenantJobs: (options?: TenantJobOptions) => Promise<void>
  /**
   * Applies this configuration. Requests in progress finish with the previous one. Rejects, and changes nothing, if the
   * configuration can't be composed. Does not check `restartFaults`.
   */
  readonly replace: (configuration: Configuration) => Promise<void>
  /** Makes `/readyz` respond 503, and makes `listener` close each connection after its response. */
  readonly drain: () => void
  /**
   * Stops the background jobs, waits for requests of `listener` and `fetch` in progress, 10 s at most, then for deliveries
   * in progress, 5 s at most, and closes the stores.
   */
  readonly close: () => Promise<void>
}

/** A composed server, and the services of its own issuer as they are now, which `replace` replaces. */
export type Composed = { readonly tessera: Tessera; readonly services: () => Services }

/**
 * Opens the store, creates missing keys, composes the server and starts the background jobs. Throws if the store can't
 * be opened or the master key does not match it.
 */
export const createTessera = async (configuration: Configuration, overrides?: Overrides): Promise<Tessera> =>
  (await composeTessera(configuration, overrides)).tessera

/** Does the same, for code of this package that needs more than a server offers. */
export const composeTessera = (
  configuration: Configuration,
  overrides: Overrides = {},
  testOverrides?: TestOverrides,
): Promise<Composed> => closingOnFailure(opened => compose(opened, configuration, overrides, testOverrides))

async function compose(
  opened: Opened,
  configuration: Configuration,
  { jobs = true, ...overrides }: Overrides,
  testOverrides: TestOverrides | undefined,
): Promise<Composed> {
  const context = await createServerContext(configuration, overrides, testOverrides)
  opened.add(context.close)
  const load = createLoad({ onOverload: under_way => context.log.warn('overloaded', { under_way }) })
  const metrics = await addMetrics(configuration, {
    context,
    load,
    metricsExchange: overrides.metricsExchange,
    droppedLines: overrides.droppedLines,
    accepted: () => snapshots.current().configuration.metrics?.tokens ?? [],
  })
  opened.add(metrics.stop)
  const tracing = await addTracing(configuration, metrics.context)
  const observe = observeBoth(metrics.observe, tracing.observe)
  const { log, clock, clockFault } = tracing.context
  const tenantStores = shareTenants(tracing.context.tenantStores)
  let draining = false
  const probes = [
    ...createProbes({
      ready: tenantStores.main.ready,
      draining: () => draining,
      fault: () => clockFault() ?? context.rootKeyFault() ?? context.tenantStores.fault?.(),
    }),
    ...metrics.routes,
  ]
  const snapshots = await createSnapshots(configuration, {
    log,
    compose: (next, before) => {
      const outbound = tracing.outbound(outboundOf(next, overrides))
      return composeSnapshot(next, before, {
        context: {
          ...tracing.context,
          log: logNetworks(tracing.context.log, next.logClientNetwork),
          tenantStores,
          outbound,
          recompose: () => snapshots.renew(),
        },
        load,
        probes,
        observe,
      })
    },
  })
  opened.add(snapshots.close)
  const server = () => snapshots.current().server
  const { start, ...runs } = createBackgroundJobs({ current: snapshots.current, tenantStores, clock, log })
  const handle: Router = tracing.handle(
    Object.assign((request: HttpRequest) => snapshots.current().handle(request), {
      early: (head: HttpRequest) => snapshots.current().handle.early?.(head),
      present: (request: HttpRequest, error: HttpResponse) =>
        snapshots.current().handle.present?.(request, error) ?? error,
      serves: (head: HttpRequest) => snapshots.current().handle.serves?.(head) ?? true,
    }),
  )
  const probePaths = probes.map(({ path }) => path)
  // Created on first use, because it monitors the event loop.
  let mounted: Mounted | undefined
  const mount = (): Mounted => {
    mounted ??= createMounted(
      handle,
      mountedOptions(snapshots.current().configuration, { log, probes: probePaths }),
    )
    return mounted
  }
  const web = createFetchEdge(handle, mountedOptions(configuration, { log, probes: probePaths }))
  opened.add(() => Promise.all([mounted?.close(), web.close()]))
  /** Whether this process alone records what all of them do. */
  const isFirst = jobs === true || (jobs !== false && jobs.inactive)
  if (isFirst) {
    await recordIssuer(server().issuer, { settings: tenantStores.main.settings, log })
    await recordConfiguration(server().audit, tracing.context, { next: configuration })
  }
  opened.add(start(jobs))
  let recorded = configuration
  /** Records what the configuration changes, and, if that fails, records it with the next one: it is served already. */
  const record = async (next: Configuration): Promise<void> => {
    try {
      await recordConfiguration(server().audit, tracing.context, { before: recorded, next })
      recorded = next
    } catch (error) {
      log.error('configuration_not_recorded', { error: String(error) })
    }
  }
  const tessera: Tessera = {
    get issuer() {
      return server().issuer
    },
    get configuration() {
      return snapshots.current().configuration
    },
    get routes() {
      return server().routes
    },
    get keys() {
      return server().keys
    },
    get accounts() {
      return server().services.accounts.accounts
    },
    get personalData() {
      return server().services.accounts.personalData
    },
    administration: followAdministration(() => server().services.administration),
    listener: (request, response, next) => mount().listener(request, response, next),
    probes: probePaths,
    handle,
    fetch: web.fetch,
    serves: web.serves,
    tenantStores,
    stores: tenantStores.main,
    endSession: (...given) => server().services.sessions.endSession(...given),
    endAccess: sub => server().services.accounts.endAccess(sub),
    revokeClient: clientId => server().services.clients.revoke(clientId),
    blockClients: (...given) => server().services.clients.blocking.block(...given),
    revokeTenant: tenant => server().services.sessions.revokeTenant(tenant),
    settled: () => server().settled(),
    ...runs,
    async replace(next) {
      await snapshots.replace(next)
      mounted?.trust(next)
      web.trust(next)
      if (isFirst) await record(next)
    },
    drain() {
      draining = true
      mounted?.drain()
    },
    close: opened.close,
  }
  return { tessera, services: () => server().services }
}
