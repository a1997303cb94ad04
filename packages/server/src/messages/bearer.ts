/** Bearer tokens in requests, and the challenge in responses (RFC 6750 §2, §3). */

import { errorText } from '@tessera/protocol/errors'
import type { HttpRequest } from '@tessera/protocol/http'
import { type Limits, maxTokenLength, parseParameters } from '@tessera/protocol/parameters'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { isForm } from './form.ts'

const limits: Limits = { access_token: [maxTokenLength, 'invalid_request'] }

const scheme = /^bearer(?: +|$)/i

/**
 * Returns the access token of the header or the form; undefined if there is none. Never reads the query, which ends up
 * in logs and browser histories (RFC 9700 §4.3.2). Refuses `invalid_request` for two tokens or a malformed form.
 */
export function readBearer(request: HttpRequest): Result<string | undefined> {
  const { authorization = '' } = request.headers
  const start = scheme.exec(authorization)
  const inHeader = start === null ? undefined : authorization.slice(start[0].length).trimEnd() || undefined
  const inForm = readForm(request)
  if (!inForm.ok || inForm.value === undefined) return inForm.ok ? ok(inHeader) : inForm
  // RFC 6750 §2: a client must use only one method per request.
  return start === null
    ? inForm
    : refuse('invalid_request', 'several_access_tokens', {
        description: 'send the access token only once',
      })
}

/** Reads the token of a form, which GET requests can't have (RFC 6750 §2.2). */
function readForm(request: HttpRequest): Result<string | undefined> {
  if (request.method !== 'POST' || !isForm(request)) return ok(undefined)
  const parameters = parseParameters(request.body, limits)
  return parameters.ok ? ok(parameters.value.get('access_token')) : parameters
}

/**
 * Returns the value of `WWW-Authenticate` (RFC 6750 §3).
 * @param scope the scope that a token needs, for `insufficient_scope`.
 */
export function challenge(refusal?: Pick<Refusal, 'error' | 'description'>, scope = 'openid'): string {
  if (!refusal) return 'Bearer realm="tessera"'
  const { error, description } = refusal
  return [
    'Bearer realm="tessera"',
    `error="${errorText(error)}"`,
    ...(description === undefined ? [] : [`error_description="${errorText(description)}"`]),
    ...(error === 'insufficient_scope' ? [`scope="${scope}"`] : []),
  ].join(', ')
}
