/** Reads forms and queries of our pages, and checks that a form came from one of them. */

import { maxClientIdUrlLength } from '@tessera/protocol/client-id-url'
import type { HttpRequest } from '@tessera/protocol/http'
import { type Limits, type Parameters, parseParameters } from '@tessera/protocol/parameters'
import { type Result, refuse } from '@tessera/protocol/result'
import type { PasskeyAnswer } from '../../identity/passkeys.ts'
import { isForm } from '../../messages/form.ts'
import { networkOf } from '../../runtime/network.ts'
import { continuationLimits } from './continuation.ts'
import type { Csrf } from './csrf.ts'

const limits: Limits = {
  ...continuationLimits,
  csrf: [64, 'invalid_request'],
  scope: [200, 'invalid_request'],
  client_id: [maxClientIdUrlLength, 'invalid_request'],
  after: [maxClientIdUrlLength, 'invalid_request'],
  button: [16, 'invalid_request'],
  sid: [64, 'invalid_request'],
  user_code: [64, 'invalid_request'],
  keep_signed_in: [16, 'invalid_request'],
  username: [256, 'invalid_request'],
  password: [1024, 'invalid_request'],
  email: [254, 'invalid_request'],
  new_password: [1024, 'invalid_request'],
  full_name: [200, 'invalid_request'],
  given_name: [200, 'invalid_request'],
  family_name: [200, 'invalid_request'],
  link: [6000, 'invalid_request'],
  method: [16, 'invalid_request'],
  code: [64, 'invalid_request'],
  ticket: [512, 'invalid_request'],
  credential: [16_000, 'invalid_request'],
  name: [60, 'invalid_request'],
  remember: [8, 'invalid_request'],
  add: [16, 'invalid_request'],
  id: [512, 'invalid_request'],
  provider: [200, 'invalid_request'],
  identity: [4096, 'invalid_request'],
}

/** Each checkbox sends one value. */
const repeatable: ReadonlySet<string> = new Set(['scope'])

/** Refuses forms that did not come from a page of this browser (`csrf_token_wrong`), before anything else is checked. */
export function readPageForm(request: HttpRequest, csrf: Csrf): Result<Parameters> {
  if (!isForm(request)) return refuse('invalid_request', 'media_type_not_form')
  const parameters = parseParameters(request.body, limits, repeatable)
  if (!parameters.ok) return parameters
  return csrf.holds(request, parameters.value.get('csrf'))
    ? parameters
    : refuse('invalid_request', 'csrf_token_wrong')
}

/** Reads the posted form, or else the query. */
export const readPage = (request: HttpRequest, csrf: Csrf): Result<Parameters> =>
  request.method === 'POST' ? readPageForm(request, csrf) : readPageQuery(request)

/** Returns the anti-forgery token of a checked form, which identifies this browser. */
export const browserOf = (form: Parameters): string => form.get('csrf') ?? ''

/** Returns the response of a passkey that a form contains. */
export const passkeyAnswerOf = (request: HttpRequest, form: Parameters): PasskeyAnswer => ({
  ticket: form.get('ticket') ?? '',
  credential: form.get('credential') ?? '',
  from: networkOf(request),
})

/** Reads the query of one of our pages. */
export const readPageQuery = (request: HttpRequest): Result<Parameters> =>
  parseParameters(request.query, limits)
