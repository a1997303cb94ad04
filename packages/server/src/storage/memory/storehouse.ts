/** The storehouse of tests and of `memory:`. */

import type { Storehouse, Stores } from '../../model/ports/stores.ts'
import { createMemoryStores } from './stores.ts'

export function createMemoryStorehouse(): Storehouse {
  const tenants = new Map<string, Stores>()
  return {
    main: createMemoryStores(),
    async ofTenant(name) {
      const stores = tenants.get(name) ?? createMemoryStores()
      tenants.set(name, stores)
      return stores
    },
    begun: () => [...tenants.keys()],
    close: async () => {},
  }
}
