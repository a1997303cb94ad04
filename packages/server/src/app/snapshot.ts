/**
 * A configuration snapshot: everything that is composed from one configuration, for the server's own issuer and its
 * tenants.
 */

import type { Route } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import { createPart, type Load } from '../http/load.ts'
import type { Router } from '../http/router.ts'
import type { Awaitable } from '../runtime/ports.ts'
import { createDispatcher } from './dispatch.ts'
import { composeIssuer, type Issuer, type IssuerPorts } from './issuer.ts'
import { declareTenants, writeChangedTenants } from './principals.ts'
import type { ServerContext } from './server-context.ts'
import { createTenants, type Tenants } from './tenants.ts'

export type Snapshot = Pick<Tenants, 'evictIdle' | 'runTenantJobs'> & {
  /** That of the file. */
  readonly configuration: Configuration
  /** The server's own issuer. */
  readonly server: Issuer
  /** Responds for every issuer. */
  readonly handle: Router
  /** Returns the issuers that are active. */
  readonly active: () => readonly Issuer[]
  /** Resolves when no request to it is in progress, and no jobs of inactive tenants. */
  readonly unused: () => Promise<void>
  /** Leaves it to the next snapshot to follow stored entries, and to report differences. */
  readonly retire: () => void
  readonly close: () => Promise<void>
}

type SnapshotPorts = Pick<IssuerPorts, 'observe'> & {
  readonly context: ServerContext
  /** The load of the entire server. */
  readonly load: Load
  /** Routes of the server under every host. */
  readonly probes: readonly Route[]
}

/**
 * Throws if a store can't be opened or the master key does not match it.
 * @param before the configuration, with stored entries, that was served until now.
 */
export async function composeSnapshot(
  configuration: Configuration,
  before: Configuration | undefined,
  { context, load: whole, probes, observe }: SnapshotPorts,
): Promise<Snapshot> {
  const load = createPart(whole)
  let decides: () => Awaitable<boolean> = () => true
  const server = await composeIssuer(configuration, {
    context,
    load,
    observe,
    routes: probes,
    async decides(withEntries, { settings }) {
      decides = await declareTenants(withEntries, settings)
      return true
    },
  })
  // Including the tenants that were made while the server runs.
  const own = server.configuration
  if (before) await writeChangedTenants(before, own, context)
  const tenants = createTenants({
    configurations: own.tenantIssuers,
    compose: one => composeIssuer(one, { context, load, observe, decides: () => decides() }),
    load,
    clock: context.clock,
    log: context.log,
  })
  let closing: Promise<unknown> | undefined
  return {
    configuration,
    server,
    evictIdle: tenants.evictIdle,
    runTenantJobs: tenants.runTenantJobs,
    handle: createDispatcher({
      configuration: own,
      tenants,
      server: server.handle,
      probes: probes.map(({ path }) => path),
    }),
    active: () => [server, ...tenants.active()],
    async unused() {
      await load.unused()
      await tenants.jobsEnded()
    },
    retire() {
      server.retire()
      tenants.retire()
    },
    async close() {
      closing ??= Promise.all([tenants.close(), server.close()])
      await closing
    },
  }
}
