/** Tenants' stores that two editions may have open at once: one is closed when the last of them gives it back. */

import type { TenantStores } from '../model/ports/stores.ts'

export function shareTenants(tenantStores: TenantStores): TenantStores {
  const holders = new Map<string, number>()
  /** Answers whether nobody else has it. */
  const giveBack = (name: string): boolean => {
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
            const last = held && giveBack(name)
            held = false
            if (last) await stores.close()
          },
        }
      } catch (error) {
        giveBack(name)
        throw error
      }
    },
  }
}
