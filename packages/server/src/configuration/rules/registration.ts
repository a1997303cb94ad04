/** Dynamic client registration that could not work, or that names what is not there. */

import type { Draft } from '../draft.ts'
import type { Fault } from '../fault.ts'
import { knownGrantTypes } from '../grant-types.ts'
import { registeredScopes } from './references.ts'

export function registrationFaults(draft: Draft): readonly Fault[] {
  if (!draft.registration) return []
  const { path, value: registration } = draft.registration
  const { client_defaults: defaults } = registration
  return [
    ...(registration.mode === 'initial_access_token' && registration.initial_access_tokens.length === 0
      ? [withoutTokens(path)]
      : []),
    ...(registration.require_software_statement && registration.trusted_software_issuers.length === 0
      ? [withoutIssuers(path)]
      : []),
    ...unknown(`${path}.allowed_scope`, scopeNames(registration.allowed_scope), registeredScopes(draft)),
    ...unknown(
      `${path}.allowed_grant_types`,
      registration.allowed_grant_types,
      new Set([...knownGrantTypes, ...draft.moduleGrants]),
    ),
    ...unknown(`${path}.client_defaults.tenants`, defaults.tenants, draft.names.tenants),
    ...unknown(
      `${path}.client_defaults.identity_provider_restrictions`,
      defaults.identity_provider_restrictions,
      draft.names.identity_providers,
    ),
  ]
}

const scopeNames = (scope = ''): readonly string[] => scope.split(' ').filter(name => name !== '')

const withoutTokens = (at: string): Fault => ({
  path: `${at}.initial_access_tokens`,
  problem: 'mode "initial_access_token" needs one and there is none',
  expected: 'at least one token',
  fix: 'add "initial_access_tokens": [{ "value": "…" }], or write "mode": "off"',
})

const withoutIssuers = (at: string): Fault => ({
  path: `${at}.trusted_software_issuers`,
  problem: 'software statements are required and nobody is trusted to sign them',
  expected: 'at least one issuer and its keys',
  fix: 'add "trusted_software_issuers": [{ "issuer": "…", "jwks": { … } }]',
})

const unknown = (path: string, names: readonly string[], known: ReadonlySet<string>): readonly Fault[] =>
  names
    .filter(name => !known.has(name))
    .map(name => ({
      path,
      problem: `nobody registered "${name}"`,
      expected: 'names that the configuration has',
      fix: `add "${name}" to the configuration, or remove it here`,
    }))
