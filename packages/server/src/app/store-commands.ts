/** Records commands that copy, fill or migrate whole stores. They also work without the master key, which records need. */

import type { Configuration } from '../configuration/configuration.ts'
import { masterKeyCheck } from '../keys/master-key.ts'
import { silentLog } from '../runtime/ports.ts'
import { createAudit } from './audit.ts'
import { recordCommand } from './audit-command.ts'
import { createServerContext, openTenantStores } from './server-context.ts'
import { findStore } from './store-inspection.ts'

/**
 * Records the running command in the audit log of the server's own store. Resolves to why it can't be recorded; undefined
 * if it is recorded, or if nothing is to be recorded. Neither migrates the store nor creates a master key.
 */
export async function recordStoreCommand(configuration: Configuration): Promise<string | undefined> {
  const { storage, audit } = configuration
  if (!audit.enabled || storage.kind === 'memory') return undefined
  try {
    // Without a store, or with a file that can't be read, the command itself says what is wrong.
    const state = await findStore(storage).catch(unreadable => {
      if (storage.kind !== 'sqlite') throw unreadable
    })
    if (!state || state.schema === 0) return undefined
    if (state.schema !== state.knownSchema) return 'the store has the schema of another version'
    return await record(configuration)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function record(configuration: Configuration): Promise<undefined> {
  const tenantStores = await openTenantStores(configuration.storage, silentLog)
  try {
    const { main } = tenantStores
    // No server has used it yet.
    if ((await main.settings.get(masterKeyCheck)) === undefined) return undefined
    const context = await createServerContext(configuration, { tenantStores, log: silentLog })
    try {
      await recordCommand(createAudit(configuration, { ...context, stores: main }))
    } finally {
      await context.close()
    }
  } finally {
    await tenantStores.close()
  }
}
