/**
 * The embedded stores: one SQLite file for the server's own issuer, and one for each tenant's in a folder beside it.
 * The main thread reads all files, and a writer thread writes them.
 */

import type { Stores, TenantStores } from '../../model/ports/stores.ts'
import { keptOrStarted } from '../../runtime/async/promises.ts'
import type { Log } from '../../runtime/ports.ts'
import { createInvalidValueLog } from '../tables/invalid-values.ts'
import { openDatabase } from './database.ts'
import { createOpenFile, createReadGuard, identityOf } from './open-file.ts'
import { createAuditStores } from './reads/audit.ts'
import { createAuthorizationStores, createCommit } from './reads/authorizations.ts'
import { createCleanUp } from './reads/clean-up.ts'
import { createEntryStores } from './reads/entries.ts'
import { createFederationStores } from './reads/federation.ts'
import { createInstallationStores } from './reads/installation.ts'
import { createPersonStores } from './reads/persons.ts'
import { createSessionStores } from './reads/sessions.ts'
import { createUserStores } from './reads/users.ts'
import { createWebhookStores } from './reads/webhooks.ts'
import { guardReads, one } from './statements.ts'
import { placeOfTenant, tenantsBeside } from './tenant-files.ts'
import type { WriteQueue } from './writer/queue.ts'
import { startWriterThread, type WriterThread } from './writer/thread.ts'
import type { Calls } from './writes/operation.ts'
import { operationNames, type operations } from './writes/operations.ts'

export type SqliteOptions = {
  /** Created with mode 0600 if there is none. Its folder must exist. */
  readonly file: string
  readonly log?: Log
  /** How long a write waits for another process's lock, in milliseconds; 5000 by default. */
  readonly busyTimeout?: number
  /** The maximum number of waiting writes; 16384 by default. Further writes are refused with `StoreUnavailable`. */
  readonly capacity?: number
  /** A thread shared with other files; its creator stops it. By default, the store starts its own. */
  readonly thread?: WriterThread
}

/** Starts the thread that writes this file and others beside it. */
export const startWriter = ({
  file,
  log,
  busyTimeout = standardBusyTimeout,
  capacity = 16_384,
}: SqliteOptions): WriterThread => startWriterThread({ file, busyTimeout }, { capacity, log })

const standardBusyTimeout = 5000

/**
 * How long a read may block the event loop, in milliseconds. In WAL mode, it waits only while another process recovers
 * the database.
 */
const readTimeout = 250

/** Rejects when the file can't be opened or has a newer schema. */
export async function openSqliteStores(options: SqliteOptions): Promise<Stores> {
  const { file, busyTimeout = standardBusyTimeout } = options
  const database = openDatabase({
    file,
    busyTimeout,
    onUpgraded: (from, to) => options.log?.info('schema_upgraded', { store: file, from, to }),
  })
  database.exec(`pragma busy_timeout = ${readTimeout}; pragma query_only = on`)
  const guard = createReadGuard(createOpenFile(file, database), reason => {
    if (reason === undefined) options.log?.info('database_usable', { file })
    else options.log?.error('database_unusable', { file, error: reason })
  })
  guardReads(database, guard.require)
  createInvalidValueLog(options.log)(database)
  const thread = options.thread ?? startWriter(options)
  const queue = thread.queueFor(file, identityOf(file) ?? '')
  const write = callsOf(queue)
  const probe = one(database, 'select 1 from settings limit 1')

  return {
    ...createAuthorizationStores(database, write),
    ...createSessionStores(database, write),
    ...createUserStores(database, write),
    ...createFederationStores(database, write),
    ...createInstallationStores(database, write),
    ...createEntryStores(database, write),
    ...createPersonStores(database, write),
    ...createWebhookStores(database, write),
    ...createAuditStores(database, write),
    commit: createCommit(write),
    cleanUp: createCleanUp(database, write, queue.idle),
    ready() {
      if (!database.isOpen) return false
      try {
        guard.look()
        probe()
      } catch {
        return false
      }
      if (!queue.isFailing()) return true
      return write.probe().then(
        () => true,
        () => false,
      )
    },
    async close() {
      await (options.thread ? queue : thread).close()
      if (database.isOpen) database.close()
    },
  }
}

const callsOf = (queue: WriteQueue): Calls<typeof operations> =>
  Object.fromEntries(
    operationNames.map(name => [name, (...values: readonly unknown[]) => queue.write(name, values)]),
  ) as unknown as Calls<typeof operations>

/** Rejects when the server's own file can't be opened or has a newer schema. */
export async function openSqliteTenantStores(options: SqliteOptions): Promise<TenantStores> {
  const thread = startWriter(options)
  const main = await openSqliteStores({ ...options, thread })
  const tenants = new Map<string, Promise<Stores>>()
  // A second queue for the file would receive the results of writes that the first one still waits for.
  const closing = new Map<string, Promise<void>>()

  const open = async (name: string): Promise<Stores> => {
    await closing.get(name)
    const stores = await openSqliteStores({ ...options, thread, file: placeOfTenant(options.file, name) })
    return {
      ...stores,
      close() {
        tenants.delete(name)
        const closed = stores.close().finally(() => closing.delete(name))
        closing.set(name, closed)
        return closed
      },
    }
  }

  return {
    main,
    forTenant: name => keptOrStarted(tenants, name, open),
    outlivesProcess: true,
    waiting: thread.waiting,
    list: () => tenantsBeside(options.file),
    async close() {
      const opened = await Promise.allSettled(tenants.values())
      const stores = opened.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
      await Promise.all([main, ...stores].map(one => one.close()))
      await thread.close()
    },
  }
}
