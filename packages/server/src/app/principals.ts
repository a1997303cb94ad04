/** Applies the clients and users of a configuration, at the server's own issuer and at those of tenants. */

import type { Configuration } from '../configuration/configuration.ts'
import { hashHandle } from '../model/handle.ts'
import type { ConfiguredPrincipals, Principal, Settings } from '../model/ports/stores.ts'
import { writePrincipals } from '../operations/principals.ts'
import type { Awaitable } from '../runtime/ports.ts'
import type { ServerContext } from './server-context.ts'

export const principalsOf = ({ clients, users }: Configuration): ConfiguredPrincipals => ({
  clients: [...clients.all()].map(({ client_id: id, enabled }) => ({ id, enabled })),
  users: users.map(({ sub: id, active: enabled }) => ({ id, enabled })),
})

/** Nodes of all versions must write the same text, so the member is still called `stands`. */
const textOf = ({ id, enabled }: Principal): string => JSON.stringify({ id, stands: enabled })

/** Returns a text that does not depend on the order of entries; empty if no tenant has its own issuer. */
const comparable = (configuration: Configuration | undefined): string => {
  if (!configuration) return ''
  const { clients, users } = principalsOf(configuration)
  return JSON.stringify([clients, users].map(rows => rows.map(textOf).toSorted()))
}

const settingName = 'standing_of_tenants'

/**
 * Records that this configuration was applied last. Returns a function that returns whether it still is: a tenant's
 * issuer that is created later writes its principals only if so. Records nothing if no tenant has its own issuer.
 */
export async function declareTenants(
  { tenantIssuers }: Configuration,
  settings: Settings,
): Promise<() => Awaitable<boolean>> {
  const names = [...tenantIssuers.keys()].toSorted()
  const before = await settings.get(settingName)
  if (names.length === 0 && before === undefined) return () => true
  const own = hashHandle(JSON.stringify(names.map(name => [name, comparable(tenantIssuers.get(name))])))
  if (before !== own) await settings.put(settingName, own)
  return async () => (await settings.get(settingName)) === own
}

/**
 * Writes the principals of tenants that differ from before, also of inactive and removed tenants. Never rejects, because the
 * configuration is applied by then.
 */
export async function writeChangedTenants(
  before: Configuration,
  next: Configuration,
  { tenantStores, changes, log }: Pick<ServerContext, 'tenantStores' | 'changes' | 'log'>,
): Promise<void> {
  const names = new Set([...before.tenantIssuers.keys(), ...next.tenantIssuers.keys()])
  const differ = [...names].filter(
    name => comparable(before.tenantIssuers.get(name)) !== comparable(next.tenantIssuers.get(name)),
  )
  if (differ.length === 0) return
  const existing = await namesOf(tenantStores).catch(error => {
    for (const name of differ) log.error('tenant_principals_failed', { tenant: name, error: String(error) })
    return new Set<string>()
  })
  for (const name of differ.filter(one => existing.has(one))) {
    try {
      const own = next.tenantIssuers.get(name)
      const { principals, close } = await tenantStores.forTenant(name)
      try {
        await writePrincipals(own ? principalsOf(own) : { clients: [], users: [] }, { principals, changes })
      } finally {
        await close()
      }
    } catch (error) {
      // Continue with the other tenants. This one is written when its issuer is next created.
      log.error('tenant_principals_failed', { tenant: name, error: String(error) })
    }
  }
}

const namesOf = async ({ list }: Pick<ServerContext['tenantStores'], 'list'>): Promise<ReadonlySet<string>> =>
  new Set(await list())
