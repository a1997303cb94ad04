/** Compares two configurations: what changes, and what that means for tokens and users. Contains no values of secrets. */

import type { Client } from '../model/client.ts'
import type { ConfiguredUser } from '../model/user.ts'
import type { Configuration } from './configuration.ts'
import { restartErrors } from './restart.ts'

type PlannedChange = {
  /** An entry, such as `client "web"`, or a key of the server. Begins with the tenant if it has its own issuer. */
  readonly subject: string
  /** The id of a user; omitted for anything else. */
  readonly sub?: string
  readonly change: 'added' | 'removed' | 'changed'
  /** The keys of an entry that differ. */
  readonly keys: readonly string[]
  /** The consequences for users and tokens when the new configuration is applied; empty if there are none. */
  readonly effects: readonly string[]
}

type Fields = Readonly<Record<string, unknown>>
type Kind<Value extends object> = {
  readonly name: string
  readonly of: (configuration: Configuration) => Iterable<readonly [id: string, Value]>
  readonly effects: (before: Value | undefined, next: Value | undefined) => readonly (string | false)[]
}

/** Returns what applying `next` instead of `before` changes, in the order of the configuration. */
export const planChanges = (before: Configuration, next: Configuration): readonly PlannedChange[] => [
  ...restartErrors(before, next).map(
    ({ path }): PlannedChange => ({
      subject: path,
      change: 'changed',
      keys: [],
      effects: ['a running server refuses the whole file; restart it'],
    }),
  ),
  ...changesOf(before, next),
  ...tenantChanges(before, next),
]

const changesOf = (before: Configuration, next: Configuration): readonly PlannedChange[] => [
  ...settings(before, next),
  ...entryChanges(clients, before, next),
  ...entryChanges(apiScopes, before, next),
  ...entryChanges(apis, before, next),
  ...entryChanges(identityResources, before, next),
  ...entryChanges(users, before, next),
  ...entryChanges(providers, before, next),
]

/** Keys of a configuration that are compared as entries, follow from others, or require a restart. */
const elsewhere: ReadonlySet<string> = new Set([
  ...['clients', 'resources', 'users', 'entries', 'identityProviders', 'tenants', 'tenantIssuers'],
  ...['tenantMfa', 'signUpTenants', 'signingAlgorithms', 'tenant'],
  ...['issuer', 'host', 'port', 'storage', 'workers', 'masterKey', 'previousMasterKey', 'tracing'],
])

function settings(before: Configuration, next: Configuration): readonly PlannedChange[] {
  const changed = differences(before, next).filter(key => !elsewhere.has(key))
  return changed.map(key => ({
    subject: key.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`),
    change: 'changed',
    keys: [],
    effects: [],
  }))
}

function entryChanges<Value extends object>(
  { name, of, effects }: Kind<Value>,
  before: Configuration,
  next: Configuration,
): readonly PlannedChange[] {
  const [old, current] = [new Map(of(before)), new Map(of(next))]
  return [...new Set([...old.keys(), ...current.keys()])].flatMap(id => {
    const [from, to] = [old.get(id), current.get(id)]
    const keys = from && to ? differences(from, to) : []
    if (from && to && keys.length === 0) return []
    const change = from ? (to ? 'changed' : 'removed') : 'added'
    const told = effects(from, to).filter(effect => effect !== false)
    const subject = `${name} ${JSON.stringify(id)}`
    return [{ subject, ...(name === users.name && { sub: id }), change, keys, effects: told } as const]
  })
}

const clients: Kind<Client> = {
  name: 'client',
  of: ({ clients }) => [...clients.all()].map(client => [client.client_id, client] as const),
  effects(before, next) {
    if (!before) return []
    if (!next?.enabled) return [before.enabled && 'its codes and tokens are refused within a second']
    const lost = [...before.scope].filter(name => !next.scope.has(name))
    const secretsDiffer = comparable(before.client_secrets) !== comparable(next.client_secrets)
    const refreshes = before.grant_types.has('refresh_token')
    return [
      !before.enabled && 'its earlier tokens are accepted again until they expire',
      secretsDiffer && 'a secret that is removed is refused immediately',
      refreshes && lost.length > 0 && `refresh tokens that were granted ${lost.join(' ')} are refused`,
      refreshes && !next.grant_types.has('refresh_token') && 'its refresh tokens are refused',
    ]
  },
}

const users: Kind<ConfiguredUser> = {
  name: 'user',
  of: ({ users }) => users.map(user => [user.sub, user] as const),
  effects: (before, next) => [
    before?.active === true && !next?.active && 'their sessions and tokens are refused within a second',
    before?.active === false &&
      next?.active === true &&
      'their earlier tokens are accepted until they expire',
  ],
}

const apiScopes: Kind<object> = {
  name: 'API scope',
  of: ({ resources }) => resources.apiScopes,
  effects: () => [],
}

const apis: Kind<object> = {
  name: 'API resource',
  of: ({ resources }) => resources.apis,
  effects: (_before, next) => [!next && 'it can no longer introspect tokens, and no new token is for it'],
}

const identityResources: Kind<object> = {
  name: 'identity resource',
  of: ({ resources }) => resources.identity,
  effects: () => [],
}

const providers: Kind<object> = {
  name: 'identity provider',
  of: ({ identityProviders }) => identityProviders,
  effects: (_before, next) => [
    !next && 'its users can no longer sign in; those without a record lose their access',
  ],
}

/** Compares tenants. Those with their own issuer have their own entries. */
function tenantChanges(before: Configuration, next: Configuration): readonly PlannedChange[] {
  const namesOf = ({ tenants, tenantIssuers }: Configuration) => [...tenants, ...tenantIssuers.keys()]
  const [old, current] = [new Set(namesOf(before)), new Set(namesOf(next))]
  return [...new Set([...old, ...current])].flatMap((name): readonly PlannedChange[] => {
    const subject = `tenant ${JSON.stringify(name)}`
    const [from, to] = [before.tenantIssuers.get(name), next.tenantIssuers.get(name)]
    if (from && to)
      return changesOf(from, to).map(change => ({ ...change, subject: `${subject}: ${change.subject}` }))
    if (old.has(name) && current.has(name) && !from && !to) return []
    if (!old.has(name)) return [{ subject, change: 'added', keys: [], effects: [] }]
    const ends = from
      ? 'its issuer no longer responds; its store stays'
      : 'its users lose their access, and can no longer sign in'
    return [{ subject, change: current.has(name) ? 'changed' : 'removed', keys: [], effects: [ends] }]
  })
}

/** Returns the keys whose values differ. */
const differences = (before: object, next: object): readonly string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(next)])].filter(
    key => comparable((before as Fields)[key]) !== comparable((next as Fields)[key]),
  )

/** Returns a text that is equal for equal values. Functions of a module are not compared. */
const comparable = (value: unknown): string =>
  JSON.stringify(value, (_key, one: unknown) => {
    if (one instanceof Set) return ['set', ...[...one].map(comparable).toSorted()]
    if (one instanceof Map) return ['map', ...one]
    return typeof one === 'function' ? 'code' : one
  }) ?? 'undefined'
