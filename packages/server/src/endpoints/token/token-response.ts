/** The successful answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core 1.0 §3.1.3.3). */

import type { HttpResponse } from '@tessera/protocol/http'
import { formatScope } from '@tessera/protocol/scope'
import { jsonResponse } from '../../messages/json-response.ts'
import type { Decision } from './decision.ts'
import type { Issued } from './issue-tokens.ts'

/** Custom members come first, so that they never replace the standard ones. */
export const respond = (decision: Decision, issued: Issued): HttpResponse =>
  jsonResponse(200, {
    ...withoutStandard(decision.members),
    access_token: issued.accessToken.value,
    token_type: 'Bearer',
    expires_in: issued.accessToken.expires_in,
    scope: formatScope(issued.scope),
    refresh_token: issued.refreshToken,
    id_token: issued.idToken,
  })

const standard = new Set([
  'access_token',
  'token_type',
  'expires_in',
  'scope',
  'refresh_token',
  'id_token',
  'error',
  'error_description',
])

const withoutStandard = (members: Decision['members']): object =>
  members ? Object.fromEntries(Object.entries(members).filter(([name]) => !standard.has(name))) : {}
