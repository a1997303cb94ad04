/**
 * The context that an issuer's services are created from: the server's context, with the issuer's own store and keys.
 */

import type { Configuration } from '../configuration/configuration.ts'
import { createKeyRing, type ManagedKeyRing } from '../keys/key-ring.ts'
import { checkMasterKey } from '../keys/master-key.ts'
import { derivedFor } from '../keys/root-keys.ts'
import { policyFor } from '../keys/rotation.ts'
import { createSealing } from '../keys/sealing.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { AuditLog } from '../operations/audit/audit-log.ts'
import { createEvents, type ManagedEvents } from '../operations/events/events.ts'
import { causeOf } from '../operations/failures.ts'
import { logWith } from '../operations/log.ts'
import { createPrincipalWatch, type PrincipalWatch } from '../operations/principals.ts'
import { receiverLimit } from '../runtime/async/claim-loop.ts'
import { closingOnFailure } from '../runtime/async/opened.ts'
import { settlesWithin } from '../runtime/async/promises.ts'
import type { Log } from '../runtime/ports.ts'
import { withoutRevoked } from '../sessions/active-sessions.ts'
import { createAudit } from './audit.ts'
import { type LiveEntries, loadLiveEntries } from './live-entries.ts'
import type { ServerContext } from './server-context.ts'

export type IssuerContext = Pick<
  ServerContext,
  'clock' | 'random' | 'log' | 'derived' | 'outbound' | 'sendMail' | 'print' | 'passwordCost' | 'close'
> & {
  readonly stores: Stores
  /** The configuration of the file with the stored entries. */
  readonly configuration: Configuration
  readonly entries: LiveEntries
  readonly keys: ManagedKeyRing
  readonly principals: PrincipalWatch
  readonly events: ManagedEvents
  readonly audit: AuditLog
}

/**
 * Opens the issuer's store and creates missing keys. Throws if the store can't be opened or the master key does not
 * match it.
 * @param delivers whether this process sends webhooks.
 */
export const createIssuerContext = (
  configuration: Configuration,
  server: ServerContext,
  { delivers = false } = {},
): Promise<IssuerContext> =>
  closingOnFailure(async opened => {
    const { close, ...own } = await openOwn(configuration, server)
    opened.add(close)
    // Also detects a file that replaced that of another tenant.
    if (configuration.tenant !== undefined)
      await checkMasterKey({ settings: own.stores.settings, derived: own.derived })
    const { changes, recompose = async () => {} } = server
    const entries = await loadLiveEntries(configuration, { ...own, changes, recompose })
    const audit = createAudit(entries.configuration, { ...server, ...own })
    const events = eventsOf(own, entries.configuration, { ...server, audit, delivers })
    opened.add(() => Promise.all([events.close(), reportOmitted(audit, own.log)]))
    const keys = await openKeys({ ...own, events }, entries, server)
    const principals = createPrincipalWatch({ principals: own.stores.principals, changes, log: own.log })
    for (const stop of [principals.stop, keys.stop, entries.stop]) opened.add(stop)
    const { clock, random, outbound, print, sendMail, passwordCost } = server
    return {
      clock,
      random,
      log: own.log,
      derived: own.derived,
      outbound,
      sendMail,
      print,
      passwordCost,
      stores: withoutRevoked(own.stores, principals.isRevokedSession),
      configuration: entries.configuration,
      entries,
      keys,
      principals,
      events,
      audit,
      close: opened.close,
    }
  })

/** The parts that must not work at any other issuer. */
type Own = Pick<IssuerContext, 'stores' | 'derived' | 'log'>

const eventsOf = (
  { stores, derived, log }: Own,
  { issuer, tenant, events, webhooks, hookTimeout }: Configuration,
  {
    outbound,
    clock,
    random,
    audit,
    delivers,
  }: ServerContext & { readonly audit: AuditLog; readonly delivers: boolean },
): ManagedEvents =>
  createEvents({
    issuer,
    tenant,
    callbacks: events,
    callbackLimit: hookTimeout,
    webhooks,
    audit,
    stores,
    sealing: createSealing({ derived, purpose: 'webhooks' }),
    outbound,
    delivers,
    clock,
    random,
    log,
  })

function openKeys(
  { stores, derived, log, events }: Own & Pick<IssuerContext, 'events'>,
  { configuration, clients: storedClients }: LiveEntries,
  { clock, changes, generateSigningKey }: ServerContext,
): Promise<ManagedKeyRing> {
  const { clients, signatureAlgorithms, signingAlgorithms, registration } = configuration
  const needs = storedClients.needs()
  return createKeyRing({
    keys: stores.keys,
    derived,
    clock,
    log,
    events,
    note: events.note,
    changes,
    generate: generateSigningKey,
    algorithms: [
      ...new Set([...signingAlgorithms, ...needs.flatMap(({ algorithms = [] }) => algorithms)]),
      // A stored client may need one that the configuration no longer allows. Then the client is not served.
    ].filter(alg => signatureAlgorithms.includes(alg)),
    policy: policyFor([
      ...clients.all(),
      // Self-registered clients have the default lifetimes of the configuration.
      registration.defaults,
      ...needs.flatMap(({ lifetime }) =>
        lifetime === undefined ? [] : { access_token_lifetime: lifetime, identity_token_lifetime: lifetime },
      ),
    ]),
  })
}

/** Not longer than events are waited for: the store may be what does not respond. */
async function reportOmitted(audit: AuditLog, log: Log): Promise<void> {
  try {
    const isStored = await settlesWithin(receiverLimit, audit.reportOmitted('immediately'))
    if (!isStored) throw new Error('the store does not respond')
  } catch (error) {
    log.error('audit_failed', { error: String(error), reason: causeOf(error) })
  }
}

/** The server's own store is closed with the context of the server. */
async function openOwn(
  { tenant }: Configuration,
  { tenantStores, derived, log }: ServerContext,
): Promise<Own & Pick<IssuerContext, 'close'>> {
  if (tenant === undefined) return { stores: tenantStores.main, derived, log, close: async () => {} }
  const stores = await tenantStores.forTenant(tenant)
  return { stores, derived: derivedFor(derived, tenant), log: logWith(log, { tenant }), close: stores.close }
}
