/** The resource owner password credentials grant (RFC 6749 §4.3) with IdentityServer's `acr_values`. */

import { parseAcrValues } from '@tessera/protocol/acr-values'
import { grantTypes } from '@tessera/protocol/grant-types'
import { refuse } from '@tessera/protocol/result'
import { maxAcrValuesLength, maxUsernameLength } from '../../../authorization-request/parameter-limits.ts'
import { requestedResources } from '../../../authorization-request/requested-resources.ts'
import { userScopeKinds, validateScope } from '../../../authorization-request/requested-scope.ts'
import { withOrigin } from '../../../runtime/async/origin.ts'
import type { Decision, Grant, GrantPorts, RefusedDecision, TokenRequest } from '../decision.ts'

export const password: Grant = {
  grantType: grantTypes.password,
  limits: {
    username: [maxUsernameLength, 'invalid_grant'],
    password: [512, 'invalid_grant'],
    acr_values: [maxAcrValuesLength, 'invalid_request'],
  },
  decide: (request, ports) =>
    // Of the grants, only this one can be used to guess passwords, so only its refusals are in the audit log.
    withOrigin({ actor: { kind: 'server' }, request_id: request.id, network: request.from }, () =>
      decide(request, ports),
    ),
}

async function decide(
  { client, parameters, confirmation, from }: TokenRequest,
  { resources, signIn, barsPasswordGrant }: GrantPorts,
): Promise<Decision | RefusedDecision> {
  const username = parameters.get('username')
  const secret = parameters.get('password')
  if (username === undefined)
    return refuse('invalid_request', 'username_missing', { description: 'username is required' })
  if (secret === undefined)
    return refuse('invalid_request', 'password_missing', { description: 'password is required' })
  const acr_values = parameters.get('acr_values')
  const acr = parseAcrValues(acr_values)
  if (!acr.ok) return acr
  const signedIn = await signIn({
    username,
    password: secret,
    client,
    acr: acr.value,
    acr_values,
    from,
    // The response and the count are those of a wrong password, so that they reveal nothing to an attacker.
    isBarred: subject => barsPasswordGrant(subject, client),
  })
  if (!signedIn.ok) return signedIn
  const { subject } = signedIn.value

  const audience = requestedResources(parameters, resources)
  const granted = validateScope(parameters.get('scope'), {
    client,
    resources,
    kinds: userScopeKinds,
    apis: audience.ok ? audience.value : [],
    ignoresOfflineAccess: true,
  })
  if (!granted.ok) return granted
  if (!audience.ok) return audience
  const { scope, ignored } = granted.value
  return {
    ok: true,
    client,
    scope,
    audience: audience.value,
    subject: {
      ...subject,
      ...(subject.tenant === undefined &&
        acr.value.tenant !== undefined && { sign_in_tenant: acr.value.tenant }),
    },
    authorization: { kind: 'new' },
    confirmation,
    refresh: scope.includes('offline_access') ? { kind: 'new', scope } : undefined,
    ignored,
    members: signedIn.value.members,
  }
}
