/** Names that must be unique, and names that must not collide. */

import { comparableUri } from '@tessera/protocol/resource-indicator'
import { adminAudience, isAdminScope } from '../../model/admin-api.ts'
import { identityKey } from '../../model/stored-user.ts'
import { isDerivedSub } from '../../model/user.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { type Draft, diagnosticAt, type Entry } from '../draft.ts'
import { standardIdentityResources } from '../schema/resource.ts'

export const nameErrors = (draft: Draft): readonly Diagnostic[] => [
  ...duplicates(draft.clients, 'client_id'),
  ...duplicates(draft.identity_resources, 'name'),
  ...duplicates(draft.api_scopes, 'name'),
  ...duplicates(
    draft.api_resources,
    'name',
    ({ name }) => comparableUri(name),
    ', ignoring the case of scheme and host, a default port, and a lone slash as path (RFC 8707 §2, RFC 3986 §6.2)',
  ),
  ...draft.api_resources.flatMap(api => introspectionName(api, draft)),
  ...duplicates(draft.users, 'sub'),
  ...duplicates(
    draft.users,
    'username',
    user => JSON.stringify([user.tenant ?? null, identityKey(user.username)]),
    ' in its tenant, ignoring case, composition of letters and surrounding spaces',
  ),
  ...duplicates(draft.identity_providers, 'name'),
  ...duplicates(draft.tenants, 'name'),
  ...scopeCollisions(draft),
  ...(draft.adminApi ? adminNames(draft) : []),
  ...draft.api_resources.flatMap(api => plainTokensOfClient(api, draft)),
  ...draft.users.flatMap(user => subOfClient(user, draft)),
  ...draft.users.flatMap(user => derivedName(user, 'sub')),
  ...draft.clients.flatMap(client => derivedName(client, 'client_id')),
  ...draft.identity_providers.flatMap(localProviderError),
]

function duplicates<Value>(
  entries: readonly Entry<Value>[],
  key: keyof Value & string,
  identity: (value: Value) => string = value => String(value[key]),
  where = '',
): readonly Diagnostic[] {
  const first = new Map<string, Entry<Value>>()
  return entries.flatMap(entry => {
    const id = identity(entry.value)
    const before = first.get(id)
    if (before === undefined) {
      first.set(id, entry)
      return []
    }
    const written = String(entry.value[key])
    const same = written === String(before.value[key])
    return diagnosticAt(entry, key, {
      problem: `"${written}" is ${same ? 'also' : 'the same name as'} ${entry.list}[${before.index}].${key}`,
      expected: `a ${key} that no other entry has${where}`,
      fix: 'rename one of the two, or remove it',
    })
  })
}

/** A user name at introspection must identify one API. Its own name under the other key is not an error. */
function introspectionName(api: Draft['api_resources'][number], draft: Draft): readonly Diagnostic[] {
  const { introspection_client_id: id } = api.value
  if (id === undefined) return []
  const other = draft.api_resources.find(
    one => one.index !== api.index && [one.value.name, one.value.introspection_client_id].includes(id),
  )
  // Limits and logs could not distinguish the API from the client.
  if (draft.names.clients.has(id))
    return diagnosticAt(api, 'introspection_client_id', {
      problem: `"${id}" is a client_id too, and both authenticate at introspection`,
      expected: 'a user name that no client has',
      fix: 'choose another',
    })
  return other === undefined
    ? []
    : diagnosticAt(api, 'introspection_client_id', {
        problem: `"${id}" is also a user name of ${other.list}[${other.index}]`,
        expected: 'a user name that is not the name or user name of another API',
        fix: 'choose another',
      })
}

/** A scope does not contain the kind of its names, so no name may have two kinds (OpenID Connect Core 1.0 §5.4, §11). */
function scopeCollisions(draft: Draft): readonly Diagnostic[] {
  const identity = new Set(standardIdentityResources.map(resource => resource.name))
  for (const name of draft.names.identity_resources) identity.add(name)
  const reserved = [...draft.api_scopes, ...draft.identity_resources].flatMap(entry =>
    entry.value.name === 'offline_access'
      ? diagnosticAt(entry, 'name', {
          problem: '"offline_access" requests refresh tokens and is predefined',
          expected: 'another name (OpenID Connect Core 1.0 §11)',
          fix: 'remove this entry; clients can have offline_access in their scope without it',
        })
      : [],
  )
  const shared = draft.api_scopes.flatMap(entry =>
    identity.has(entry.value.name)
      ? diagnosticAt(entry, 'name', {
          problem: `"${entry.value.name}" is an identity resource too`,
          expected: 'a name that is either an identity resource or an API scope',
          fix: 'rename the API scope',
        })
      : [],
  )
  return [...reserved, ...shared]
}

/** Another entry with such a name would decide which tokens the admin API accepts. */
const adminNames = (draft: Draft): readonly Diagnostic[] => [
  ...[...draft.api_scopes, ...draft.identity_resources].flatMap(entry =>
    isAdminScope(entry.value.name) ? diagnosticAt(entry, 'name', nameOfAdminApi(entry.value.name)) : [],
  ),
  ...draft.api_resources.flatMap(api =>
    comparableUri(api.value.name) === adminAudience
      ? diagnosticAt(api, 'name', nameOfAdminApi(api.value.name))
      : [],
  ),
]

const nameOfAdminApi = (name: string) => ({
  problem: `"${name}" belongs to the admin API, which admin_api enables`,
  expected: 'another name',
  fix: 'rename this entry; the admin API needs no entry here',
})

/** An API that has a client's name and accepts any `typ` would accept that client's ID tokens as access tokens. */
const plainTokensOfClient = (api: Draft['api_resources'][number], draft: Draft): readonly Diagnostic[] =>
  api.value.access_token_typ === 'JWT' && draft.names.clients.has(api.value.name)
    ? diagnosticAt(api, 'access_token_typ', {
        problem: `"${api.value.name}" is a client_id too, so ID tokens of that client have the type and the audience of access tokens for this API`,
        expected: '"at+jwt", or a name that no client has (RFC 8725 §3.12)',
        fix: 'rename the API, or remove access_token_typ',
      })
    : []

/** RFC 9700 §4.15: a client must not be mistaken for a user because of its `sub`. */
const subOfClient = (user: Draft['users'][number], draft: Draft): readonly Diagnostic[] =>
  draft.names.clients.has(user.value.sub)
    ? diagnosticAt(user, 'sub', {
        problem: `"${user.value.sub}" is a client_id too`,
        expected: 'a sub that is not the client_id of a client (RFC 9700 §4.15)',
        fix: 'give the user another sub',
      })
    : []

/** The sub of a provider's user is derived in this form, so no other name may have it. */
const derivedName = <Value>(entry: Entry<Value>, key: keyof Value & string): readonly Diagnostic[] =>
  isDerivedSub(String(entry.value[key]))
    ? diagnosticAt(entry, key, {
        problem: 'it looks like the sub of a user of another identity provider',
        expected: 'a name that does not begin with fed_',
        fix: 'choose another',
      })
    : []

const localProviderError = (provider: Draft['identity_providers'][number]): readonly Diagnostic[] =>
  provider.value.name === 'local'
    ? diagnosticAt(provider, 'name', {
        problem: '"local" is reserved for local accounts',
        expected: 'another name',
        fix: 'rename the provider',
      })
    : []
