/** The stores in PostgreSQL: one schema per issuer, and a pool of connections that all of them share. */

import type { Stores, TenantStores } from '../../model/ports/stores.ts'
import { keptOrStarted } from '../../runtime/async/promises.ts'
import { createAuditStores } from './audit.ts'
import { createAuthorizationStores } from './authorizations.ts'
import { type Changes, createChanges } from './changes.ts'
import { createCleanUp } from './clean-up.ts'
import { createCommit } from './commit.ts'
import { isExposed, type PostgresOptions, standbyTimeouts } from './connection.ts'
import { type Database, openPool } from './database.ts'
import { warnOfLosses } from './durability.ts'
import { createEntryStores } from './entries.ts'
import { createFederationStores } from './federation.ts'
import { createInstallationStores, createProbe } from './installation.ts'
import { migrate } from './migration.ts'
import { mainSchema, schemaOf } from './names.ts'
import { createPersonStores } from './persons.ts'
import { followReplica, type Replica } from './replica.ts'
import { migrations as known, type Migration } from './schema.ts'
import { watchSchema } from './schema-watch.ts'
import { createSessionStores } from './sessions.ts'
import { createUserStores } from './users.ts'
import { createWebhookStores } from './webhooks.ts'

/** @param close releases resources that only this store uses. */
export const createPostgresStores = (
  database: Database,
  {
    changes,
    replica,
    close,
  }: {
    readonly changes: Changes
    readonly replica?: Replica | undefined
    readonly close: () => Promise<void>
  },
): Stores => ({
  ...createAuthorizationStores(database),
  ...createSessionStores(database),
  ...createUserStores(database),
  ...createFederationStores(database),
  ...createInstallationStores(database, { changes, replica }),
  ...createEntryStores(database, changes),
  ...createPersonStores(database),
  ...createWebhookStores(database),
  ...createAuditStores(database),
  commit: createCommit(database),
  cleanUp: createCleanUp(database),
  ready: createProbe(database),
  close,
})

const readClock = 'select (extract(epoch from clock_timestamp()) * 1000)::bigint'

export type TenantStoresOptions = PostgresOptions & {
  /** The address of a streaming standby, which serves reads of rarely written rows. */
  readonly replica?: string
  /** Its password for each new connection. Default: `password`. */
  readonly replicaPassword?: PostgresOptions['password']
  /** The migrations of another version, for tests that run two versions side by side. */
  readonly migrations?: readonly Migration[]
}

/** Rejects if the database can't be reached, has a newer schema, or can't be written. */
export async function openPostgresTenantStores({
  migrations,
  replica: replicaUrl,
  replicaPassword,
  ...options
}: TenantStoresOptions): Promise<TenantStores> {
  const standby = replicaUrl !== undefined && {
    ...options,
    ...(replicaPassword && { password: replicaPassword }),
    url: replicaUrl,
    timeouts: standbyTimeouts,
  }
  if (isExposed(options) || (standby && isExposed(standby)))
    options.log?.warn('database_without_tls', { advice: 'add sslmode=verify-full to the URL' })
  const pool = openPool(options)
  const changes = createChanges(options)
  const tenants = new Map<string, Promise<Stores>>()
  const main = pool.of(mainSchema)
  let closed = false

  const open = async (name: string): Promise<Stores> => {
    const schema = schemaOf(name)
    await main.run('insert into tenants (name, schema) values ($1, $2) on conflict do nothing', [
      name,
      schema,
    ])
    await migrate(options, schema, migrations)
    return createPostgresStores(pool.of(schema), {
      changes,
      replica,
      close: async () => void tenants.delete(name),
    })
  }

  try {
    await migrate(options, mainSchema, migrations)
  } catch (error) {
    await pool.close()
    throw error
  }
  await warnOfLosses(main.run, options.log)
  const schema = watchSchema(main.run, { known: (migrations ?? known).length, log: options.log })
  const replica = standby ? followReplica(main, openPool(standby), options.log) : undefined
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    schema.stop()
    await Promise.all([changes.close(), replica?.close(), pool.close()])
  }
  const stores = createPostgresStores(main, { changes, replica, close })
  return {
    main: {
      ...stores,
      async ready() {
        await schema.look()
        return stores.ready()
      },
    },
    fault: schema.fault,
    forTenant: name => keptOrStarted(tenants, name, open),
    list: async () =>
      (await main.run('select name from tenants order by name', [])).rows.map(([name]) => String(name)),
    now: async () => Number((await main.run(readClock, [])).rows[0]?.[0]),
    outlivesProcess: true,
    close,
  }
}
