/** APIs of Auth0 (`resourceServers`) and what applications may request of them (`clientGrants`). */

import { carry, choice } from '../convert.ts'
import type { Draft } from '../draft.ts'
import { elements, leaveOut, leaveOutAll, notNeeded } from '../outcomes.ts'
import { textOf, textsOf } from '../raw.ts'
import type { Source } from '../source.ts'
import { textOrKeyword } from './placeholders.ts'

export type Apis = {
  /** The scopes that any first-party application may request for its users. */
  readonly userScopes: readonly string[]
  /** The scopes of applications that act for themselves, by the name or id of the application. */
  readonly grants: ReadonlyMap<string, readonly Grant[]>
}

type Grant = { readonly scopes: readonly string[]; readonly source: Source }

const algorithms = choice({ RS256: 'RS256', PS256: 'PS256', ES256: 'ES256' } as const)

export function readApis(root: Source, draft: Draft): Apis {
  const known = new Map<string, string>()
  const userScopes = new Set<string>()
  const audiences = new Map<string, readonly string[]>()
  for (const source of elements(root.member('resourceServers'))) {
    const identifier = textOf(source.member('identifier').whole())
    if (source.member('is_system').whole() === true || isManagement(identifier)) {
      source.notPossible(
        'the Management API of Auth0 does not exist here; see the command line and the HTTP API for operators',
      )
      continue
    }
    const target = draft.add('api_resources')
    carry(source.member('identifier'), target, 'name', textOrKeyword)
    carry(source.member('name'), target, 'display_name', textOrKeyword)
    carry(source.member('signing_alg'), target, 'access_token_signing_alg', algorithms)
    const scopes: string[] = []
    target.set('scopes', scopes)
    const policies = source.member('enforce_policies')
    const needsRoles = policies.exists && policies.whole() !== false
    for (const scope of elements(source.member('scopes'))) {
      const value = scope.member('value')
      const name = value.text()
      if (name === undefined) continue
      const other = known.get(name)
      if (other === undefined) {
        const entry = draft.add('api_scopes')
        entry.set('name', name)
        carry(scope.member('description'), entry, 'description', textOrKeyword)
        value.carriedOver(entry.at('name'))
        known.set(name, identifier ?? '')
      } else {
        scope.member('description').notNeeded('another API has this scope')
        value.changed(
          'another API has this scope too: clients name the API with the parameter resource, or get tokens for both',
          target.at('scopes', scopes.length),
        )
      }
      scopes.push(name)
      if (!needsRoles) userScopes.add(name)
    }
    audiences.set(identifier ?? '', scopes)
    leaveOut(
      source.member('enforce_policies'),
      'scopes are not limited by roles of users: add them to the scope of clients yourself, and let the API check roles',
    )
    leaveOutAll(source, {
      token_lifetime: 'the lifetime is that of the client: access_token_lifetime',
      token_lifetime_for_web: 'the lifetime is that of the client: access_token_lifetime',
      token_dialect:
        'tokens contain the claims of their scopes; permissions of roles are rules (docs/guides/claims.md)',
      signing_secret: 'tokens are signed with asymmetric keys',
      token_encryption: 'access tokens are not encrypted',
      proof_of_possession:
        'clients decide: dpop_bound_access_tokens, tls_client_certificate_bound_access_tokens',
      consent_policy: 'use require_consent of clients',
      authorization_details: 'rich authorization requests are not supported',
      subject_type_authorization: 'the scope of each client decides',
    })
    notNeeded(
      source,
      [
        'id',
        'is_system',
        'allow_offline_access',
        'skip_consent_for_verifiable_first_party_clients',
        'client_id',
        'verification_location',
      ],
      'it has no effect here',
    )
  }
  return { userScopes: [...userScopes], grants: readGrants(root.member('clientGrants'), audiences) }
}

const isManagement = (identifier: string | undefined): boolean => /\/api\/v2\/$/.test(identifier ?? '')

function readGrants(list: Source, audiences: ReadonlyMap<string, readonly string[]>): Apis['grants'] {
  const grants = new Map<string, Grant[]>()
  for (const source of elements(list)) {
    const client = source.member('client_id').text()
    const audience = source.member('audience').text()
    const known = audiences.get(audience ?? '')
    if (client === undefined || known === undefined) {
      source.notPossible('its API is not carried over')
      continue
    }
    const scopes = textsOf(source.member('scope').whole()).filter(name => known.includes(name))
    grants.set(client, [...(grants.get(client) ?? []), { scopes, source }])
    notNeeded(
      source,
      ['id', 'organization_usage', 'allow_any_organization', 'is_system'],
      'it has no effect here',
    )
    leaveOut(source.member('authorization_details_types'), 'rich authorization requests are not supported')
  }
  return grants
}
