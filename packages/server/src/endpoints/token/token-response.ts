/** The successful answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core 1.0 §3.1.3.3). */

import type { HttpResponse } from '@tessera/protocol/http'
import { formatScope } from '@tessera/protocol/scope'
import { jsonResponse } from '../../messages/json-response.ts'
import type { Decision } from './decision.ts'
import type { Issued } from './issue-tokens.ts'

/** Custom members come first, so that they never replace the standard ones, also where these are left out. */
export const respond = (decision: Decision, issued: Issued): HttpResponse =>
  jsonResponse(200, {
    ...decision.members,
    error: undefined,
    error_description: undefined,
    access_token: issued.accessToken.value,
    token_type: issued.accessToken.token_type,
    expires_in: issued.accessToken.expires_in,
    scope: formatScope(issued.scope),
    refresh_token: issued.refreshToken,
    id_token: issued.idToken,
  })
