/** Names that must exist: scopes, tenants, providers and grants that an entry refers to. */

import { type Draft, type Entry, faultAt } from '../draft.ts'
import { type Fault, formatPath } from '../fault.ts'
import {
  builtInExtensionGrantTypes,
  implicitGrantType,
  knownGrantTypes,
  standardGrantTypes,
} from '../grant-types.ts'
import { nearestOf } from '../nearest.ts'
import { standardIdentityResources } from '../standard-resources.ts'

export function referenceFaults(draft: Draft): readonly Fault[] {
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
          ? faultAt(client, 'identity_provider_restrictions', localIsNoProvider)
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
    ...grantFaults(draft.moduleGrants),
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

/** Runs a rule over each name in a list, and adds the place in the list to its faults' paths. */
const each = <Value>(
  entry: Entry<Value>,
  key: keyof Value & string,
  faultsOf: (name: string) => readonly Fault[],
): readonly Fault[] =>
  (entry.value[key] as readonly string[]).flatMap((name, index) =>
    faultsOf(name).map(fault => ({ ...fault, path: `${fault.path}[${index}]` })),
  )

function unknown<Value>(
  entry: Entry<Value>,
  key: keyof Value & string,
  name: string,
  known: ReadonlySet<string>,
  what: string,
  list: string,
): readonly Fault[] {
  if (known.has(name)) return []
  const nearest = nearestOf(name, known)
  return faultAt(entry, key, {
    problem: `nobody registered "${name}"`,
    expected: what,
    ...(nearest !== undefined && { nearest }),
    fix:
      nearest === undefined
        ? `add it to ${list}, or remove it`
        : `write "${nearest}", or add "${name}" to ${list}`,
  })
}

/** A module's grant may replace an extension grant of this server, never a standard one. */
function grantFaults(types: readonly string[]): readonly Fault[] {
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
