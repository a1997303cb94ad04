/** The stores of tests and of `memory:`. */

import type { Stores, TenantStores } from '../../model/ports/stores.ts'
import { createMemoryStores } from './stores.ts'

export function createMemoryTenantStores(): TenantStores {
  const tenants = new Map<string, Stores>()
  return {
    main: createMemoryStores(),
    async forTenant(name) {
      const stores = tenants.get(name) ?? createMemoryStores()
      tenants.set(name, stores)
      return stores
    },
    list: () => [...tenants.keys()],
    close: async () => {},
  }
}
