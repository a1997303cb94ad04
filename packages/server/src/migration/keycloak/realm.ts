/** Roles, groups and service accounts of a realm, which users and clients refer to. Nothing is reported here. */

import { listOf, type Members, membersOf, own, textOf, textsOf } from '../raw.ts'

/** Roles of the realm, and of its clients. */
type Roles = {
  readonly realm: ReadonlySet<string>
  readonly clients: ReadonlyMap<string, ReadonlySet<string>>
}

export type Realm = {
  readonly name: string
  /** Returns these roles and all that they contain, without the roles of Keycloak itself. */
  readonly effectiveRoles: (assigned: readonly Members[]) => Roles
  /** Returns the members of groups with these paths and of the groups above them, which have roles. */
  readonly groupsAt: (paths: readonly string[]) => readonly Members[]
  readonly groupPaths: readonly string[]
  /** The members of the service account of each client. */
  readonly serviceAccounts: ReadonlyMap<string, Members>
}

/** Clients of Keycloak's own consoles and interfaces. */
export const ownClients: ReadonlySet<string> = new Set([
  'account',
  'account-console',
  'admin-cli',
  'broker',
  'realm-management',
  'security-admin-console',
])

export const isOwnRole = (name: string, realm: string): boolean =>
  name === 'offline_access' ||
  name === 'uma_authorization' ||
  name.toLowerCase() === `default-roles-${realm}`.toLowerCase()

/** Iterations over roles and groups end here, whatever a file contains. */
const mostSteps = 100_000

export function readRealm(files: readonly unknown[]): Realm {
  const roots = files.flatMap(file => (Array.isArray(file) ? file : [file])).map(membersOf)
  const name = roots.map(root => textOf(own(root, 'realm'))).find(found => found !== undefined) ?? ''
  const roles = roots.map(root => membersOf(own(root, 'roles')))
  const composites = new Map<string, Members>()
  for (const role of roles.flatMap(one => listOf(own(one, 'realm'))).map(membersOf))
    composites.set(keyOf(undefined, textOf(own(role, 'name')) ?? ''), membersOf(own(role, 'composites')))
  for (const ofClients of roles.map(one => membersOf(own(one, 'client'))))
    for (const [client, list] of Object.entries(ofClients))
      for (const role of listOf(list).map(membersOf))
        composites.set(keyOf(client, textOf(own(role, 'name')) ?? ''), membersOf(own(role, 'composites')))
  const groups = groupsOf(roots.flatMap(root => listOf(own(root, 'groups'))))

  return {
    name,
    effectiveRoles: assigned => expand(assigned, composites, name),
    groupsAt: paths =>
      [...new Set(paths.flatMap(pathsAbove))].flatMap(path => {
        const group = groups.get(path)
        return group ? [group] : []
      }),
    groupPaths: [...groups.keys()],
    serviceAccounts: new Map(
      roots
        .flatMap(root => listOf(own(root, 'users')))
        .map(membersOf)
        .flatMap(user => {
          const client = textOf(own(user, 'serviceAccountClientId'))
          return client === undefined ? [] : [[client, user] as const]
        }),
    ),
  }
}

const keyOf = (client: string | undefined, role: string): string => JSON.stringify([client ?? null, role])

/** Assigned roles have the members `realmRoles` and `clientRoles`; composites have `realm` and `client`. */
function expand(
  assigned: readonly Members[],
  composites: ReadonlyMap<string, Members>,
  realm: string,
): Roles {
  const found = new Map<string, readonly [client: string | undefined, role: string]>()
  const waiting: (readonly [string | undefined, string])[] = []
  const push = (ofRealm: unknown, ofClients: unknown): void => {
    for (const role of textsOf(ofRealm)) waiting.push([undefined, role])
    for (const [client, names] of Object.entries(membersOf(ofClients)))
      for (const role of textsOf(names)) waiting.push([client, role])
  }
  for (const one of assigned) push(own(one, 'realmRoles'), own(one, 'clientRoles'))
  for (let step = 0; step < mostSteps; step++) {
    const next = waiting.pop()
    if (!next) break
    const key = keyOf(...next)
    if (found.has(key)) continue
    found.set(key, next)
    const inner = composites.get(key)
    if (inner) push(own(inner, 'realm'), own(inner, 'client'))
  }
  const all = [...found.values()]
  const ofClients = all.flatMap(([client, role]) =>
    client === undefined || ownClients.has(client) ? [] : [[client, role] as const],
  )
  return {
    realm: new Set(
      all
        .flatMap(([client, role]) => (client === undefined && !isOwnRole(role, realm) ? [role] : []))
        .toSorted(),
    ),
    clients: new Map(
      [...Map.groupBy(ofClients, ([client]) => client)]
        .map(([client, pairs]) => [client, new Set(pairs.map(([, role]) => role).toSorted())] as const)
        .toSorted(([one], [other]) => (one < other ? -1 : 1)),
    ),
  }
}

/** Returns the groups by path. */
function groupsOf(top: readonly unknown[]): ReadonlyMap<string, Members> {
  const groups = new Map<string, Members>()
  const waiting = top.map(group => ({ group: membersOf(group), above: '' }))
  for (let step = 0; step < mostSteps; step++) {
    const next = waiting.pop()
    if (!next) break
    const path = `${next.above}/${textOf(own(next.group, 'name')) ?? ''}`
    groups.set(path, next.group)
    for (const group of listOf(own(next.group, 'subGroups')))
      waiting.push({ group: membersOf(group), above: path })
  }
  return groups
}

/** `/staff/sales` → `/staff`, `/staff/sales`. */
function pathsAbove(path: string): readonly string[] {
  const names = path.split('/').slice(1, 20)
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)
}
