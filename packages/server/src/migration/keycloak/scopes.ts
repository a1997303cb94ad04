/**
 * Client scopes and the mappers of single clients, as identity resources, API scopes and APIs. Keycloak puts the claims
 * of one scope into all tokens; here identity resources are for ID tokens and UserInfo, and API scopes for access tokens.
 */

import { standardIdentityResources } from '../../configuration/schema/resource.ts'
import type { Path } from '../../configuration/validation/schema.ts'
import type { Draft, Target } from '../draft.ts'
import { elements, leaveOut, notNeeded } from '../outcomes.ts'
import type { Source } from '../source.ts'
import { type Entry, type Mapper, readMapper } from './mappers.ts'
import type { Realm } from './realm.ts'

export type Scopes = {
  /** Returns the scopes that replace one of Keycloak; undefined if it is unknown. */
  readonly namesOf: (scope: string) => ScopeNames | undefined
  /** Adds a scope for the mappers of a client, which the client gets in addition. */
  readonly addDedicated: (client: string, mappers: Source) => ScopeNames
  /** Returns the API with this name, which is added if it is new. */
  readonly api: (name: string) => Api
}

type ScopeNames = { readonly identity: readonly string[]; readonly api: readonly string[] }

type Api = { readonly target: Target; readonly scopes: string[] }

const none: ScopeNames = { identity: [], api: [] }

const standard = new Map(
  standardIdentityResources
    .filter(({ name }) => name !== 'openid')
    .map(({ name, claims }) => [name, claims.filter(claim => typeof claim === 'string')] as const),
)

/** Scopes that exist without a definition, or whose claims are in every token. */
const silent: ReadonlySet<string> = new Set([
  'openid',
  'offline_access',
  'basic',
  'acr',
  'web-origins',
  'service_account',
  'organization',
])

type ScopeContext = {
  readonly draft: Draft
  readonly realm: Realm
  /** The signing algorithm of access tokens. */
  readonly algorithm: string
}

export function readScopes(roots: readonly Source[], { draft, realm, algorithm }: ScopeContext): Scopes {
  const lists = roots.map(root => root.member('clientScopes')).filter(list => list.exists)
  const known = new Map<string, ScopeNames>(
    [...standard.keys()].map(name => [name, { identity: [name], api: [] }]),
  )
  const apis = new Map<string, Api>()

  function api(name: string): Api {
    const found = apis.get(name)
    if (found) return found
    const target = draft.add('api_resources')
    const scopes: string[] = []
    target.set('name', name)
    target.set('scopes', scopes)
    target.set('access_token_signing_alg', algorithm)
    apis.set(name, { target, scopes })
    return { target, scopes }
  }

  /** Writes the entries of mappers. Returns undefined if there is nothing to write. */
  function write(
    name: string,
    mappers: readonly Mapper[],
    describe: (target: Target) => void,
    always: boolean,
  ): ScopeNames {
    const identity = mappers.filter(one => one.entry !== undefined && one.isForIdentity)
    const access = mappers.filter(
      one => one.audience !== undefined || (one.isForAccess && one.entry !== undefined),
    )
    const hasApi = access.length > 0 || (always && identity.length === 0)
    const apiName = identity.length > 0 ? `${name}.access` : name
    const places = new Map<Mapper, Path>()
    if (identity.length > 0) {
      const target = draft.add('identity_resources')
      target.set('name', name)
      describe(target)
      writeEntries(target, identity, places)
    }
    if (hasApi) {
      const target = draft.add('api_scopes')
      target.set('name', apiName)
      if (identity.length === 0) describe(target)
      writeEntries(target, access, places)
      for (const one of access)
        if (one.audience !== undefined) {
          const { scopes, target: apiTarget } = api(one.audience)
          if (!scopes.includes(apiName)) scopes.push(apiName)
          places.set(one, apiTarget.at('scopes', scopes.indexOf(apiName)))
        }
    }
    for (const one of mappers) {
      const place = places.get(one)
      if (place) one.settle(place)
      else one.leave('no token contains it')
    }
    return { identity: identity.length > 0 ? [name] : [], api: hasApi ? [apiName] : [] }
  }

  function readScope(source: Source): void {
    const nameSource = source.member('name')
    const name = nameSource.text() ?? ''
    const protocol = source.member('protocol')
    if (protocol.whole() === 'saml') {
      source.notNeeded('it is for SAML')
      return
    }
    notNeeded(source, ['id'], 'it is only a number of the old record')
    protocol.notNeeded('the protocol is OpenID Connect')
    const mappers = mappersIn(source.member('protocolMappers'), realm)
    const claims = standard.get(name)
    if (claims) {
      nameSource.changed(
        'the scope is predefined; access tokens do not contain its claims: APIs ask UserInfo, or an API scope has them',
      )
      describeNothing(source)
      extend(name, claims, mappers)
      return
    }
    if (silent.has(name) && mappers.length === 0) {
      known.set(name, none)
      nameSource.notNeeded('the scope is predefined, or tokens contain its claims anyway')
      source.member('attributes').notNeeded('the scope is not defined here')
      source.member('description').notNeeded('the scope is not defined here')
      return
    }
    let isDescribed = false
    const describeOnce = (target: Target): void => {
      isDescribed = true
      describe(source, target)
    }
    const names = write(name, mappers, describeOnce, true)
    if (!isDescribed) describeNothing(source)
    known.set(name, names)
    const list = names.identity.length > 0 ? 'identity_resources' : 'api_scopes'
    nameSource.carriedOver(placeOf(draft, list, name) ?? [list])
    if (names.identity.length > 0 && names.api.length > 0)
      source.added(
        `access tokens get its claims by the scope ${names.api[0]}, which clients request in addition`,
        placeOf(draft, 'api_scopes', names.api[0]!) ?? ['api_scopes'],
      )
  }

  /** Adds claims to a predefined scope. */
  function extend(name: string, claims: readonly string[], mappers: readonly Mapper[]): void {
    const added: Mapper[] = []
    for (const one of mappers)
      if (typeof one.entry === 'string' && claims.includes(one.entry))
        one.leave('the scope has this claim already')
      else if (one.entry !== undefined && one.isForIdentity) added.push(one)
      else one.leave('only API scopes add claims or audiences to access tokens', false)
    if (added.length === 0) return
    const target = draft.add('identity_resources')
    const replaced = new Set(added.map(one => claimOf(one.entry!)))
    const kept = claims.filter(claim => !replaced.has(claim))
    target.set('name', name)
    target.set('claims', [...kept, ...added.map(one => one.entry)])
    for (const [index, one] of added.entries()) one.settle(target.at('claims', kept.length + index))
  }

  for (const list of lists) for (const source of elements(list)) readScope(source)
  if (lists.length === 0 && roots[0]) {
    const target = draft.add('api_scopes')
    target.set('name', 'roles')
    target.set('claims', [{ claim: ['realm_access', 'roles'], from: 'roles', list: true }, 'resource_access'])
    roots[0].added('Keycloak defines this scope', target.at('name'))
    known.set('roles', { identity: [], api: ['roles'] })
  }
  return {
    namesOf: scope => known.get(scope),
    addDedicated(client, mappers) {
      const read = mappersIn(mappers, realm)
      return read.length === 0 ? none : write(`${client}-dedicated`, read, () => {}, false)
    },
    api,
  }
}

const mappersIn = (list: Source, realm: Realm): readonly Mapper[] =>
  list.exists ? elements(list).flatMap(source => readMapper(source, realm) ?? []) : []

function writeEntries(target: Target, mappers: readonly Mapper[], places: Map<Mapper, Path>): void {
  const entries: Entry[] = []
  for (const one of mappers) {
    if (one.entry === undefined) continue
    const text = JSON.stringify(one.entry)
    const before = entries.findIndex(entry => JSON.stringify(entry) === text)
    if (before < 0) entries.push(one.entry)
    places.set(one, target.at('claims', before < 0 ? entries.length - 1 : before))
  }
  if (entries.length > 0) target.set('claims', entries)
}

const claimOf = (entry: Entry): string =>
  typeof entry === 'string' ? entry : String([entry.claim].flat()[0])

function placeOf(draft: Draft, list: string, name: string): Path | undefined {
  const entries = (draft.configuration[list] ?? []) as readonly { readonly name?: unknown }[]
  const index = entries.findIndex(entry => entry.name === name)
  return index < 0 ? undefined : [list, index, 'name']
}

function describe(source: Source, target: Target): void {
  const attributes = source.member('attributes')
  const title = attributes.member('consent.screen.text')
  const shown = title.whole()
  if (typeof shown === 'string' && shown !== '' && !shown.startsWith('${')) {
    target.set('display_name', shown)
    title.carriedOver(target.at('display_name'))
  } else title.notNeeded('it is a text of Keycloak, or empty')
  const description = source.member('description')
  if (typeof description.whole() === 'string' && description.whole() !== '') {
    target.set('description', description.text())
    description.carriedOver(target.at('description'))
  } else description.notNeeded('it is empty')
  readDisplay(attributes)
}

function describeNothing(source: Source): void {
  source.member('description').notNeeded('the scope is not defined here')
  const attributes = source.member('attributes')
  if (!attributes.exists) return
  attributes.member('consent.screen.text').notNeeded('the scope is not defined here')
  readDisplay(attributes)
}

function readDisplay(attributes: Source): void {
  if (!attributes.exists) return
  const inScope = attributes.member('include.in.token.scope')
  if (inScope.whole() === 'false') inScope.changed('the claim scope contains each scope that was granted')
  else inScope.notNeeded('the claim scope contains each scope that was granted')
  const onConsent = attributes.member('display.on.consent.screen')
  if (onConsent.whole() === 'false') leaveOut(onConsent, 'the consent page shows all scopes')
  else onConsent.notNeeded('the consent page shows all scopes')
  attributes.member('gui.order').notNeeded('the order is that of the file')
}
