/** Opens stores for commands that only say what they would change. They neither create nor migrate a store. */

import type { Configuration } from '../configuration/configuration.ts'
import type { Stores, TenantStores } from '../model/ports/stores.ts'
import { logFromEnvironment } from '../operations/log.ts'
import { closingOnFailure } from '../runtime/async/opened.ts'
import { createMemoryTenantStores } from '../storage/memory/stores.ts'
import { openTenantStores } from './server-context.ts'
import { findStore, requireKnownSchema, requireSchema } from './store-inspection.ts'

/**
 * Returns the stores of a configuration, and the configuration to open them with. A store that does not exist is an empty
 * one in memory. Signing keys are in memory too, because opening an issuer creates those that are missing. Rejects if a
 * store has the schema of another version.
 */
export async function openForDryRun(
  server: Configuration,
): Promise<{ readonly server: Configuration; readonly tenantStores: TenantStores }> {
  const { storage } = server
  const memory = createMemoryTenantStores()
  const empty = { server: { ...server, storage: { kind: 'memory' } }, tenantStores: memory } as const
  if (storage.kind === 'memory') return empty
  const state = await findStore(storage)
  if (!state) return empty
  requireKnownSchema(state)
  const stored = await openTenantStores(storage, logFromEnvironment())
  const existing = new Set(
    await closingOnFailure(async opened => {
      opened.add(stored.close)
      return stored.list()
    }),
  )
  const withoutKeys = (stores: Stores, other: Stores): Stores => ({ ...stores, keys: other.keys })
  return {
    server,
    tenantStores: {
      ...stored,
      main: withoutKeys(stored.main, memory.main),
      async forTenant(name) {
        const inMemory = await memory.forTenant(name)
        if (!existing.has(name)) return inMemory
        await requireSchema(storage, name)
        return withoutKeys(await stored.forTenant(name), inMemory)
      },
    },
  }
}
