/**
 * The client credentials grant (RFC 6749 §4.4): a token of the client's own. Neither the configuration nor registration
 * gives it to a public client.
 */

import { grantTypes } from '@tessera/protocol/grant-types'
import { requestedResources } from '../../../authorization-request/requested-resources.ts'
import { validateScope } from '../../../authorization-request/requested-scope.ts'
import type { Grant } from '../decision.ts'

const kinds = new Set(['api'] as const)

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
