/** Who stands by a configuration, at the server's own issuer and at its tenants'. */

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

/** Nodes of every version must write the same text, so it keeps the name `stands`. */
const textOf = ({ id, enabled }: Principal): string => JSON.stringify({ id, stands: enabled })

/** The same text wherever the entries stand; empty for a tenant that has no issuer of its own. */
const comparable = (configuration: Configuration | undefined): string => {
  if (!configuration) return ''
  const { clients, users } = principalsOf(configuration)
  return JSON.stringify([clients, users].map(rows => rows.map(textOf).toSorted()))
}

const settingName = 'standing_of_tenants'

/**
 * Tells all nodes that this configuration is the one that was applied last, and answers how to ask whether it still is: a
 * tenant's issuer that is composed later writes who stands there only then. Nothing is kept while nobody has tenants
 * with an issuer of their own.
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

/** Writes who stands at those tenants where that differs from before, those that sleep or are gone among them. */
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
  const begun = new Set(await tenantStores.list())
  for (const name of differ.filter(one => begun.has(one))) {
    try {
      const own = next.tenantIssuers.get(name)
      const { principals, close } = await tenantStores.forTenant(name)
      try {
        await writePrincipals(own ? principalsOf(own) : { clients: [], users: [] }, { principals, changes })
      } finally {
        await close()
      }
    } catch (error) {
      // The others' are not kept from it; here it is written when the tenant's issuer is composed next.
      log.error('tenant_standing_failed', { tenant: name, error: String(error) })
    }
  }
}
