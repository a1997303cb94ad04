/** Names that must be unique, and names that must not meet. */

import { comparableUri } from '@tessera/protocol/resource-indicator'
import { identityKey } from '../../model/stored-user.ts'
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
    ', whatever the case of scheme and host, a default port, and a slash alone as path (RFC 8707 §2, RFC 3986 §6.2)',
  ),
  ...draft.api_resources.flatMap(api => introspectionName(api, draft)),
  ...duplicates(draft.users, 'sub'),
  ...duplicates(
    draft.users,
    'username',
    user => JSON.stringify([user.tenant ?? null, identityKey(user.username)]),
    ' in its tenant, whatever the case, the composition of its letters and the spaces around it',
  ),
  ...duplicates(draft.identity_providers, 'name'),
  ...duplicates(draft.tenants, 'name'),
  ...scopeCollisions(draft),
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

/** Whoever introspects must be one API: its own name under another key is no error. */
function introspectionName(api: Draft['api_resources'][number], draft: Draft): readonly Diagnostic[] {
  const { introspection_client_id: id } = api.value
  if (id === undefined) return []
  const other = draft.api_resources.find(
    one => one.index !== api.index && [one.value.name, one.value.introspection_client_id].includes(id),
  )
  // Whoever authenticates as one of them would be counted and described as either.
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
        expected: 'a user name that no other API has, nor as its name',
        fix: 'choose another',
      })
}

/** A scope string does not say which kind a name is, so no name may be both (OpenID Connect Core 1.0 §5.4, §11). */
function scopeCollisions(draft: Draft): readonly Diagnostic[] {
  const identity = new Set(standardIdentityResources.map(resource => resource.name))
  for (const name of draft.names.identity_resources) identity.add(name)
  const reserved = [...draft.api_scopes, ...draft.identity_resources].flatMap(entry =>
    entry.value.name === 'offline_access'
      ? diagnosticAt(entry, 'name', {
          problem: '"offline_access" asks for refresh tokens and is no scope of its own',
          expected: 'another name (OpenID Connect Core 1.0 §11)',
          fix: 'remove this entry; clients may name offline_access in their scope without it',
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

/** An API of this name that is no more particular about types would take the client's ID tokens for access tokens. */
const plainTokensOfClient = (api: Draft['api_resources'][number], draft: Draft): readonly Diagnostic[] =>
  api.value.access_token_typ === 'JWT' && draft.names.clients.has(api.value.name)
    ? diagnosticAt(api, 'access_token_typ', {
        problem: `"${api.value.name}" is a client_id too, so that ID tokens of that client have the type and the audience of access tokens for this API`,
        expected: '"at+jwt", or a name that no client has (RFC 8725 §3.12)',
        fix: 'rename the API, or remove access_token_typ',
      })
    : []

/** RFC 9700 §4.15: a client must not be taken for a user by its `sub`. */
const subOfClient = (user: Draft['users'][number], draft: Draft): readonly Diagnostic[] =>
  draft.names.clients.has(user.value.sub)
    ? diagnosticAt(user, 'sub', {
        problem: `"${user.value.sub}" is a client_id too`,
        expected: 'a sub that no client has as its client_id (RFC 9700 §4.15)',
        fix: 'give the user another sub',
      })
    : []

/** Subs of other providers' users are derived in this form: nobody else may have one. */
const derivedName = <Value>(entry: Entry<Value>, key: keyof Value & string): readonly Diagnostic[] =>
  /^fed_[\w-]{43}$/.test(String(entry.value[key]))
    ? diagnosticAt(entry, key, {
        problem: 'it looks like the sub of a user of another identity provider',
        expected: 'a name that does not begin with fed_',
        fix: 'choose another',
      })
    : []

const localProviderError = (provider: Draft['identity_providers'][number]): readonly Diagnostic[] =>
  provider.value.name === 'local'
    ? diagnosticAt(provider, 'name', {
        problem: '"local" is the name of the accounts kept here',
        expected: 'another name',
        fix: 'rename the provider',
      })
    : []
