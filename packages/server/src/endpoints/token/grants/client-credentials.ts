/** The client credentials grant (RFC 6749 §4.4): a token of the client's own. */

import { refuse } from '@tessera/protocol/result'
import { isPublic } from '../../../core/client.ts'
import type { Grant } from '../decision.ts'
import { requestedResource } from '../resource.ts'
import { grantScope, requestedScope } from '../scope.ts'

const kinds = new Set(['api'] as const)

export const clientCredentials: Grant = {
  grantType: 'client_credentials',
  limits: {},
  decide({ client, parameters, confirmation }, { resources }) {
    // RFC 6749 §4.4: for confidential clients only.
    if (isPublic(client)) return refuse('unauthorized_client', 'public_client')
    const requested = requestedScope(parameters.get('scope'))
    if (!requested.ok) return requested
    const scope = grantScope(requested.value, client, resources, kinds)
    if (!scope.ok) return scope
    const audience = requestedResource(parameters, resources)
    if (!audience.ok) return audience
    return { ok: true, client, scope: scope.value, audience: audience.value, confirmation }
  },
}
