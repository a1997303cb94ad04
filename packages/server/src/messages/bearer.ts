/** Access tokens in requests, and the challenge in responses (RFC 6750 §2, §3; RFC 9449 §7.1). */

import { errorText } from '@tessera/protocol/errors'
import type { HttpRequest } from '@tessera/protocol/http'
import { type Limits, maxTokenLength, parseParameters } from '@tessera/protocol/parameters'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { isForm } from './form.ts'

const limits: Limits = { access_token: [maxTokenLength, 'invalid_request'] }

/** How a token was sent. Tokens in a form are bearer tokens. */
export type Scheme = 'Bearer' | 'DPoP'

const schemes = /^(bearer|dpop)(?: +|$)/i

/**
 * Returns the access token of the header or the form; undefined if there is none. Never reads the query, which ends up
 * in logs and browser histories (RFC 9700 §4.3.2). Refuses `invalid_request` for two tokens or a malformed form.
 */
export function readAccessToken(
  request: HttpRequest,
): Result<{ readonly scheme: Scheme; readonly value: string } | undefined> {
  const { authorization = '' } = request.headers
  const start = schemes.exec(authorization)
  const scheme = start?.[1]?.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer'
  const inHeader = start === null ? '' : authorization.slice(start[0].length).trimEnd()
  const inForm = readForm(request)
  if (!inForm.ok) return inForm
  // RFC 6750 §2: a client must use only one method per request.
  if (inForm.value !== undefined && start !== null)
    return refuse('invalid_request', 'several_access_tokens', {
      description: 'send the access token only once',
    })
  const value = inForm.value ?? inHeader
  return ok(value === '' ? undefined : { scheme, value })
}

/** Does the same for tokens that are never bound to a key, such as those of registrations. Ignores others. */
export function readBearer(request: HttpRequest): Result<string | undefined> {
  const found = readAccessToken(request)
  if (!found.ok) return found
  return ok(found.value?.scheme === 'Bearer' ? found.value.value : undefined)
}

/** Reads the token of a form, which GET requests can't have (RFC 6750 §2.2). */
function readForm(request: HttpRequest): Result<string | undefined> {
  if (request.method !== 'POST' || !isForm(request)) return ok(undefined)
  const parameters = parseParameters(request.body, limits)
  return parameters.ok ? ok(parameters.value.get('access_token')) : parameters
}

type Challenge = {
  /** The scope that a token needs, for `insufficient_scope`. */
  readonly scope?: string
  readonly scheme?: Scheme
  /** Algorithms of proofs, for the scheme DPoP. */
  readonly algorithms?: readonly string[]
}

/** Returns the value of `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1). */
export function challenge(
  refusal?: Pick<Refusal, 'error' | 'description'>,
  { scope = 'openid', scheme = 'Bearer', algorithms = [] }: Challenge = {},
): string {
  const { error, description } = refusal ?? {}
  return [
    `${scheme} realm="tessera"`,
    ...(error === undefined ? [] : [`error="${errorText(error)}"`]),
    ...(description === undefined ? [] : [`error_description="${errorText(description)}"`]),
    ...(error === 'insufficient_scope' ? [`scope="${scope}"`] : []),
    ...(scheme === 'DPoP' ? [`algs="${algorithms.join(' ')}"`] : []),
  ].join(', ')
}

/** Returns the challenge for a request without a token: one for each scheme that it may use (RFC 9449 §7.2). */
export const challengeForToken = (proofAlgorithms: readonly string[]): string =>
  `${challenge()}, ${challenge(undefined, { scheme: 'DPoP', algorithms: proofAlgorithms })}`

/** Returns the scheme of the challenge: that of the request, or DPoP for a token that needs it. */
export const challengedScheme = ({ reason }: Refusal, sent: Scheme | undefined): Scheme =>
  reason === 'bound_token_as_bearer' ? 'DPoP' : (sent ?? 'Bearer')
