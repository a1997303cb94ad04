/** User federation: LDAP directories. Other components of a realm have no counterpart. */

import type { Draft, Target } from '../draft.ts'
import { elements, entries, isMasked, notNeeded } from '../outcomes.ts'
import { listOf, type Members, membersOf, own, textOf } from '../raw.ts'
import type { Source } from '../source.ts'
import { claimOfAttribute } from './user-claims.ts'

/** A directory by the id of its component, for users that come from it. */
export type Directories = ReadonlyMap<string, { readonly name: string; readonly base: string }>

const reasons: Readonly<Record<string, string>> = {
  'org.keycloak.keys.KeyProvider':
    'signing keys are not part of the configuration: "tessera keys import" adds them (docs/guides/keys.md)',
  'org.keycloak.userprofile.UserProfileProvider': 'users can have any claims; hooks check them',
  'org.keycloak.services.clientregistration.policy.ClientRegistrationPolicy':
    'dynamic registration is off; see registration (docs/guides/client-registration.md)',
}

const storage = 'org.keycloak.storage.UserStorageProvider'

export function readDirectories(roots: readonly Source[], draft: Draft): Directories {
  const found = new Map<string, { readonly name: string; readonly base: string }>()
  const kinds = roots.flatMap(root => {
    const components = root.member('components')
    return entries(components)
  })
  for (const [kind, list] of kinds) {
    if (kind !== storage) {
      list.notPossible(
        Object.hasOwn(reasons, kind) ? reasons[kind]! : 'this kind of component does not exist here',
      )
      continue
    }
    for (const source of elements(list)) {
      const read = readDirectory(source, draft)
      if (read) found.set(read.id, read)
    }
  }
  return found
}

/** Values of a component are lists of texts. */
const first = (config: Members, name: string): string | undefined => textOf(listOf(own(config, name))[0])

function readDirectory(
  source: Source,
  draft: Draft,
): { readonly id: string; readonly name: string; readonly base: string } | undefined {
  const config = membersOf(source.member('config').whole())
  if (source.member('providerId').whole() !== 'ldap') {
    source.notPossible(
      'only LDAP directories are supported; for others write a credentialAuthority (docs/guides/hooks.md)',
    )
    return undefined
  }
  if (first(config, 'enabled') === 'false') {
    source.notPossible('it is disabled, and directories can only be removed here')
    return undefined
  }
  const target = draft.add('identity_providers')
  const name = textOf(source.member('name').whole())?.replaceAll(/[^A-Za-z0-9._~-]+/g, '-') ?? ''
  target.set('name', name)
  target.set('type', 'ldap')
  if (name === source.member('name').whole()) source.member('name').carriedOver(target.at('name'))
  else source.member('name').changed('names of providers have no spaces', target.at('name'))
  source.member('providerId').carriedOver(target.at('type'))
  notNeeded(source, ['id', 'parentId', 'subType', 'providerType'], 'it is only a number of the old record')
  const mapping = readAttributeMappers(source.member('subComponents'), target)
  target.set('claim_mapping', mapping)
  const base = readConnection(source.member('config'), config, target, draft, name)
  return { id: textOf(source.member('id').whole()) ?? '', name, base }
}

function readConnection(source: Source, config: Members, target: Target, draft: Draft, name: string): string {
  const directory: Record<string, unknown> = {}
  target.set('directory', directory)
  const at = (key: string) => target.at('directory', key)
  const put = (member: string, key: string, value: unknown, why?: string) => {
    directory[key] = value
    const one = source.member(member)
    if (why === undefined) one.carriedOver(at(key))
    else one.changed(why, at(key))
  }
  const base = first(config, 'usersDn') ?? ''
  put(
    'connectionUrl',
    'url',
    (first(config, 'connectionUrl') ?? '').trim().split(/\s+/)[0]?.replace(/\/+$/, ''),
  )
  put('usersDn', 'base', base)
  if (first(config, 'bindDn')) put('bindDn', 'bind_dn', first(config, 'bindDn'))
  const password = first(config, 'bindCredential')
  if (password && !isMasked(password)) put('bindCredential', 'bind_password', password)
  else {
    source.member('bindCredential').notNeeded('the file does not contain the password')
    directory.bind_password = draft.unknownSecret(source, at('bind_password'), 'keycloak', 'ldap', name)
  }
  put('searchScope', 'scope', first(config, 'searchScope') === '1' ? 'one' : 'sub')
  const id = first(config, 'uuidLDAPAttribute')
  if (id) put('uuidLDAPAttribute', 'id_attribute', id)
  readFilter(source, config, directory, at('filter'))
  const startTls = source.member('startTls')
  if (String(directory.url).startsWith('ldap:') && first(config, 'startTls') !== 'true')
    source.added('the connection uses StartTLS: passwords are not sent unencrypted', at('tls'))
  startTls.notNeeded('StartTLS is used unless the address is ldaps')
  notNeeded(source, unneeded, 'it has no effect here')
  return base
}

/** Escapes a value in a filter (RFC 4515 §3). */
const escaped = (text: string): string =>
  text.replaceAll(/[\\*()\0]/g, letter => `\\${letter.charCodeAt(0).toString(16).padStart(2, '0')}`)

function readFilter(
  source: Source,
  config: Members,
  directory: Record<string, unknown>,
  place: ReturnType<Target['at']>,
): void {
  const attribute = first(config, 'usernameLDAPAttribute') ?? 'uid'
  const classes = (first(config, 'userObjectClasses') ?? '').split(',').flatMap(name => name.trim() || [])
  const custom = first(config, 'customUserSearchFilter') ?? ''
  const parts = [
    ...classes.map(name => `(objectClass=${escaped(name)})`),
    `(${escaped(attribute)}={username})`,
    ...(custom === '' ? [] : [custom]),
  ]
  directory.filter = parts.length === 1 ? parts[0] : `(&${parts.join('')})`
  for (const name of ['usernameLDAPAttribute', 'userObjectClasses', 'customUserSearchFilter'])
    source.member(name).changed('it is part of the filter', place)
}

const unneeded = [
  ...[
    'enabled',
    'vendor',
    'importEnabled',
    'editMode',
    'syncRegistrations',
    'rdnLDAPAttribute',
    'pagination',
  ],
  ...['authType', 'useTruststoreSpi', 'connectionPooling', 'priority', 'batchSizeForSync', 'fullSyncPeriod'],
  ...['changedSyncPeriod', 'lastSync', 'cachePolicy', 'trustEmail', 'debug', 'validatePasswordPolicy'],
  ...['usePasswordModifyExtendedOp', 'allowKerberosAuthentication', 'useKerberosForPasswordAuthentication'],
  ...['krbPrincipalAttribute', 'connectionTimeout', 'readTimeout', 'referral', 'removeInvalidUsersEnabled'],
]

/** Mappers of attributes, as claims. */
function readAttributeMappers(
  subComponents: Source,
  target: Target,
): Readonly<Record<string, string>> | undefined {
  const mapping: Record<string, string> = {}
  if (!subComponents.exists) return undefined
  for (const [, list] of entries(subComponents))
    for (const source of elements(list)) {
      const config = membersOf(source.member('config').whole())
      const [attribute, ldap] = ['user.model.attribute', 'ldap.attribute'].map(name => first(config, name))
      const claim =
        attribute === undefined || attribute === '__proto__' ? undefined : claimOfAttribute(attribute)[0]
      if (source.member('providerId').whole() !== 'user-attribute-ldap-mapper' || !claim || !ldap) {
        source.notPossible(
          'only attributes are copied, with claim_mapping; for groups see docs/guides/ldap.md',
        )
        continue
      }
      mapping[claim] = ldap
      settleMapper(source, target.at('claim_mapping', claim))
    }
  return Object.keys(mapping).length === 0 ? undefined : mapping
}

function settleMapper(source: Source, place: ReturnType<Target['at']>): void {
  source.member('providerId').changed('the attribute is a claim', place)
  notNeeded(source, ['id', 'name', 'parentId', 'subComponents'], 'it only describes the mapper')
  const config = source.member('config')
  for (const name of ['user.model.attribute', 'ldap.attribute']) config.member(name).carriedOver(place)
  notNeeded(
    config,
    [
      ...['read.only', 'always.read.value.from.ldap', 'is.mandatory.in.ldap', 'is.binary.attribute'],
      ...['attribute.default.value', 'attribute.force.default'],
    ],
    'the directory has the value, which is read at each sign-in',
  )
}
