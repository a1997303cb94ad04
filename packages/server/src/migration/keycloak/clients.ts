/** Clients of a realm. */

import { carry, filledText, flag, flagOrFalse } from '../convert.ts'
import type { Draft, Target } from '../draft.ts'
import { expectValue, leaveOutAll, notNeeded } from '../outcomes.ts'
import { membersOf, own, textsOf } from '../raw.ts'
import type { Source } from '../source.ts'
import { readAuthentication } from './authentication.ts'
import { readAddresses } from './client-addresses.ts'
import { readAttributes } from './client-attributes.ts'
import { readClientScopes } from './client-scopes.ts'
import { ownClients, type Realm } from './realm.ts'
import type { Scopes } from './scopes.ts'

/** Defaults of the realm for its clients, in seconds. */
export type ClientDefaults = {
  readonly accessTokenLifetime?: number | undefined
  readonly codeLifetime?: number | undefined
  readonly deviceCodeLifetime?: number | undefined
  readonly devicePollingInterval?: number | undefined
  readonly refreshIdle?: number | undefined
  readonly refreshMax?: number | undefined
}

type ClientContext = {
  readonly draft: Draft
  readonly realm: Realm
  readonly scopes: Scopes
  readonly defaults: ClientDefaults
}

export function readClient(source: Source, context: ClientContext): void {
  const id = source.member('clientId').whole()
  if (typeof id === 'string' && (ownClients.has(id) || id.endsWith('-realm'))) {
    source.notNeeded('it is a client of Keycloak itself')
    return
  }
  if (source.member('protocol').whole() === 'saml' || source.member('protocol').whole() === 'docker-v2') {
    source.notPossible('this server speaks OpenID Connect and OAuth 2.0 only')
    return
  }
  source.member('protocol').notNeeded('the protocol is OpenID Connect')
  leaveUsual(source)
  if (source.member('bearerOnly').whole() === true) readApi(source, context)
  else readApplication(source, context)
}

const record = 'it is only a number or a date of the old record'

function leaveUsual(source: Source): void {
  notNeeded(
    source,
    ['id', 'notBefore', 'nodeReRegistrationTimeout', 'registeredNodes', 'access', 'type'],
    record,
  )
  notNeeded(source, ['surrogateAuthRequired', 'registrationAccessToken', 'origin'], 'it has no effect')
  leaveOutAll(source, {
    adminUrl: 'there is no interface for adapters; use backchannel_logout_uri',
    alwaysDisplayInConsole: 'account pages link to clients with initiate_login_uri',
    authenticationFlowBindingOverrides:
      'sign-in is configured with enable_local_login, mfa and identity_provider_restrictions',
    authorizationServicesEnabled:
      'there are no authorization services (UMA); APIs decide by scopes and claims',
    authorizationSettings: 'there are no authorization services (UMA); APIs decide by scopes and claims',
    directGrantsOnly: 'it is of an old version of Keycloak',
    defaultRoles: 'it is of an old version of Keycloak; assign roles to users',
    clientTemplate: 'it is of an old version of Keycloak; use client scopes',
    useTemplateConfig: 'it is of an old version of Keycloak',
    useTemplateScope: 'it is of an old version of Keycloak',
    useTemplateMappers: 'it is of an old version of Keycloak',
  })
}

/** A client that only receives tokens is an API. */
function readApi(source: Source, { scopes }: ClientContext): void {
  const { target } = scopes.api(String(source.member('clientId').text() ?? ''))
  source.member('bearerOnly').carriedOver(target.at('name'))
  source.member('clientId').carriedOver(target.at('name'))
  carry(source.member('name'), target, 'display_name', filledText)
  const secret = source.member('secret')
  if (secret.exists && typeof secret.whole() === 'string' && secret.whole() !== '') {
    target.set('api_secrets', [{ value: secret.text() }])
    secret.carriedOver(target.at('api_secrets', 0, 'value'))
  }
  const why = 'an API does not request tokens'
  notNeeded(
    source,
    [
      ...[
        'description',
        'rootUrl',
        'baseUrl',
        'redirectUris',
        'webOrigins',
        'clientAuthenticatorType',
        'attributes',
      ],
      ...['consentRequired', 'standardFlowEnabled', 'implicitFlowEnabled', 'directAccessGrantsEnabled'],
      ...[
        'serviceAccountsEnabled',
        'publicClient',
        'frontchannelLogout',
        'fullScopeAllowed',
        'protocolMappers',
      ],
      ...['defaultClientScopes', 'optionalClientScopes', 'enabled'],
    ],
    why,
  )
}

function readApplication(source: Source, context: ClientContext): void {
  const target = context.draft.add('clients')
  carry(source.member('clientId'), target, 'client_id', filledText)
  carryName(source.member('name'), target)
  source.member('description').notNeeded('clients have no description here')
  carry(source.member('enabled'), target, 'enabled', flagOrFalse)
  carry(source.member('consentRequired'), target, 'require_consent', flag)
  source.member('bearerOnly').notNeeded('it is the default')
  const attributes = source.member('attributes')
  const hasAddress = readAddresses(source, attributes, target)
  readFlows(source, attributes, target, context, hasAddress)
  readAuthentication(source, attributes, target, context.draft)
  readAttributes(source, attributes, target)
  readClientScopes(source, target, context.scopes)
  expectValue(source.member('frontchannelLogout'), [true, false], 'it is unknown')
  readServiceAccount(source, target, context)
  if (isInteractive(target)) {
    target.set('always_include_user_claims_in_id_token', true)
    source.added(
      'ID tokens of Keycloak contain the claims of the user',
      target.at('always_include_user_claims_in_id_token'),
    )
  }
}

function carryName(name: Source, target: Target): void {
  const value = name.whole()
  if (typeof value === 'string' && value.startsWith('${')) name.notNeeded('it is a text of Keycloak')
  else carry(name, target, 'client_name', filledText)
}

const grantsIn = (target: Target): readonly string[] => textsOf(target.value.grant_types)

const isInteractive = (target: Target): boolean =>
  ['authorization_code', 'implicit'].some(grant => grantsIn(target).includes(grant))

function readFlows(
  source: Source,
  attributes: Source,
  target: Target,
  { defaults }: ClientContext,
  hasAddress: boolean,
): void {
  const grants: string[] = []
  target.set('grant_types', grants)
  const grant = (member: Source, name: string): boolean => {
    const value = member.whole()
    if (value !== true && value !== 'true') {
      if (member.flag() === false) member.notNeeded('it is off')
      return false
    }
    if (name === 'authorization_code' || name === 'implicit')
      if (!hasAddress) {
        member.notPossible(
          `the client has no exact redirect URI: add redirect_uris, and "${name}" to grant_types`,
        )
        return false
      }
    grants.push(name)
    member.carriedOver(target.at('grant_types', grants.length - 1))
    return true
  }
  const isPublic = source.member('publicClient').whole() === true
  const code =
    standardFlow(source, target, grants, hasAddress) ||
    grant(source.member('standardFlowEnabled'), 'authorization_code')
  const implicit = grant(source.member('implicitFlowEnabled'), 'implicit')
  grant(source.member('directAccessGrantsEnabled'), 'password')
  const service = source.member('serviceAccountsEnabled')
  if (isPublic && service.whole() === true) service.notPossible('a public client has no service account')
  else grant(service, 'client_credentials')
  const of = (name: string) => (attributes.exists ? attributes.member(name) : source.member('attributes'))
  const device = grant(
    of('oauth2.device.authorization.grant.enabled'),
    'urn:ietf:params:oauth:grant-type:device_code',
  )
  grant(of('standard.token.exchange.enabled'), 'urn:ietf:params:oauth:grant-type:token-exchange')
  if (code || implicit) target.set('response_types', responseTypes(code, implicit))
  if (grants.length === 0) target.set('enabled', false)
  const refresh = of('use.refresh.tokens')
  const wantsRefresh = refresh.whole() !== 'false' && grants.some(name => userGrants.has(name))
  if (wantsRefresh) grants.push('refresh_token')
  if (wantsRefresh)
    source.added(
      'Keycloak always issues refresh tokens; here the client has to request offline_access, and they end with the longest session of Keycloak',
      target.at('grant_types', grants.length - 1),
    )
  refresh.notNeeded('it follows from grant_types')
  if (device) target.set('device_code_lifetime', defaults.deviceCodeLifetime)
  if (device) target.set('device_polling_interval', defaults.devicePollingInterval)
  if (code) target.set('authorization_code_lifetime', defaults.codeLifetime)
  target.set('access_token_lifetime', defaults.accessTokenLifetime)
  if (wantsRefresh && defaults.refreshIdle !== undefined) {
    target.set('refresh_token_expiration', 'sliding')
    target.set('sliding_refresh_token_lifetime', defaults.refreshIdle)
    target.set('absolute_refresh_token_lifetime', defaults.refreshMax)
  }
}

/** A client has this flow in Keycloak, unless its file says something else. */
function standardFlow(source: Source, target: Target, grants: string[], hasAddress: boolean): boolean {
  if (source.member('standardFlowEnabled').exists || !hasAddress) return false
  grants.push('authorization_code')
  source.added('the standard flow is on by default in Keycloak', target.at('grant_types', grants.length - 1))
  return true
}

const userGrants: ReadonlySet<string> = new Set([
  'authorization_code',
  'password',
  'urn:ietf:params:oauth:grant-type:device_code',
])

/** Keycloak allows hybrid flows to clients with both flows. */
const responseTypes = (code: boolean, implicit: boolean): readonly string[] => [
  ...(code ? ['code'] : []),
  ...(implicit ? ['id_token', 'id_token token'] : []),
  ...(code && implicit ? ['code id_token', 'code token', 'code id_token token'] : []),
]

/** The roles of a service account become claims of the client. */
function readServiceAccount(source: Source, target: Target, { realm }: ClientContext): void {
  const account = realm.serviceAccounts.get(String(target.value.client_id ?? ''))
  if (!account || !grantsIn(target).includes('client_credentials')) return
  const roles = realm.effectiveRoles([account, ...realm.groupsAt(textsOf(own(account, 'groups')))])
  const claims = [
    ...(roles.realm.size > 0 ? [{ type: 'realm_access', value: { roles: [...roles.realm] } }] : []),
    ...(roles.clients.size > 0 ? [{ type: 'resource_access', value: resourceAccess(roles.clients) }] : []),
  ]
  if (claims.length === 0) return
  target.set('claims', claims)
  target.set('client_claims_prefix', '')
  source.added('tokens of the client contain the roles of its service account', target.at('claims'))
}

/** Returns roles of clients in the form of Keycloak's claim. */
export const resourceAccess = (
  clients: ReadonlyMap<string, ReadonlySet<string>>,
): Readonly<Record<string, { readonly roles: readonly string[] }>> =>
  membersOf(
    Object.fromEntries([...clients].map(([client, roles]) => [client, { roles: [...roles] }])),
  ) as Readonly<Record<string, { readonly roles: readonly string[] }>>
