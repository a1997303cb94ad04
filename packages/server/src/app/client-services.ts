/** Clients: lookup, authentication and keys. */

import {
  type AuthenticateClient,
  createClientAuthentication,
} from '../clients/authentication/authenticate.ts'
import { type AuthenticateCaller, createCallerAuthentication } from '../clients/authentication/caller.ts'
import {
  type ClientFailures,
  createClientFailures,
  markerLifetime,
} from '../clients/authentication/failed-attempts.ts'
import { maxRetention } from '../clients/authentication/private-key-jwt.ts'
import { createUnencodedBasicWarning } from '../clients/authentication/unencoded-basic.ts'
import { createClientDocuments } from '../clients/documents/documents.ts'
import { createClientEncryption, type EncryptForClient } from '../clients/keys/encryption.ts'
import { createIssuerKeysUriFinder } from '../clients/keys/issuer-metadata.ts'
import { createClientKeyFinder } from '../clients/keys/jwks.ts'
import { createClientSignatures, type VerifyClientSignature } from '../clients/keys/signature.ts'
import {
  type ClientBlocking,
  createClientBlocking,
  idProblem,
} from '../clients/registration/client-blocking.ts'
import { type ClientLookup, createClients } from '../clients/registration/client-lookup.ts'
import { type ReadableRow, readRegistered } from '../clients/registration/metadata-validation.ts'
import { stillAllowed } from '../clients/registration/reduction.ts'
import { createSoftwareStatements } from '../clients/registration/software-statement.ts'
import { createSealedClients } from '../clients/sealed/sealed-clients.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { mtlsBaseOf } from '../configuration/issuer.ts'
import { createAssertionCounter } from '../identity/attempt-limits.ts'
import type { Attempts } from '../identity/attempts.ts'
import type { SealedClients } from '../model/registration.ts'
import { createOverloadLog } from '../operations/overload.ts'
import { nodeSkew } from '../operations/principals.ts'
import { createArgon2id, type MatchArgon2id } from '../runtime/argon2id.ts'
import { networkKeys, networkPath } from '../runtime/network.ts'
import type { IssuerContext } from './issuer-context.ts'

export type ClientServices = {
  /** Configured and registered clients. */
  readonly lookup: ClientLookup
  readonly sealed: SealedClients
  /** Returns the destinations to which no self-registered client may redirect. */
  readonly blockedRedirects: () => readonly string[]
  /**
   * Revokes every code, token and authorization that was issued to the client, for operators. Returns false if no such
   * client was ever configured or registered.
   */
  readonly revoke: (clientId: string) => Promise<boolean>
  /** For operators. */
  readonly blocking: ClientBlocking
  readonly authenticate: AuthenticateClient
  /** For introspection: a client, or an API. */
  readonly authenticateCaller: AuthenticateCaller
  readonly matchArgon2id: MatchArgon2id
  readonly encrypt: EncryptForClient
  readonly verifySignature: VerifyClientSignature
}

export function createClientServices(
  configuration: Configuration,
  context: IssuerContext,
  { countAttempt, waitFor }: Attempts,
): ClientServices {
  const { issuer, resources, clientAssertions, compatibility, mtls } = configuration
  const { stores, clock, log, random, outbound } = context
  const { lookup, ...registered } = createLookup(configuration, context)
  const findKeys = createClientKeyFinder({ outbound, clock, log })
  const verifySignature = createClientSignatures(findKeys, configuration.signatureAlgorithms)
  const failures = createFailures(context, { countAttempt, waitFor })
  const warnUnencodedBasic = createUnencodedBasicWarning({ clock, log })
  // Separate from the queue for users' passwords, so that guesses at client secrets don't delay users, or the reverse.
  const { match: matchArgon2id } = createArgon2id({
    concurrent: 1,
    networksOf: networkPath,
    onFull: createOverloadLog({ log, clock, queue: 'client_secrets' }),
  })
  const longest = maxRetention(clientAssertions.maxLifetime)
  const authenticate = createClientAuthentication({
    issuer,
    clients: lookup,
    clientAssertions,
    compatibility,
    mtlsBase: mtlsBaseOf(issuer, mtls),
    usedAssertions: stores.usedAssertions,
    countAssertion: createAssertionCounter({ countAttempt, longest }),
    findKeys,
    findIssuerKeysUri: createIssuerKeysUriFinder({ outbound, clock, log }),
    verifySignature,
    failures,
    warnUnencodedBasic,
    matchArgon2id,
    clock,
    random,
  })
  const authenticateCaller = createCallerAuthentication({
    authenticate,
    resources,
    compatibility,
    failures,
    warnUnencodedBasic,
    matchArgon2id,
    clock,
    random,
  })
  return {
    lookup,
    ...registered,
    revoke: createClientRevocation(context, registered.sealed),
    blocking: createClientBlocking({
      principals: context.principals,
      isConfigured: clientId => configuration.clients.find(clientId) !== undefined,
      entries: stores.entries,
      hasEntry: clientId => context.entries.clients.rows().has(clientId),
      blockedRedirects: configuration.registration.blockedRedirects,
      isIssued: registered.sealed.isIssued,
      events: context.events,
      log,
    }),
    authenticate,
    authenticateCaller,
    matchArgon2id,
    encrypt: createClientEncryption(findKeys),
    verifySignature,
  }
}

function createLookup(
  { clients: configured, registration, issuer, signatureAlgorithms: algorithms }: Configuration,
  { stores, entries, keys, derived, clock, random, log, principals, outbound }: IssuerContext,
): Pick<ClientServices, 'lookup' | 'sealed' | 'blockedRedirects'> {
  const signingAlgorithms = keys.algorithms()
  const { documents: policy } = registration
  const documents =
    policy.mode === 'off'
      ? undefined
      : createClientDocuments({
          policy,
          registration,
          readStatement: createSoftwareStatements({ registration, issuer, algorithms, clock }),
          signingAlgorithms,
          outbound,
          clock,
          log,
        })
  const blockedRedirects = (): readonly string[] => {
    const { blockedRedirects: blocked } = principals.blocks()
    return blocked.length === 0
      ? registration.blockedRedirects
      : [...registration.blockedRedirects, ...blocked]
  }
  const read = (row: ReadableRow) => readRegistered(row, { registration, signingAlgorithms, log })
  const sealed = createSealedClients({
    policy: registration.sealedClients,
    issuer,
    derived,
    read(client_id, registered) {
      // Nobody can list these clients, so a limit that an operator lowers applies to earlier ids too.
      const metadata = stillAllowed(registered, registration)
      if (metadata) return read({ client_id, metadata, version: 1 })
      log.warn('registered_client_unfit', { client_id, faults: ['grant_types'] })
      return undefined
    },
    areBlocked: () => principals.blocks().sealedBlocked,
    blockedRedirects,
    clock,
    random,
    log,
  })
  const lookup = createClients({
    configured,
    registration,
    stored: entries.clients,
    registeredClients: stores.registeredClients,
    read,
    documents,
    sealedClients: sealed,
    blockedRedirects,
    isDisabled: principals.isDisabledClient,
    clock,
    log,
  })
  return { lookup, sealed, blockedRedirects }
}

const createClientRevocation =
  (
    { principals, clock, log, events }: IssuerContext,
    sealed: Pick<SealedClients, 'isIssued'>,
  ): ClientServices['revoke'] =>
  async client_id => {
    if (idProblem(client_id, sealed) !== undefined) return false
    const until = clock.now() + nodeSkew
    if (!(await principals.revokeClient(client_id, until))) return false
    log.info('client_access_revoked', { client_id, until })
    events.emit('client.access_revoked', { client_id })
    return true
  }

function createFailures(
  { clock }: IssuerContext,
  { countAttempt, waitFor }: Pick<Attempts, 'countAttempt' | 'waitFor'>,
): ClientFailures {
  // Markers are counters that are never full.
  const markers = (keys: readonly string[], most: number) =>
    keys.map(key => ({ key, most, span: markerLifetime }))
  return createClientFailures({
    clock,
    networksOf: (from, limit) => networkKeys('client', from, limit),
    async countFailure(counter) {
      const counted = await countAttempt([counter])
      return counted.ok ? 0 : counted.wait
    },
    async mark(keys) {
      await countAttempt(markers(keys, Number.MAX_SAFE_INTEGER))
    },
    async isMarked(keys) {
      return (await waitFor(markers(keys, 1))) > 0
    },
  })
}
