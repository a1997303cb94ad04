/** Types and limits that all client authentication methods share (RFC 6749 §2.3, RFC 7521 §4.2, RFC 8705 §2). */

import type { Seconds } from '@tessera/protocol/brand'
import type { ClientAuthenticationMethod } from '@tessera/protocol/client-authentication'
import { isClientIdUrl, maxClientIdUrlLength } from '@tessera/protocol/client-id-url'
import type { HttpRequest } from '@tessera/protocol/http'
import type { Limits } from '@tessera/protocol/parameters'
import { type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Confirmation } from '../../model/authorization.ts'
import type { Client, ClientAssertionPolicy } from '../../model/client.ts'
import type { UsedAssertions } from '../../model/ports/stores.ts'
import { isSealedId, maxSealedIdLength } from '../../model/sealed-client.ts'
import type { Awaitable, Clock } from '../../runtime/ports.ts'
import type { FindIssuerKeysUri } from '../keys/issuer-metadata.ts'
import type { FindKeys } from '../keys/jwks.ts'
import type { VerifyClientSignature } from '../keys/signature.ts'
import type { Secrets } from './secrets.ts'
import type { WarnUnencodedBasic } from './unencoded-basic.ts'

/** A client authentication method. */
export type AuthenticationMethod = {
  readonly name: ClientAuthenticationMethod
  /**
   * Verifies the credential of a client. Resolves to the key binding of its tokens, if any. Refuses `invalid_client`,
   * or `temporarily_unavailable` if the credential can't be checked now.
   */
  readonly verify: (
    client: Client,
    credential: Credential,
    request: HttpRequest,
    ports: VerificationPorts,
  ) => Awaitable<Result<Confirmation | undefined>>
}

export type VerificationPorts = {
  readonly secrets: Secrets
  readonly warnUnencodedBasic: WarnUnencodedBasic
  readonly usedAssertions: UsedAssertions
  /** Defaults for clients without their own settings. */
  readonly clientAssertions: ClientAssertionPolicy
  /**
   * Counts an assertion whose id is stored for `kept` seconds. Returns a function that undoes the count, or the seconds
   * to wait after too many assertions.
   */
  readonly countAssertion: (
    client: Client,
    request: HttpRequest,
    kept: Seconds,
  ) => Promise<
    | { readonly ok: true; readonly forgive: () => Promise<void> }
    | { readonly ok: false; readonly wait: Seconds }
  >
  readonly findKeys: FindKeys
  /** Finds the keys of issuers of workload identities. */
  readonly findIssuerKeysUri: FindIssuerKeysUri
  readonly verifySignature: VerifyClientSignature
  readonly clock: Clock
  readonly issuer: string
  /** The base URL of endpoints with TLS client authentication (RFC 8705 §5). */
  readonly mtlsBase: string
}

/** The credential of a request. `identity` is only a client_id: the proof is a certificate, or there is none. */
export type Credential =
  | {
      readonly kind: 'secret'
      readonly method: 'client_secret_basic' | 'client_secret_post'
      /** The client_id of the first reading. */
      readonly client_id: string
      /** One reading for a body; a header may have several. */
      readonly readings: readonly [SecretReading, ...SecretReading[]]
    }
  | { readonly kind: 'assertion'; readonly client_id: string; readonly assertion: string }
  | { readonly kind: 'identity'; readonly client_id: string }

/** A client_id with its secret. */
export type SecretReading = {
  readonly client_id: string
  readonly secret: string
  /** Sent as Basic without the form-encoding of RFC 6749 §2.3.1. */
  readonly isUnencoded?: boolean
}

/**
 * Adds readings of a Basic header for ids with a colon, which many HTTP clients send unencoded. The first colon is then
 * part of the id. An id in the header that already has a colon was sent encoded.
 */
export function withColons(
  { method, readings }: Pick<Extract<Credential, { kind: 'secret' }>, 'method' | 'readings'>,
  names: readonly string[],
): readonly [SecretReading, ...SecretReading[]] {
  if (names.length === 0 || method !== 'client_secret_basic') return readings
  const found = names.flatMap(name =>
    readings.flatMap(({ client_id, secret }) => {
      const pair = `${client_id}:${secret}`
      const isMeant = !client_id.includes(':') && client_id !== name && pair.startsWith(`${name}:`)
      return isMeant ? [{ client_id: name, secret: pair.slice(name.length + 1), isUnencoded: true }] : []
    }),
  )
  return [...readings, ...found.filter(({ secret }) => secret !== '')]
}

/** Returns the client ids that the credential may belong to. */
export const namesOf = (credential: Credential): readonly string[] =>
  credential.kind !== 'secret' || credential.readings.length === 1
    ? [credential.client_id]
    : [...new Set(credential.readings.map(({ client_id }) => client_id))]

/** Lengths in characters; RFC 6749 appendix A.1 and A.2 define none. Ids that are URLs or sealed may be longer. */
export const maxClientIdLength = 100
/** APIs also authenticate at introspection, and have longer names. */
export const maxCallerIdLength = 200

/** Returns whether the id is longer than `max`, or for a URL or a sealed id, than any of its kind. */
export function isTooLong(id: string, max: number): boolean {
  if (isClientIdUrl(id)) return id.length > maxClientIdUrlLength
  return id.length > (isSealedId(id) ? maxSealedIdLength : max)
}

export const maxClientSecretLength = 512
/** Long enough for a certificate chain (`x5c`). */
const maxAssertionLength = 16_384

/** Length limits of client authentication parameters. */
export const credentialLimits: Limits = {
  client_id: [maxClientIdUrlLength, 'invalid_client'],
  client_secret: [maxClientSecretLength, 'invalid_client'],
  client_assertion_type: [200, 'invalid_client'],
  client_assertion: [maxAssertionLength, 'invalid_client'],
}

/**
 * Refuses a credential that can't be checked, because the keys for it can't be fetched now. It is not a guess. Uses one
 * description for every cause, as {@link refuseClient} does. The HTTP edge sends 503 with `Retry-After`.
 */
export const refuseUnchecked = (reason: string, log?: Readonly<Record<string, unknown>>): Refusal =>
  refuse('temporarily_unavailable', reason, {
    description: 'client authentication is not possible now; try again',
    log,
  })

/** Refuses with one description for every cause, so that an unknown client looks like a wrong secret. */
export const refuseClient = (reason: string, log?: Readonly<Record<string, unknown>>): Refusal =>
  refuse('invalid_client', reason, { description: 'client authentication failed', log })
