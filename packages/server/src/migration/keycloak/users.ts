/** Users of a realm, their credentials, roles and groups. */

import { carry, filledText, flag } from '../convert.ts'
import type { Draft, Target } from '../draft.ts'
import { elements, leaveOut, notNeeded } from '../outcomes.ts'
import { membersOf, own, textOf, textsOf } from '../raw.ts'
import type { Source } from '../source.ts'
import { resourceAccess } from './clients.ts'
import { readCredentials } from './credentials.ts'
import type { Directories } from './directories.ts'
import type { Issuers } from './providers.ts'
import type { Realm } from './realm.ts'
import { readAttributes } from './user-claims.ts'

type UserContext = {
  readonly draft: Draft
  readonly realm: Realm
  readonly issuers: Issuers
  readonly directories: Directories
}

export function readUser(source: Source, context: UserContext): void {
  if (typeof source.member('serviceAccountClientId').whole() === 'string') {
    source.notNeeded('it is the account of a client, whose tokens have its roles')
    return
  }
  const target = context.draft.add('stored_users')
  carry(source.member('id'), target, 'sub', filledText)
  carry(source.member('username'), target, 'username', filledText)
  carry(source.member('email'), target, 'email', filledText)
  const verified = source.member('emailVerified')
  if (target.value.email === undefined) verified.notNeeded('there is no address')
  else carry(verified, target, 'email_verified', flag)
  readEnabled(source, target)
  readNames(source, target)
  const attributes = source.member('attributes')
  if (attributes.exists) readAttributes(attributes, target)
  readMemberships(source, target, context.realm)
  readCredentials(source.member('credentials'), target)
  readIdentities(source, target, context)
  leaveUsual(source)
}

/** Keycloak disables a user if the file does not say that they are enabled. */
function readEnabled(source: Source, target: Target): void {
  const enabled = source.member('enabled')
  if (enabled.flag() === true) {
    enabled.notNeeded('users are enabled by default')
    return
  }
  target.set('disabled', true)
  if (enabled.exists) enabled.carriedOver(target.at('disabled'))
  else source.added('Keycloak disables users without this member', target.at('disabled'))
}

function readNames(source: Source, target: Target): void {
  const [first, last] = ['firstName', 'lastName'].map(name => source.member(name))
  const [given, family] = [first!.text(), last!.text()]
  const name = [given, family].filter(part => part !== undefined && part !== '').join(' ')
  target.set('claims', {
    ...membersOf(target.value.claims),
    ...(given && { given_name: given }),
    ...(family && { family_name: family }),
    ...(name !== '' && { name }),
  })
  first!.carriedOver(target.at('claims', 'given_name'))
  last!.carriedOver(target.at('claims', 'family_name'))
}

function readMemberships(source: Source, target: Target, realm: Realm): void {
  const groups = source.member('groups')
  const paths = elements(groups).flatMap((group, index) => {
    const path = group.text()
    if (path === undefined) return []
    group.carriedOver(target.at('groups', index))
    return [path]
  })
  if (paths.length > 0) target.set('groups', [...new Set(paths)])
  const assigned = membersOf(source.whole())
  const { realm: roles, clients } = realm.effectiveRoles([
    assigned,
    ...realm.groupsAt(textsOf(own(assigned, 'groups'))),
  ])
  if (roles.size > 0) target.set('roles', [...roles])
  if (clients.size > 0)
    target.set('claims', { ...membersOf(target.value.claims), resource_access: resourceAccess(clients) })
  source.member('realmRoles').carriedOver(target.at('roles'))
  source.member('clientRoles').carriedOver(target.at('claims', 'resource_access'))
}

/** Accounts at providers, whose users keep their `sub` if they are linked. */
function readIdentities(source: Source, target: Target, { issuers, directories }: UserContext): void {
  const identities: object[] = []
  const place = () => target.at('identities', identities.length)
  const list = source.member('federatedIdentities')
  for (const one of elements(list)) {
    const alias = textOf(one.member('identityProvider').whole()) ?? ''
    const issuer = issuers.get(alias)
    const id = one.member('userId').whole()
    if (issuer === undefined || typeof id !== 'string') {
      one.notPossible('its provider is not carried over')
      continue
    }
    const label = textOf(one.member('userName').whole())
    for (const name of ['identityProvider', 'userId', 'userName']) one.member(name).carriedOver(place())
    identities.push({ provider: alias, authority: issuer, id, ...(label && { label }) })
  }
  const federation = source.member('federationLink')
  const directory = directories.get(textOf(federation.whole()) ?? '')
  const attributes = membersOf(membersOf(source.whole()).attributes)
  const [id] = textsOf(own(attributes, 'LDAP_ID'))
  if (directory && id !== undefined) {
    federation.changed('the user is linked to the entry of the directory', place())
    identities.push({ provider: directory.name, authority: directory.base, id })
  } else
    federation.notPossible('its directory is not carried over, so nobody can check a password of this user')
  if (identities.length > 0) target.set('identities', identities)
}

function leaveUsual(source: Source): void {
  notNeeded(
    source,
    [
      'createdTimestamp',
      'totp',
      'notBefore',
      'access',
      'self',
      'origin',
      'userProfileMetadata',
      'disableableCredentialTypes',
    ],
    'it is only a date, or follows from other members',
  )
  const actions = source.member('requiredActions')
  if (textsOf(actions.whole()).includes('UPDATE_PASSWORD'))
    actions.notPossible(
      'nobody is asked to change a password: send the user a link from "Forgot your password?"',
    )
  else if (textsOf(actions.whole()).every(action => action === 'VERIFY_EMAIL'))
    actions.notNeeded('the address is not verified, or nothing is asked for')
  else leaveOut(actions, 'sign-in does not ask for it; the account page offers it')
  const consents = source.member('clientConsents')
  leaveOut(consents, 'clients with require_consent ask the user again')
  leaveOut(source.member('applicationRoles'), 'it is of an old version of Keycloak')
  leaveOut(source.member('socialLinks'), 'it is of an old version of Keycloak')
}
