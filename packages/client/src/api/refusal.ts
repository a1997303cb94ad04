/** Refusals of an API's guard: their status, and the error that the client gets (RFC 6750 §3.1, RFC 9470 §3). */

import type { Seconds } from '@tessera/protocol/brand'
import type { ClientError } from '../error.ts'

type Definition = {
  readonly status: 400 | 401 | 403 | 503
  /** The error code in the challenge and in the body. A request without a token gets none (RFC 6750 §3.1). */
  readonly error?: string
  readonly description?: string
}

const request = (description: string): Definition => ({ status: 400, error: 'invalid_request', description })
const token = (description: string): Definition => ({ status: 401, error: 'invalid_token', description })

/** Each reason is a stable code for logs. Descriptions contain nothing of the request. */
const definitions = {
  token_missing: { status: 401 },
  scheme_unsupported: { status: 401 },
  authorization_repeated: request('the request has several Authorization headers'),
  authorization_malformed: request('the Authorization header is malformed'),
  token_too_long: token('the access token is too long'),
  token_malformed: token('the access token contains characters that are not allowed'),
  token_in_query: request('the access token must be in the Authorization header, not in the query'),
  token_in_body: request('the access token must be in the Authorization header, not in the body'),
  token_repeated: request('the request contains several access tokens'),
  token_unrecognized: token('the access token is not valid'),
  issuer_untrusted: token('the access token is from another issuer'),
  token_invalid: token('the access token is not valid'),
  token_expired: token('the access token has expired'),
  token_inactive: token('the access token is not active'),
  token_type_mismatch: token('the token is not an access token'),
  audience_mismatch: token('the access token is for another resource'),
  token_unbound: token('the access token must be bound to a key'),
  certificate_missing: token('the access token is bound to a client certificate'),
  certificate_mismatch: token('the access token is bound to another client certificate'),
  bound_token_as_bearer: token(
    'the access token is bound to a key; send it with its token_type and a proof of the key',
  ),
  confirmation_unsupported: token('the access token is bound to a key in a way that is not supported'),
  proof_refused: token('the proof of possession is not valid'),
  client_not_allowed: {
    status: 403,
    error: 'access_denied',
    description: 'this client may not use the resource',
  },
  check_failed: { status: 403, error: 'access_denied', description: 'access to the resource is denied' },
  scope_insufficient: {
    status: 403,
    error: 'insufficient_scope',
    description: 'the access token lacks a required scope',
  },
  acr_insufficient: {
    status: 401,
    error: 'insufficient_user_authentication',
    description: 'a different authentication level is required',
  },
  authentication_too_old: {
    status: 401,
    error: 'insufficient_user_authentication',
    description: 'a more recent authentication is required',
  },
  issuer_unavailable: {
    status: 503,
    error: 'temporarily_unavailable',
    description: 'the access token could not be checked',
  },
} as const satisfies Readonly<Record<string, Definition>>

/** Why a request was refused: a stable code for logs and metrics. */
export type RefusalReason = keyof typeof definitions

export type Refusal = {
  readonly ok: false
  readonly reason: RefusalReason
  /** The failure that led to the refusal. It contains no token. */
  readonly cause?: ClientError
  /** Seconds, for `Retry-After`. */
  readonly retryAfter?: Seconds
  /** Replaces the error of the reason, for other schemes such as DPoP (RFC 9449 §7.1). */
  readonly error?: string
  /** More parameters of the challenge. */
  readonly parameters?: Readonly<Record<string, string | undefined>>
  /** More headers of the response. */
  readonly headers?: Readonly<Record<string, string>>
}

export const refuse = (reason: RefusalReason, more: Omit<Refusal, 'ok' | 'reason'> = {}): Refusal => ({
  ok: false,
  reason,
  ...more,
})

/** Returns what the client gets for a refusal. */
export function describe({ reason, error }: Refusal): Definition {
  const definition: Definition = definitions[reason]
  return error === undefined ? definition : { ...definition, error }
}
