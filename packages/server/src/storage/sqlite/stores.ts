/** The embedded store: one SQLite file, read by the main thread and written by a thread of its own. */

import type { Stores } from '../../model/ports/stores.ts'
import type { Log } from '../../runtime/ports.ts'
import { createAttempts } from './attempts.ts'
import { createAuthorizations } from './authorizations.ts'
import { createCleanUp } from './clean-up.ts'
import { createCodes } from './codes.ts'
import { createCommit } from './commit.ts'
import { createConsents } from './consents.ts'
import { openDatabase } from './database.ts'
import { createDevices } from './devices.ts'
import { createFamilies } from './families.ts'
import { createIdentityLinks } from './identity-links.ts'
import { createKeys } from './keys.ts'
import { createLogoutNotices } from './logout-notices.ts'
import { createOpenFile, createReadGuard, identityOf } from './open-file.ts'
import { createPasskeys } from './passkeys.ts'
import { createPendingSignIns } from './pending-sign-ins.ts'
import { createPrincipals } from './principals.ts'
import { createPushedRequests } from './pushed-requests.ts'
import { createRecoveryCodes } from './recovery-codes.ts'
import { createReferenceTokens } from './reference-tokens.ts'
import { createRegisteredClients } from './registered-clients.ts'
import { createRevokedTokens } from './revoked-tokens.ts'
import { createSecondFactors } from './second-factors.ts'
import { createSessions } from './sessions.ts'
import { createSettings } from './settings.ts'
import { guardReads, one } from './statements.ts'
import { createStoredUsers } from './stored-users.ts'
import { createTotpSecrets } from './totp-secrets.ts'
import { createUpstreamRequests } from './upstream-requests.ts'
import { createUpstreamSessions } from './upstream-sessions.ts'
import { createUsedAssertions } from './used-assertions.ts'
import { createWaitingMails } from './waiting-mails.ts'
import type { WriteQueue } from './write-queue.ts'
import { startWriterThread, type WriterThread } from './writer-thread.ts'
import { writeNames, type writes } from './writes.ts'
import type { Calls } from './writing.ts'

export type SqliteOptions = {
  /** Made with mode 0600 if there is none; its folder must exist. */
  readonly file: string
  readonly log?: Log
  /** How long a write waits for another process's lock, in milliseconds; 5000 unless said otherwise. */
  readonly busyTimeout?: number
  /** How many writes may wait before more are refused with `StoreUnavailable`; 16384 unless said otherwise. */
  readonly capacity?: number
  /** The thread that writes other files too, and is ended by whoever started it; one of its own unless given. */
  readonly thread?: WriterThread
}

/** Starts the thread that writes this file, and others beside it. */
export const startWriter = ({
  file,
  log,
  busyTimeout = standardBusyTimeout,
  capacity = 16_384,
}: SqliteOptions): WriterThread => startWriterThread({ file, busyTimeout }, { capacity, ...(log && { log }) })

const standardBusyTimeout = 5000

/** A read must not hold up the event loop for longer, in milliseconds; in WAL it waits only for another process's recovery. */
const readTimeout = 250

/** Rejects when the file can't be opened or has a newer schema. */
export async function openSqliteStores(options: SqliteOptions): Promise<Stores> {
  const { file, busyTimeout = standardBusyTimeout } = options
  const database = openDatabase({ file, busyTimeout })
  database.exec(`pragma busy_timeout = ${readTimeout}; pragma query_only = on`)
  const guard = createReadGuard(createOpenFile(file, database), reason => {
    if (reason === undefined) options.log?.info('database_usable', { file })
    else options.log?.error('database_unusable', { file, error: reason })
  })
  guardReads(database, guard.require)
  const thread = options.thread ?? startWriter(options)
  const queue = thread.queueFor(file, identityOf(file) ?? '')
  const write = callsOf(queue)
  const probe = one(database, 'select 1 from settings limit 1')

  return {
    authorizations: createAuthorizations(database, write),
    codes: createCodes(database, write),
    devices: createDevices(database, write),
    families: createFamilies(database),
    referenceTokens: createReferenceTokens(database, write),
    revokedTokens: createRevokedTokens(database, write),
    usedAssertions: createUsedAssertions(write),
    sessions: createSessions(database, write),
    logoutNotices: createLogoutNotices(database, write),
    consents: createConsents(database, write),
    upstreamRequests: createUpstreamRequests(write),
    identityLinks: createIdentityLinks(database, write),
    upstreamSessions: createUpstreamSessions(database, write),
    totpSecrets: createTotpSecrets(database, write),
    recoveryCodes: createRecoveryCodes(database, write),
    passkeys: createPasskeys(database, write),
    secondFactors: createSecondFactors(write),
    pendingSignIns: createPendingSignIns(database, write),
    keys: createKeys(database, write),
    settings: createSettings(database, write),
    registeredClients: createRegisteredClients(database, write),
    storedUsers: createStoredUsers(database, write),
    waitingMails: createWaitingMails(database, write),
    attempts: createAttempts(database, write),
    pushedRequests: createPushedRequests(database, write),
    principals: createPrincipals(database, write),
    commit: createCommit(write),
    cleanUp: createCleanUp(database, write, queue.idle),
    ready() {
      if (!database.isOpen || queue.health() === 'dead') return false
      try {
        guard.look()
        probe()
      } catch {
        return false
      }
      if (queue.health() === 'working') return true
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

const callsOf = (queue: WriteQueue): Calls<typeof writes> =>
  Object.fromEntries(
    writeNames.map((name, number) => [name, (...values: readonly unknown[]) => queue.write(number, values)]),
  ) as unknown as Calls<typeof writes>
