/** Roles and groups of a realm. Users have the names, so they are not defined here; what they contain is in `realm.ts`. */

import { elements, entries, isBlank, leaveOut, notNeeded } from '../outcomes.ts'
import { textOf } from '../raw.ts'
import type { Source } from '../source.ts'
import { isOwnRole, ownClients, type Realm } from './realm.ts'

export function leaveRoles(root: Source, realm: Realm): void {
  const roles = root.member('roles')
  if (roles.exists) {
    const ofRealm = roles.member('realm')
    for (const role of elements(ofRealm))
      if (isOwnRole(textOf(role.member('name').whole()) ?? '', realm.name)) role.notNeeded(own)
      else leaveRole(role)
    const ofClients = roles.member('client')
    for (const [client, list] of entries(ofClients))
      if (ownClients.has(client)) list.notNeeded(own)
      else for (const role of elements(list)) leaveRole(role)
  }
  const groups = root.member('groups')
  for (const group of elements(groups)) leaveGroup(group, 0)
}

const own = 'it is a role of Keycloak itself'

function leaveRole(role: Source): void {
  role.member('name').notNeeded('a role is a name that users have')
  role.member('description').notNeeded('roles have no description here')
  leaveOut(role.member('attributes'), 'roles have no attributes here')
  const inner = role.member('composites')
  if (isBlank(inner.whole())) inner.notNeeded('it is empty')
  else inner.changed('users with this role also have the roles that it contains')
  notNeeded(
    role,
    ['id', 'composite', 'clientRole', 'containerId', 'scopeParamRequired'],
    'it only describes the role',
  )
}

/** Deeper groups than any realm has end the recursion, whatever a file contains. */
const deepest = 50

function leaveGroup(group: Source, depth: number): void {
  notNeeded(group, ['name', 'path'], 'a group is a path that users have')
  notNeeded(group, ['id', 'parentId', 'subGroupCount', 'access'], 'it only describes the group')
  group.member('description').notNeeded('groups have no description here')
  leaveOut(
    group.member('attributes'),
    'groups have no attributes: use rules with if_group (docs/guides/claims.md)',
  )
  for (const name of ['realmRoles', 'clientRoles']) {
    const roles = group.member(name)
    if (isBlank(roles.whole())) roles.notNeeded('it is empty')
    else roles.changed('members of the group have these roles themselves')
  }
  const inner = group.member('subGroups')
  if (depth >= deepest) inner.notPossible('groups are nested too deeply')
  else for (const one of elements(inner)) leaveGroup(one, depth + 1)
}
