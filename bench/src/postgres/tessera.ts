/** Tessera on a PostgreSQL. */

import { randomBytes } from 'node:crypto'
import { openPostgresTenantStores } from '../../../packages/server/src/storage/postgres/stores.ts'
import type { Server } from '../servers/server.ts'
import { startTessera } from '../servers/tessera.ts'

/** The master key, for stores without a file. */
const masterKey = randomBytes(32).toString('base64url')

export const startOnPostgres = (url: string): Promise<Server> =>
  startTessera({
    configuration: { storage: url },
    env: { TESSERA_MASTER_KEY: masterKey },
    openStores: async () => (await openPostgresTenantStores({ url })).main,
  })
