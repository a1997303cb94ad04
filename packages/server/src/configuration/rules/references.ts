/** Names that must exist: scopes, tenants, providers and grants that an entry refers to. */

import { type Diagnostic, formatPath } from '../diagnostic.ts'
import { type Draft, diagnosticAt, type Entry } from '../draft.ts'
import { nearestOf } from '../nearest.ts'
import { standardIdentityResources } from '../schema/resource.ts'

/** RFC 6749 §4 and RFC 8628 §3.4. */
export const standardGrantTypes = [
  'authorization_code',
  'client_credentials',
  'password',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
] as const

/** The built-in extension grants (RFC 8693, RFC 7523). A module may replace them. */
const builtInExtensionGrantTypes = [
  'urn:ietf:params:oauth:grant-type:token-exchange',
  'urn:ietf:params:oauth:grant-type:jwt-bearer',
] as const

/** Flows of the authorization endpoint only (RFC 6749 §4.2, OpenID Connect Core 1.0 §3.2). */
const implicitGrantType = 'implicit'

export const knownGrantTypes: readonly string[] = [
  ...standardGrantTypes,
  ...builtInExtensionGrantTypes,
  implicitGrantType,
]

export function referenceErrors(draft: Draft): readonly Diagnostic[] {
  const { names } = draft
  const scopes = registeredScopes(draft)
  const grantTypes = new Set([...knownGrantTypes, ...draft.moduleGrants])
  return [
    ...draft.clients.flatMap(client => [
      ...client.value.scope
        .split(' ')
        .filter(name => name !== '')
        .flatMap(name => unknown(client, 'scope', name, scopes, 'a registered scope', 'api_scopes')),
      ...each(client, 'grant_types', name =>
        unknown(
          client,
          'grant_types',
          name,
          grantTypes,
          'a grant that this server has',
          "the module's grants",
        ),
      ),
      ...each(client, 'tenants', name =>
        unknown(client, 'tenants', name, names.tenants, 'a tenant', 'tenants'),
      ),
      ...each(client, 'identity_provider_restrictions', name =>
        name === 'local'
          ? diagnosticAt(client, 'identity_provider_restrictions', localIsNoProvider)
          : unknown(
              client,
              'identity_provider_restrictions',
              name,
              names.identity_providers,
              'an identity provider',
              'identity_providers',
            ),
      ),
    ]),
    ...draft.api_resources.flatMap(api =>
      each(api, 'scopes', name =>
        unknown(api, 'scopes', name, names.api_scopes, 'an API scope', 'api_scopes'),
      ),
    ),
    ...draft.users.flatMap(user =>
      user.value.tenant === undefined
        ? []
        : unknown(user, 'tenant', user.value.tenant, names.tenants, 'a tenant', 'tenants'),
    ),
    ...draft.identity_providers.flatMap(provider =>
      each(provider, 'tenants', name =>
        unknown(provider, 'tenants', name, names.tenants, 'a tenant', 'tenants'),
      ),
    ),
    ...grantErrors(draft.moduleGrants),
  ]
}

/** Every scope that a client may name. */
export const registeredScopes = ({ names }: Pick<Draft, 'names'>): ReadonlySet<string> =>
  new Set([
    ...standardIdentityResources.map(resource => resource.name),
    ...names.identity_resources,
    ...names.api_scopes,
    'offline_access',
  ])

const localIsNoProvider = {
  problem: '"local" is no external provider',
  expected: 'names of identity_providers',
  fix: 'remove it; enable_local_login says whether accounts kept here may be used',
}

/** Runs a rule over each name in a list, and adds the place in the list to its errors' paths. */
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
  known: ReadonlySet<string>,
  what: string,
  list: string,
): readonly Diagnostic[] {
  if (known.has(name)) return []
  const nearest = nearestOf(name, known)
  return diagnosticAt(entry, key, {
    problem: `nobody registered "${name}"`,
    expected: what,
    nearest,
    fix:
      nearest === undefined
        ? `add it to ${list}, or remove it`
        : `write "${nearest}", or add "${name}" to ${list}`,
  })
}

/** A module's grant may replace an extension grant of this server, never a standard one. */
function grantErrors(types: readonly string[]): readonly Diagnostic[] {
  const standard: readonly string[] = [...standardGrantTypes, implicitGrantType]
  return types.flatMap((type, index) => {
    const path = formatPath(['grants', index, 'grantType'])
    if (standard.includes(type))
      return [
        {
          path,
          problem: `"${type}" is a standard grant`,
          expected: `a name of its own, or one of ${builtInExtensionGrantTypes.join(', ')}`,
          fix: 'give it an absolute URI',
        },
      ]
    const first = types.indexOf(type)
    if (first === index) return []
    return [
      {
        path,
        problem: `"${type}" is also grants[${first}].grantType`,
        expected: 'one grant of a name',
        fix: 'remove one of the two',
      },
    ]
  })
}

export function registrationErrors(draft: Draft): readonly Diagnostic[] {
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
    ...unregistered(`${path}.allowed_scope`, scopeNames(registration.allowed_scope), registeredScopes(draft)),
    ...unregistered(
      `${path}.allowed_grant_types`,
      registration.allowed_grant_types,
      new Set([...knownGrantTypes, ...draft.moduleGrants]),
    ),
    ...unregistered(`${path}.client_defaults.tenants`, defaults.tenants, draft.names.tenants),
    ...unregistered(
      `${path}.client_defaults.identity_provider_restrictions`,
      defaults.identity_provider_restrictions,
      draft.names.identity_providers,
    ),
  ]
}

const scopeNames = (scope = ''): readonly string[] => scope.split(' ').filter(name => name !== '')

const withoutTokens = (at: string): Diagnostic => ({
  path: `${at}.initial_access_tokens`,
  problem: 'mode "initial_access_token" needs one and there is none',
  expected: 'at least one token',
  fix: 'add "initial_access_tokens": [{ "value": "…" }], or write "mode": "off"',
})

const withoutIssuers = (at: string): Diagnostic => ({
  path: `${at}.trusted_software_issuers`,
  problem: 'software statements are required and nobody is trusted to sign them',
  expected: 'at least one issuer and its keys',
  fix: 'add "trusted_software_issuers": [{ "issuer": "…", "jwks": { … } }]',
})

const unregistered = (
  path: string,
  names: readonly string[],
  known: ReadonlySet<string>,
): readonly Diagnostic[] =>
  names
    .filter(name => !known.has(name))
    .map(name => ({
      path,
      problem: `nobody registered "${name}"`,
      expected: 'names that the configuration has',
      fix: `add "${name}" to the configuration, or remove it here`,
    }))
