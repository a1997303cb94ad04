/** Protocol mappers, as entries in the `claims` of a scope: names and rules (docs/guides/claims.md). */

import type { Path } from '../../configuration/validation/schema.ts'
import { reservedClaims } from '../../model/user.ts'
import { notNeeded } from '../outcomes.ts'
import { membersOf, own, textOf } from '../raw.ts'
import type { Source } from '../source.ts'
import type { Realm } from './realm.ts'
import { claimOfAttribute, problemOfAttribute } from './user-claims.ts'

export type Entry = string | Readonly<Record<string, unknown>>

/** The effect of a mapper. `settle` reports it, after its entry has a place. */
export type Mapper = {
  readonly entry?: Entry
  /** A client or API that tokens are for. */
  readonly audience?: string
  /** ID tokens and UserInfo contain the claim. */
  readonly isForIdentity: boolean
  readonly isForAccess: boolean
  readonly settle: (target: Path) => void
  /** Reports instead that nothing is written. */
  readonly leave: (why: string, isUnneeded?: boolean) => void
}

type Config = (name: string) => string | undefined

type Reading =
  | { readonly entry: Entry; readonly changed?: string | undefined }
  | { readonly audience: string }
  | { readonly problem: string }
  | { readonly unneeded: string }

type Kind = (config: Config, realm: Realm) => Reading

const always = 'tokens of this server contain it without a mapper'

const kinds: Readonly<Record<string, Kind>> = {
  'oidc-usermodel-attribute-mapper': config => {
    const attribute = config('user.attribute') ?? ''
    const isMember = Object.hasOwn(properties, attribute) || attribute === 'updatedAt'
    const problem = isMember || attribute === '' ? undefined : problemOfAttribute(attribute)
    return problem === undefined
      ? fromUser(config, claimOfAttribute(attribute))
      : { problem: `the attribute "${attribute}" is not carried over: ${problem}` }
  },
  'oidc-usermodel-property-mapper': config => {
    const property = config('user.attribute') ?? ''
    const claim = Object.hasOwn(properties, property) ? properties[property] : undefined
    return claim === undefined ? { problem: 'no claim has this property' } : fromUser(config, [claim])
  },
  'oidc-full-name-mapper': () => ({ entry: 'name' }),
  'oidc-address-mapper': () => ({ entry: 'address' }),
  'oidc-usermodel-realm-role-mapper': config => {
    const prefix = config('usermodel.realmRoleMapping.rolePrefix')
    return rule(config, { from: 'roles', ...(prefix && { add_prefix: prefix }), list: true })
  },
  'oidc-usermodel-client-role-mapper': clientRoles,
  'oidc-group-membership-mapper': groups,
  'oidc-hardcoded-claim-mapper': config => {
    const value = typed(config('claim.value') ?? '', config('jsonType.label'))
    return value === undefined ? { problem: 'its value is not of its type' } : rule(config, { value })
  },
  'oidc-audience-mapper': config => {
    const audience = config('included.client.audience') || config('included.custom.audience')
    return audience ? { audience } : { problem: 'it names no audience' }
  },
  'oidc-audience-resolve-mapper': () => ({
    problem: 'the audience follows from the scopes here, not from roles: see api_resources',
  }),
  'oidc-hardcoded-role-mapper': () => ({ problem: 'add a rule with "value" for the claim with the roles' }),
  'oidc-role-name-mapper': () => ({ problem: 'add "map" to the rule for the roles' }),
  'oidc-sha256-pairwise-sub-mapper': () => ({
    problem: 'subject_type "pairwise" gives other values of sub than Keycloak',
  }),
  'oidc-organization-membership-mapper': () => ({ problem: 'there are no organizations here; see tenants' }),
  'oidc-sub-mapper': () => ({ unneeded: always }),
  'oidc-acr-mapper': () => ({ unneeded: always }),
  'oidc-amr-mapper': () => ({ unneeded: always }),
  'oidc-nonce-backwards-compatible-mapper': () => ({
    problem: 'only ID tokens contain the nonce (OpenID Connect Core 1.0 §2)',
  }),
  'oidc-claims-param-token-mapper': () => ({ unneeded: 'the claims parameter is always supported' }),
  'oidc-allowed-origins-mapper': () => ({
    problem: 'tokens contain no allowed-origins; APIs decide about CORS themselves',
  }),
  'oidc-usersessionmodel-note-mapper': config => {
    const note = config('user.session.note') ?? ''
    if (note === 'AUTH_TIME') return { unneeded: always }
    return ['client_id', 'clientId'].includes(note)
      ? { unneeded: always }
      : { problem: 'sessions have no notes here' }
  },
}

const properties: Readonly<Record<string, string>> = {
  username: 'preferred_username',
  email: 'email',
  emailVerified: 'email_verified',
  firstName: 'given_name',
  lastName: 'family_name',
}

/** Returns what a mapper does; undefined if nothing has to be written. Reports that at once. */
export function readMapper(source: Source, realm: Realm): Mapper | undefined {
  const kind = source.member('protocolMapper').text()
  const config = source.member('config')
  const value = membersOf(config.whole())
  const read = kind !== undefined && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
  if (!read) {
    source.notPossible('the importer does not know this kind of mapper; use a rule or a hook')
    return undefined
  }
  const reading = read(name => textOf(own(value, name)), realm)
  if ('problem' in reading || 'unneeded' in reading) {
    if ('problem' in reading) source.notPossible(reading.problem)
    else source.notNeeded(reading.unneeded)
    return undefined
  }
  notNeeded(
    source,
    ['id', 'name', 'protocol', 'consentRequired', 'consentText'],
    'it only describes the mapper',
  )
  const inToken = (name: string) => textOf(own(value, name)) === 'true'
  return {
    ...reading,
    isForIdentity: inToken('id.token.claim') || inToken('userinfo.token.claim'),
    isForAccess: inToken('access.token.claim') || 'audience' in reading,
    settle(target) {
      const type = source.member('protocolMapper')
      if ('changed' in reading && reading.changed !== undefined) type.changed(reading.changed, target)
      else type.carriedOver(target)
      for (const name of usedConfig) config.member(name).carriedOver(target)
      notNeeded(config, unneededConfig, 'it follows from the scope')
    },
    leave: (why, isUnneeded = true) => (isUnneeded ? source.notNeeded(why) : source.notPossible(why)),
  }
}

const usedConfig = [
  'claim.name',
  'claim.value',
  'user.attribute',
  'user.attribute.street',
  'user.attribute.postal_code',
  'user.attribute.country',
  'user.attribute.region',
  'user.attribute.formatted',
  'user.attribute.locality',
  'multivalued',
  'jsonType.label',
  'full.path',
  'usermodel.realmRoleMapping.rolePrefix',
  'usermodel.clientRoleMapping.clientId',
  'usermodel.clientRoleMapping.rolePrefix',
  'included.client.audience',
  'included.custom.audience',
]
const unneededConfig = [
  'id.token.claim',
  'access.token.claim',
  'userinfo.token.claim',
  'introspection.token.claim',
  'lightweight.claim',
  'aggregate.attrs',
]

/** `a.b\.c` → `['a', 'b.c']`. */
const pathOf = (name: string): readonly string[] =>
  name.split(/(?<!\\)\./).map(step => step.replaceAll('\\.', '.'))

const plain = (path: readonly string[]): string | readonly string[] => (path.length === 1 ? path[0]! : path)

function rule(config: Config, how: Readonly<Record<string, unknown>>, name = config('claim.name')): Reading {
  if (!name) return { problem: 'it names no claim' }
  const path = pathOf(name)
  if (path.some(step => step === '')) return { problem: 'the name of the claim is malformed' }
  if (path[0] === 'address' && path.length > 1) return { unneeded: 'the claim address contains it' }
  if (reservedClaims.has(path[0]!)) return { problem: `only this server may set "${path[0]}"` }
  const isSame =
    path.length === 1 &&
    how.from === path[0] &&
    Object.keys(how).every(key => key === 'from' || key === 'list')
  const isList = ['roles', 'groups'].includes(String(how.from))
  if (isSame && (how.list !== true || isList)) return { entry: path[0]! }
  return { entry: { claim: plain(path), ...how } }
}

/** Claims that are booleans here; attributes are texts. */
const booleans: ReadonlySet<string> = new Set(['email_verified', 'phone_number_verified'])

function fromUser(config: Config, from: readonly string[]): Reading {
  if (from[0] === '') return { problem: 'it names no attribute' }
  if (from[0] === 'updated_at') return { unneeded: 'the scope profile contains it' }
  const type = config('jsonType.label') || 'String'
  const isList = config('multivalued') === 'true'
  const how = { from: plain(from), ...(isList && { list: true }) }
  if (type === 'boolean' && !booleans.has(from[0]!))
    return rule(config, { ...how, map: { true: true, false: false } })
  const read = rule(config, how)
  return 'entry' in read && type !== 'String' && type !== 'boolean'
    ? { ...read, changed: `the claim is text, not ${type}` }
    : read
}

/** Keycloak replaces it by the name of each client. */
const clientPlaceholder = '$' + '{client_id}'

function clientRoles(config: Config): Reading {
  const client = config('usermodel.clientRoleMapping.clientId')
  const prefix = config('usermodel.clientRoleMapping.rolePrefix')
  const name = config('claim.name')
  const ofEach = [
    `resource_access.${clientPlaceholder}.roles`,
    `resource_access.${clientPlaceholder}\\.roles`,
  ]
  if (!client) {
    return ofEach.includes(name ?? '') && !prefix
      ? { entry: 'resource_access' }
      : { problem: 'the roles of all clients are only in the claim resource_access here' }
  }
  const how = {
    from: ['resource_access', client, 'roles'],
    ...(prefix && { add_prefix: prefix }),
    list: true,
  }
  return rule(config, how, name?.replaceAll(clientPlaceholder, client.replaceAll('.', '\\.')))
}

/** Users have the paths of their groups. */
function groups(config: Config, { groupPaths }: Realm): Reading {
  if (config('full.path') !== 'false') return rule(config, { from: 'groups' })
  const map = Object.fromEntries(groupPaths.map(path => [path, path.slice(path.lastIndexOf('/') + 1)]))
  if (JSON.stringify(map).length > 4096)
    return { problem: 'the realm has too many groups for a rule that removes their paths; use full paths' }
  return rule(config, { from: 'groups', map, list: true })
}

/** Returns a fixed value of the type that a mapper names; undefined if the text is of another type. */
function typed(text: string, type = 'String'): unknown {
  if (type === 'String' || type === '') return text
  try {
    const value: unknown = JSON.parse(text)
    const expected = { long: 'number', int: 'number', boolean: 'boolean' }[type]
    if (expected === undefined) return value ?? undefined
    return typeof value === expected ? value : undefined
  } catch {
    return undefined
  }
}
