/** The stores for tests and `memory:`. All data is in this process, and none on disk. */

import type { Stores, TenantStores } from '../../model/ports/stores.ts'
import { createAuditStores } from './audit.ts'
import { createAuthorizationStores } from './authorizations.ts'
import { createCleanUp } from './clean-up.ts'
import { createCommit } from './commit.ts'
import { createEntryStores } from './entries.ts'
import { createFederationStores } from './federation.ts'
import { createInstallationStores } from './installation.ts'
import { createPersonStores } from './persons.ts'
import { createSessionStores } from './sessions.ts'
import { emptyTables } from './tables.ts'
import { createUserStores } from './users.ts'
import { createWebhookStores } from './webhooks.ts'

export function createMemoryStores(tables = emptyTables()): Stores {
  return {
    ...createAuthorizationStores(tables),
    ...createSessionStores(tables),
    ...createUserStores(tables),
    ...createFederationStores(tables),
    ...createInstallationStores(tables),
    ...createEntryStores(tables),
    ...createPersonStores(tables),
    ...createWebhookStores(tables),
    ...createAuditStores(tables),
    commit: createCommit(tables),
    cleanUp: createCleanUp(tables),
    ready: () => true,
    close: async () => {},
  }
}

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
