/**
 * Operations of the command line on the stores of a configuration, while a server may be running. In each function
 * `server` is the whole configuration, and `issuer` either the same one or that of a tenant in `tenantIssuers`.
 */

import type { Administration } from '../administration/interface.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { isEmail } from '../identity/email-address.ts'
import { createFactorReset } from '../identity/factor-reset.ts'
import { administerUsers, type UserAdministration } from '../identity/user-administration.ts'
import type { ManagedKeyRing } from '../keys/key-ring.ts'
import type { KeyInfo } from '../keys/key-state.ts'
import { type MasterKeyInfo, masterKeysOf, tryKeyService } from '../keys/master-key-info.ts'
import type { Session } from '../model/authorization.ts'
import { type EndSession, isCurrent } from '../model/session.ts'
import { logFromEnvironment } from '../operations/log.ts'
import { sendTestMail, type TestMailOutcome } from '../operations/mail/test-mail.ts'
import { closingOnFailure } from '../runtime/async/opened.ts'
import { isReadingCommand } from '../runtime/async/origin.ts'
import { silentLog } from '../runtime/ports.ts'
import { createEndings, type Endings } from '../sessions/session-end.ts'
import type { AccountServices } from './account-services.ts'
import { createAdministrationServices } from './administration-services.ts'
import { recordCommand } from './audit-command.ts'
import type { ClientServices } from './client-services.ts'
import { createIssuerContext, type IssuerContext } from './issuer-context.ts'
import { loadLiveEntries } from './live-entries.ts'
import { createServerContext, openTenantStores, type ServerContext } from './server-context.ts'
import { createServices } from './services.ts'
import type { SessionServices } from './session-services.ts'
import { requireSchema } from './store-inspection.ts'
import { failuresOf, type TenantFailure } from './tenant-failures.ts'
import { createUserRecords, type UserRecords } from './user-records.ts'

export { inspectStorage } from './store-inspection.ts'

type Closable = { readonly close: () => Promise<void> }

/**
 * Migrates the store of every issuer to the schema of this version. Resolves to the number of stores, and to the tenants
 * whose stores could not be migrated. Rejects if that of the server can't be, because it is needed to find the others.
 */
export async function migrateStorage({ storage }: Configuration): Promise<{
  readonly migrated: number
  readonly failures: readonly TenantFailure[]
}> {
  const tenantStores = await openTenantStores(storage, logFromEnvironment())
  try {
    const tenants = await tenantStores.list()
    const failures = await failuresOf(tenants, async name => (await tenantStores.forTenant(name)).close())
    return { migrated: 1 + tenants.length - failures.length, failures }
  } finally {
    await tenantStores.close()
  }
}

/** Calls the key service of the master key. Resolves to why it can't be used; undefined if it can, or if there is none. */
export async function keyServiceProblem({ masterKey }: Configuration): Promise<string | undefined> {
  if (masterKey?.kind !== 'service') return undefined
  const error = await tryKeyService(masterKey.service).catch((thrown: Error) => thrown)
  return error?.message
}

export async function openKeys(
  server: Configuration,
  issuer: Configuration,
): Promise<
  Closable & {
    readonly list: () => Promise<readonly KeyInfo[]>
    /** The master keys of the server, of all of its tenants too. */
    readonly masterKeys: readonly MasterKeyInfo[]
    readonly rotate: ManagedKeyRing['rotate']
    readonly importKeys: ManagedKeyRing['importKeys']
    readonly remove: ManagedKeyRing['remove']
  }
> {
  const { keys, masterKeys, close } = await openIssuer(server, issuer)
  const { rotate, importKeys, remove } = keys
  return { list: async () => keys.list(), masterKeys, rotate, importKeys, remove, close }
}

/** A running server notifies the clients of sessions that are ended here. */
export async function openSessions(
  server: Configuration,
  issuer: Configuration,
): Promise<
  Closable & {
    readonly ofUser: (sub: string) => Promise<readonly Session[]>
    readonly end: (sid: string) => ReturnType<EndSession>
    readonly revoke: Endings['revokeSession']
  }
> {
  const { stores, clock, log, events, close } = await openIssuer(server, issuer)
  const { endRevokes } = issuer.sessions
  const { endSession, revokeSession } = createEndings({
    stores,
    clock,
    log,
    events,
    endRevokes,
    onNotices: () => {},
  })
  return {
    ofUser: async sub =>
      (await stores.sessions.ofUser(sub)).filter(session => isCurrent(session, clock.now())),
    end: sid => endSession(sid, 'ended_by_operator'),
    revoke: revokeSession,
    close,
  }
}

export async function openFactors(
  server: Configuration,
  issuer: Configuration,
): Promise<Closable & { readonly reset: (sub: string) => Promise<number> }> {
  const context = await openIssuer(server, issuer)
  return { reset: createFactorReset(context), close: context.close }
}

/** A running server follows the changes within a second. */
export async function openAdministration(
  server: Configuration,
  issuer: Configuration,
  options: OpenOptions = {},
): Promise<Closable & Administration> {
  const context = await openIssuer(server, issuer, options)
  return { ...createAdministrationServices(context), close: context.close }
}

/** A running server notifies the clients of sessions that end here. */
export async function openUsers(
  server: Configuration,
  issuer: Configuration,
  options: OpenOptions = {},
): Promise<
  Closable &
    UserAdministration &
    Pick<AccountServices, 'endAccess' | 'searchUsers' | 'personalData'> &
    Pick<Configuration, 'tenants'> & { readonly records: UserRecords }
> {
  const context = await openIssuer(server, issuer, options)
  const services = createServices(context.configuration, context)
  const { accounts, endAccess, searchUsers, personalData } = services.accounts
  const { storedUsers } = context.stores
  return {
    ...administerUsers(accounts, storedUsers),
    endAccess,
    searchUsers,
    personalData,
    records: createUserRecords(context.configuration, context, services.signIn, services.accounts),
    tenants: context.configuration.tenants,
    close: context.close,
  }
}

/** A running server honours a revocation or a block within a second. */
export async function openClients(
  server: Configuration,
  issuer: Configuration,
): Promise<Closable & Pick<ClientServices, 'revoke'> & ClientServices['blocking']> {
  const context = await openIssuer(server, issuer)
  const { revoke, blocking } = createServices(context.configuration, context).clients
  return { revoke, ...blocking, close: context.close }
}

/** A running server honours a revocation within a second, and ends the sessions. */
export async function openTenantRevocation(
  server: Configuration,
  issuer: Configuration,
): Promise<Closable & Pick<Configuration, 'tenants'> & { readonly revoke: SessionServices['revokeTenant'] }> {
  const context = await openIssuer(server, issuer)
  return {
    tenants: context.configuration.tenants,
    revoke: createServices(context.configuration, context).sessions.revokeTenant,
    close: context.close,
  }
}

/** Returns the tenant's configuration with the entries that it inherits from the server's store. */
async function withInherited(
  issuer: Configuration,
  server: Configuration,
  context: ServerContext,
): Promise<Configuration> {
  if (issuer.tenant === undefined) return issuer
  const { tenantStores, derived, changes } = context
  const { configuration } = await loadLiveEntries(server, {
    stores: tenantStores.main,
    derived,
    changes,
    log: silentLog,
    recompose: async () => {},
  })
  return configuration.tenantIssuers.get(issuer.tenant) ?? issuer
}

/** Returns the issuer of a tenant that was made while a server runs; undefined if there is none. */
export async function findTenantIssuer(
  server: Configuration,
  name: string,
  options: OpenOptions = {},
): Promise<Configuration | undefined> {
  const { configuration, close } = await openIssuer(server, server, options)
  await close()
  return configuration.tenantIssuers.get(name)
}

/** Sends a test email with the settings of an issuer. Does not open its store. */
export async function testMail({ mail, issuer }: Configuration, to: string): Promise<TestMailOutcome> {
  if (!isEmail(to))
    return { ok: false, problem: `${JSON.stringify(to)} is no email address`, fix: 'give one' }
  if (mail) return sendTestMail(mail, { to, issuer })
  return { ok: false, problem: 'mail is not configured', fix: 'add "mail" with "from" and "smtp"' }
}

export type OpenOptions = {
  /** Creates, migrates and records nothing: a missing store is an empty one. Omitted: false. */
  readonly dryRun?: boolean
}

/**
 * Closing it closes the context of the server too. Rejects for a command that changes nothing if the store does not exist,
 * or has the schema of another version.
 */
export async function openIssuer(
  server: Configuration,
  issuer: Configuration,
  { dryRun = false }: OpenOptions = {},
): Promise<IssuerContext & { readonly masterKeys: readonly MasterKeyInfo[] }> {
  return closingOnFailure(async opened => {
    const dry = dryRun ? await (await import('./dry-run.ts')).openForDryRun(server) : undefined
    if (dry) opened.add(dry.tenantStores.close)
    else if (isReadingCommand()) await requireStores(server, issuer)
    const log = logFromEnvironment()
    const serverContext = await createServerContext(
      dry?.server ?? server,
      // Its signing keys are only in memory, so they are not reported.
      dry ? { log: { ...log, info: () => {} }, tenantStores: dry.tenantStores } : { log },
    )
    opened.add(serverContext.close)
    const context = await createIssuerContext(
      await withInherited(issuer, server, serverContext),
      serverContext,
    )
    opened.add(context.close)
    if (!dry) await recordCommand(context.audit)
    return { ...context, masterKeys: masterKeysOf(serverContext.unlocked), close: opened.close }
  })
}

/**
 * Rejects if opening the stores would create or migrate one. A mistyped path would become an empty store. A server of an
 * earlier version may be using the store, and on SQLite it could not continue.
 */
async function requireStores({ storage }: Configuration, { tenant }: Configuration): Promise<void> {
  if (storage.kind === 'memory') return
  await requireSchema(storage)
  if (tenant !== undefined) await requireSchema(storage, tenant)
}
