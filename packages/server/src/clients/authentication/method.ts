/** What the ways of client authentication share (RFC 6749 §2.3, RFC 7521 §4.2, RFC 8705 §2). */

import type { Seconds } from '@tessera/protocol/brand'
import type { ClientAuthenticationMethod } from '@tessera/protocol/client-authentication'
import type { HttpRequest } from '@tessera/protocol/http'
import type { Limits } from '@tessera/protocol/parameters'
import { type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { Confirmation } from '../../model/authorization.ts'
import type { Client, ClientAssertionPolicy } from '../../model/client.ts'
import type { UsedAssertions } from '../../model/ports/stores.ts'
import type { Awaitable, Clock } from '../../runtime/ports.ts'
import type { FindKeys } from '../keys/jwks.ts'
import type { VerifyClientSignature } from '../keys/signature.ts'
import type { Secrets } from './secrets.ts'
import type { WarnUnencodedBasic } from './unencoded-basic.ts'

/** One way to authenticate. */
export type AuthenticationMethod = {
  readonly name: ClientAuthenticationMethod
  /**
   * Whether the credential is this client's. Refuses `invalid_client`, or `temporarily_unavailable` when it can't tell
   * now. The value is how the client's tokens will be bound, undefined where they are not.
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
  /** Unless the client has settings of its own. */
  readonly clientAssertions: ClientAssertionPolicy
  /**
   * Counts an assertion of a client, whose id is kept for so many seconds. The result takes it back, or says how long to
   * wait where there were too many.
   */
  readonly countAssertion: (
    clientId: string,
    kept: Seconds,
  ) => Promise<
    | { readonly ok: true; readonly forgive: () => Promise<void> }
    | { readonly ok: false; readonly wait: Seconds }
  >
  readonly findKeys: FindKeys
  readonly verifySignature: VerifyClientSignature
  readonly clock: Clock
  readonly issuer: string
  /** What the URLs of the endpoints begin with where clients show certificates (RFC 8705 §5). */
  readonly mtlsBase: string
}

/** What a request says of its client. `identity`: only who it is; what proves it lies outside (a certificate) or does not exist. */
export type Credential =
  | {
      readonly kind: 'secret'
      readonly method: 'client_secret_basic' | 'client_secret_post'
      /** Of the first reading. */
      readonly client_id: string
      /** A body has one, a header may have several. */
      readonly readings: readonly [SecretReading, ...SecretReading[]]
    }
  | { readonly kind: 'assertion'; readonly client_id: string; readonly assertion: string }
  | { readonly kind: 'identity'; readonly client_id: string }

/** An id and the secret that goes with it. */
export type SecretReading = {
  readonly client_id: string
  readonly secret: string
  /** Sent by Basic without the form-encoding that RFC 6749 §2.3.1 asks for. */
  readonly isUnencoded?: boolean
}

/**
 * Adds the readings of a Basic header whose id stands there with its colon, as many HTTP clients send it: then the first
 * colon does not end the id. An id that holds a colon already was sent encoded, which ends where it says.
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

/** Whom the credential may be of. */
export const namesOf = (credential: Credential): readonly string[] =>
  credential.kind !== 'secret' || credential.readings.length === 1
    ? [credential.client_id]
    : [...new Set(credential.readings.map(({ client_id }) => client_id))]

/** RFC 6749 appendix A.1, A.2 give no lengths; these are ours (characters). */
export const maxClientIdLength = 100
/** The longest name of an API, which authenticates at introspection. */
export const maxCallerIdLength = 200
export const maxClientSecretLength = 512
/** Room for a chain of certificates (`x5c`). */
const maxAssertionLength = 16_384

/** The limits of the parameters that authenticate, for every endpoint that clients authenticate at. */
export const credentialLimits: Limits = {
  client_id: [maxClientIdLength, 'invalid_client'],
  client_secret: [maxClientSecretLength, 'invalid_client'],
  client_assertion_type: [200, 'invalid_client'],
  client_assertion: [maxAssertionLength, 'invalid_client'],
}

/** One description for every cause, so that a caller can't tell an unknown client from a wrong secret. */
export const refuseClient = (reason: string, log?: Readonly<Record<string, unknown>>): Refusal =>
  refuse('invalid_client', reason, { description: 'client authentication failed', ...(log && { log }) })
