/** Shares tenants' stores between configuration snapshots. A store is closed when the last snapshot releases it. */

import type { TenantStores } from '../model/ports/stores.ts'

export function shareTenants(tenantStores: TenantStores): TenantStores {
  const holders = new Map<string, number>()
  /** Returns whether this was the last holder. */
  const release = (name: string): boolean => {
    const left = (holders.get(name) ?? 1) - 1
    if (left > 0) holders.set(name, left)
    else holders.delete(name)
    return left === 0
  }
  return {
    ...tenantStores,
    async forTenant(name) {
      holders.set(name, (holders.get(name) ?? 0) + 1)
      try {
        const stores = await tenantStores.forTenant(name)
        let held = true
        return {
          ...stores,
          async close() {
            const last = held && release(name)
            held = false
            if (last) await stores.close()
          },
        }
      } catch (error) {
        release(name)
        throw error
      }
    },
  }
}
