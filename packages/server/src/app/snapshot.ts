/** What is composed of one configuration: the server's own issuer, its tenants', and who of them is asked. */

import type { Route } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import { createPart, type Load } from '../http/load.ts'
import type { Router } from '../http/router.ts'
import { createDispatcher } from './dispatch.ts'
import { composeIssuer, type Issuer, type IssuerPorts } from './issuer.ts'
import { declareTenants, writeChangedTenants } from './principals.ts'
import type { Ground } from './server-context.ts'
import { createTenants, type Tenants } from './tenants.ts'

export type Edition = Pick<Tenants, 'tend'> & {
  readonly configuration: Configuration
  /** The server's own issuer. */
  readonly server: Issuer
  /** Answers for every issuer. */
  readonly handle: Router
  /** The issuers that are awake. */
  readonly awake: () => readonly Issuer[]
  /** Fulfilled when no request to it is under way. */
  readonly unused: () => Promise<void>
  readonly close: () => Promise<void>
}

export type EditionPorts = Pick<IssuerPorts, 'observe'> & {
  readonly ground: Ground
  /** Of the whole server. */
  readonly load: Load
  /** That are the server's under every host. */
  readonly probes: readonly Route[]
}

/**
 * Throws where the store or the master key does not fit.
 * @param before what was served here until now.
 */
export async function composeEdition(
  configuration: Configuration,
  before: Configuration | undefined,
  { ground, load: whole, probes, observe }: EditionPorts,
): Promise<Edition> {
  const load = createPart(whole)
  const ports = { ground, load, ...(observe && { observe }) }
  const server = await composeIssuer(configuration, { ...ports, routes: probes })
  const decides = await orClose(server, async () => {
    const still = await declareTenants(configuration, server.stores.settings)
    if (before) await writeChangedTenants(before, configuration, ground)
    return still
  })
  const tenants = createTenants({
    ...{ load, clock: ground.clock, log: ground.log },
    configurations: configuration.tenantIssuers,
    compose: one => composeIssuer(one, { ...ports, decides }),
  })
  let closing: Promise<unknown> | undefined
  return {
    ...{ configuration, server, tend: tenants.tend },
    handle: createDispatcher({
      ...{ configuration, tenants },
      server: server.handle,
      probes: probes.map(({ path }) => path),
    }),
    awake: () => [server, ...tenants.awake()],
    unused: load.unused,
    async close() {
      closing ??= Promise.all([tenants.close(), server.close()])
      await closing
    },
  }
}

/** Closes what was composed already where the rest fails. */
async function orClose<Value>(server: Issuer, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (error) {
    await server.close()
    throw error
  }
}
