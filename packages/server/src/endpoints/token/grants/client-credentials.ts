/**
 * The client credentials grant (RFC 6749 §4.4): a token for the client itself. Configuration and registration don't
 * allow it for public clients.
 */

import { grantTypes } from '@tessera/protocol/grant-types'
import { requestedResources } from '../../../authorization-request/requested-resources.ts'
import { validateScope } from '../../../authorization-request/requested-scope.ts'
import type { Grant } from '../decision.ts'

const kinds = new Set(['api', 'admin'] as const)

export const clientCredentials: Grant = {
  grantType: grantTypes.clientCredentials,
  limits: {},
  decide({ client, parameters, confirmation }, { resources }) {
    const audience = requestedResources(parameters, resources)
    const rules = { client, resources, kinds, apis: audience.ok ? audience.value : [] }
    const scope = validateScope(parameters.get('scope'), rules)
    if (!scope.ok) return scope
    if (!audience.ok) return audience
    return { ok: true, client, scope: scope.value.scope, audience: audience.value, confirmation }
  },
}
