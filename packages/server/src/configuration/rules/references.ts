/** Names that must exist: scopes, tenants, providers and grants that an entry refers to. */

import { grantTypes } from '@tessera/protocol/grant-types'
import { adminScopes } from '../../model/admin-api.ts'
import { type Diagnostic, formatPath } from '../diagnostic.ts'
import { type Draft, diagnosticAt, type Entry } from '../draft.ts'
import { nearestOf } from '../nearest.ts'
import { standardIdentityResources } from '../schema/resource.ts'
import { algorithmErrors } from './algorithms.ts'
import { defaultScopeErrors } from './default-scopes.ts'

const { tokenExchange, jwtBearer, ...standard } = grantTypes
export const standardGrantTypes: readonly string[] = Object.values(standard)

/** The built-in extension grants. A module may replace them. */
const builtInExtensionGrantTypes: readonly string[] = [tokenExchange, jwtBearer]

/** Flows of the authorization endpoint only (RFC 6749 §4.2, OpenID Connect Core 1.0 §3.2). */
const implicitGrantType = 'implicit'

const knownGrantTypes: readonly string[] = [
  ...standardGrantTypes,
  ...builtInExtensionGrantTypes,
  implicitGrantType,
]

/** A kind of entry that names refer to. */
type Target = {
  readonly noun: string
  readonly expected: string
  readonly known: ReadonlySet<string>
  /** The list that defines such names. */
  readonly list: string
}

const targetsOf = (draft: Pick<Draft, 'names' | 'moduleGrants' | 'adminApi'>) =>
  ({
    scope: {
      noun: 'scope',
      expected: 'a registered scope',
      known: registeredScopes(draft),
      list: 'api_scopes',
    },
    apiScope: {
      noun: 'API scope',
      expected: 'an API scope',
      known: draft.names.api_scopes,
      list: 'api_scopes',
    },
    grant: {
      noun: 'grant',
      expected: 'a grant of this server',
      known: new Set([...knownGrantTypes, ...draft.moduleGrants]),
      list: "the module's grants",
    },
    tenant: { noun: 'tenant', expected: 'a tenant', known: draft.names.tenants, list: 'tenants' },
    provider: {
      noun: 'identity provider',
      expected: 'an identity provider',
      known: draft.names.identity_providers,
      list: 'identity_providers',
    },
  }) satisfies Record<string, Target>

/** Returns every scope that a client may request. */
export const registeredScopes = ({
  names,
  adminApi,
}: Pick<Draft, 'names' | 'adminApi'>): ReadonlySet<string> =>
  new Set([
    ...(adminApi ? adminScopes : []),
    ...standardIdentityResources.map(resource => resource.name),
    ...names.identity_resources,
    ...names.api_scopes,
    'offline_access',
  ])

export function referenceErrors(draft: Draft): readonly Diagnostic[] {
  const { scope, apiScope, grant, tenant, provider } = targetsOf(draft)
  return [
    ...draft.clients.flatMap(client => [
      ...namesIn(client.value.scope).flatMap(name => unknown(client, 'scope', name, scope)),
      ...each(client, 'grant_types', name => unknown(client, 'grant_types', name, grant)),
      ...each(client, 'tenants', name => unknown(client, 'tenants', name, tenant)),
      ...each(client, 'identity_provider_restrictions', name =>
        name === 'local'
          ? diagnosticAt(client, 'identity_provider_restrictions', localIsNoProvider)
          : unknown(client, 'identity_provider_restrictions', name, provider),
      ),
    ]),
    ...draft.api_resources.flatMap(api =>
      each(api, 'scopes', name => unknown(api, 'scopes', name, apiScope)),
    ),
    ...draft.api_resources.flatMap(api => defaultScopeErrors(api, draft)),
    ...draft.users.flatMap(user =>
      user.value.tenant === undefined ? [] : unknown(user, 'tenant', user.value.tenant, tenant),
    ),
    ...draft.identity_providers.flatMap(one =>
      each(one, 'tenants', name => unknown(one, 'tenants', name, tenant)),
    ),
    ...moduleGrantErrors(draft.moduleGrants),
    ...algorithmErrors(draft),
  ]
}

const namesIn = (scope = ''): readonly string[] => scope.split(' ').filter(name => name !== '')

const localIsNoProvider = {
  problem: '"local" is not an external provider',
  expected: 'names of identity_providers',
  fix: 'remove it; enable_local_login controls local accounts',
}

/** Runs a rule over each name in a list, and adds the index to the paths of its errors. */
const each = <Value>(
  entry: Entry<Value>,
  key: keyof Value & string,
  errorsOf: (name: string) => readonly Diagnostic[],
): readonly Diagnostic[] =>
  (entry.value[key] as readonly string[]).flatMap((name, index) =>
    errorsOf(name).map(error => ({ ...error, path: `${error.path}[${index}]` })),
  )

function unknown<Value>(
  entry: Entry<Value>,
  key: keyof Value & string,
  name: string,
  { noun, expected, known, list }: Target,
): readonly Diagnostic[] {
  if (known.has(name)) return []
  const nearest = (noun === 'grant' ? grantMeant(name, known) : undefined) ?? nearestOf(name, known)
  return diagnosticAt(entry, key, {
    problem: `"${name}" is not a known ${noun}`,
    expected,
    nearest,
    fix:
      nearest === undefined
        ? `add it to ${list}, or remove it`
        : `write "${nearest}", or add "${name}" to ${list}`,
  })
}

/** Names of grants in other products. */
const otherGrantNames: Readonly<Record<string, string>> = {
  code: grantTypes.authorizationCode,
  hybrid: grantTypes.authorizationCode,
  authcode: grantTypes.authorizationCode,
  deviceflow: grantTypes.deviceCode,
  device: grantTypes.deviceCode,
  deviceauthorization: grantTypes.deviceCode,
  resourceownerpassword: grantTypes.password,
  resourceownerpasswordcredentials: grantTypes.password,
  ropc: grantTypes.password,
  offlineaccess: grantTypes.refreshToken,
}

/** Finds a grant by the last part of its name, such as `device_code`, or by its name in another product. */
function grantMeant(name: string, known: ReadonlySet<string>): string | undefined {
  const word = lastPart(name)
  return [...known].find(grant => lastPart(grant) === word) ?? otherGrantNames[word]
}

const lastPart = (name: string): string =>
  name
    .slice(name.lastIndexOf(':') + 1)
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase()

/** A module's grant can replace a built-in extension grant, but not a standard grant. */
function moduleGrantErrors(types: readonly string[]): readonly Diagnostic[] {
  const standard: readonly string[] = [...standardGrantTypes, implicitGrantType]
  return types.flatMap((type, index) => {
    const path = formatPath(['grants', index, 'grantType'])
    if (standard.includes(type))
      return [
        {
          path,
          problem: `"${type}" is a standard grant`,
          expected: `another name, or one of ${builtInExtensionGrantTypes.join(', ')}`,
          fix: 'use an absolute URI',
        },
      ]
    const first = types.indexOf(type)
    if (first === index) return []
    return [
      {
        path,
        problem: `"${type}" is also grants[${first}].grantType`,
        expected: 'a different grantType for each grant',
        fix: 'remove one of the two',
      },
    ]
  })
}

export function registrationErrors(draft: Draft): readonly Diagnostic[] {
  if (!draft.registration) return []
  const { path, value: registration } = draft.registration
  const { client_defaults: defaults } = registration
  // Clients that register themselves can't use the admin API.
  const { scope, grant, tenant, provider } = targetsOf({ ...draft, adminApi: false })
  const needsToken = registration.mode === 'initial_access_token'
  const { mode, allowed_hosts: hosts } = registration.metadata_documents
  return [
    ...(needsToken && registration.initial_access_tokens.length === 0 ? [withoutTokens(path)] : []),
    ...(registration.require_software_statement && registration.trusted_software_issuers.length === 0
      ? [withoutIssuers(path)]
      : []),
    ...(mode === 'allowed_hosts' && hosts.length === 0 ? [withoutHosts(path)] : []),
    ...unknownAt(`${path}.allowed_scope`, namesIn(registration.allowed_scope), scope),
    ...unknownAt(`${path}.allowed_grant_types`, registration.allowed_grant_types, grant),
    ...unknownAt(`${path}.client_defaults.tenants`, defaults.tenants, tenant),
    ...unknownAt(
      `${path}.client_defaults.identity_provider_restrictions`,
      defaults.identity_provider_restrictions,
      provider,
    ),
  ]
}

const withoutTokens = (at: string): Diagnostic => ({
  path: `${at}.initial_access_tokens`,
  problem: 'mode "initial_access_token" needs one and there is none',
  expected: 'at least one token',
  fix: 'add "initial_access_tokens": [{ "value": "…" }], or write "mode": "off"',
})

const withoutHosts = (at: string): Diagnostic => ({
  path: `${at}.metadata_documents.allowed_hosts`,
  problem: 'mode "allowed_hosts" needs a host and there is none',
  expected: 'at least one host',
  fix: 'add "allowed_hosts": ["app.example"], or write "mode": "open" or "off"',
})

const withoutIssuers = (at: string): Diagnostic => ({
  path: `${at}.trusted_software_issuers`,
  problem: 'software statements are required, but no issuer is trusted to sign them',
  expected: 'at least one issuer and its keys',
  fix: 'add "trusted_software_issuers": [{ "issuer": "…", "jwks": { … } }]',
})

const unknownAt = (
  path: string,
  names: readonly string[],
  { noun, expected, known, list }: Target,
): readonly Diagnostic[] =>
  names
    .filter(name => !known.has(name))
    .map(name => ({
      path,
      problem: `"${name}" is not a known ${noun}`,
      expected,
      fix: `add "${name}" to ${list}, or remove it here`,
    }))
