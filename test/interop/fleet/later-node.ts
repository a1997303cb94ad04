/** A node of a later version, whose schema has one more migration; started and stopped like `tessera serve`. */

import { parseArgs } from 'node:util'
import { loadConfiguration } from '../../../packages/server/src/configuration/load.ts'
import { listen } from '../../../packages/server/src/http/node.ts'
import { createTessera } from '../../../packages/server/src/server.ts'
import { migrations } from '../../../packages/server/src/storage/postgres/schema.ts'
import { openPostgresTenantStores } from '../../../packages/server/src/storage/postgres/stores.ts'

const later = `alter table families add column later text;
  create index families_authorization on families (authorization_id)`

const { values } = parseArgs({
  allowPositionals: true,
  options: { config: { type: 'string' }, port: { type: 'string' } },
})
const outcome = await loadConfiguration({
  file: values.config ?? '',
  environment: process.env,
  overrides: { port: values.port ?? '' },
})
if (!outcome.ok || outcome.configuration.storage.kind !== 'postgres') throw new Error(JSON.stringify(outcome))
const { storage, host, port, trustedProxies } = outcome.configuration
const tenantStores = await openPostgresTenantStores({ ...storage, migrations: [...migrations, later] })
const tessera = await createTessera(outcome.configuration, { tenantStores })
const { url, close } = await listen(tessera.handle, { host, port, trustedProxies })
process.stdout.write(`listening on ${url}\n`)

process.once('SIGTERM', async () => {
  tessera.drain()
  await close()
  await tessera.close()
  await tenantStores.close()
})
