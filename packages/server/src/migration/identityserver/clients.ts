/** Clients of IdentityServer4: `Client`, or rows of `Clients` with their child tables. */

import { grantTypes } from '@tessera/protocol/grant-types'
import type { JsonObject } from '@tessera/protocol/result'
import { type Convert, carry, choice, filledText, flag, flagOrFalse } from '../convert.ts'
import type { Draft, Target } from '../draft.ts'
import type { Source } from '../source.ts'
import {
  anyOf,
  cellOf,
  column,
  elementsOf,
  ignoreChildMembers,
  ignoreRowMembers,
  refuseProperties,
  seconds,
} from './rows.ts'
import { readSecrets } from './secrets.ts'

/** Member of `Client` → key. */
const sameMeaning: Readonly<Record<string, readonly [key: string, convert: Convert<unknown>]>> = {
  ClientId: ['client_id', filledText],
  ClientName: ['client_name', filledText],
  ClientUri: ['client_uri', filledText],
  LogoUri: ['logo_uri', filledText],
  Enabled: ['enabled', flagOrFalse],
  RequireConsent: ['require_consent', flag],
  AllowRememberConsent: ['allow_remember_consent', flag],
  ConsentLifetime: ['consent_lifetime', seconds],
  AlwaysIncludeUserClaimsInIdToken: ['always_include_user_claims_in_id_token', flag],
  RequirePkce: ['require_pkce', flag],
  AllowPlainTextPkce: ['allow_plain_pkce', flag],
  RequireRequestObject: ['require_signed_request_object', flag],
  FrontChannelLogoutUri: ['frontchannel_logout_uri', filledText],
  FrontChannelLogoutSessionRequired: ['frontchannel_logout_session_required', flag],
  BackChannelLogoutUri: ['backchannel_logout_uri', filledText],
  BackChannelLogoutSessionRequired: ['backchannel_logout_session_required', flag],
  IdentityTokenLifetime: ['identity_token_lifetime', seconds],
  AccessTokenLifetime: ['access_token_lifetime', seconds],
  AuthorizationCodeLifetime: ['authorization_code_lifetime', seconds],
  AbsoluteRefreshTokenLifetime: ['absolute_refresh_token_lifetime', seconds],
  SlidingRefreshTokenLifetime: ['sliding_refresh_token_lifetime', seconds],
  DeviceCodeLifetime: ['device_code_lifetime', seconds],
  UserSsoLifetime: ['default_max_age', seconds],
  UpdateAccessTokenClaimsOnRefresh: ['update_access_token_claims_on_refresh', flag],
  EnableLocalLogin: ['enable_local_login', flagOrFalse],
  AlwaysSendClientClaims: ['always_send_client_claims', flag],
  // An empty prefix has a meaning, so it stays.
  ClientClaimsPrefix: ['client_claims_prefix', (source, target) => prefix(source, target)],
  RefreshTokenUsage: [
    'refresh_token_usage',
    choice({ ReUse: 'reuse', OneTimeOnly: 'one_time', 0: 'reuse', 1: 'one_time' }),
  ],
  RefreshTokenExpiration: [
    'refresh_token_expiration',
    choice({ Sliding: 'sliding', Absolute: 'absolute', 0: 'sliding', 1: 'absolute' }),
  ],
  AccessTokenType: [
    'access_token_type',
    choice({ Jwt: 'jwt', Reference: 'reference', 0: 'jwt', 1: 'reference' }),
  ],
}

const prefix: Convert<string> = (source, target) => {
  const value = source.text()
  if (value !== undefined) source.carriedOver(target)
  return value
}

/** Lists: the property of the model, the child table, its column, and the key. */
const lists = [
  ['RedirectUris', 'ClientRedirectUris', 'RedirectUri', 'redirect_uris'],
  [
    'PostLogoutRedirectUris',
    'ClientPostLogoutRedirectUris',
    'PostLogoutRedirectUri',
    'post_logout_redirect_uris',
  ],
  ['AllowedCorsOrigins', 'ClientCorsOrigins', 'Origin', 'allowed_cors_origins'],
  ['AllowedScopes', 'ClientScopes', 'Scope', 'scope'],
] as const

const notPossible: Readonly<Record<string, string>> = {
  Description: 'clients have no description here; only their name is shown',
  UserCodeType: 'user codes have one form here: eight letters',
  PairWiseSubjectSalt:
    'IdentityServer4 only stored it. If your profile service computed pairwise subjects with it, do so in a hook',
}

export function readClient(source: Source, draft: Draft): void {
  const protocol = source.member('ProtocolType')
  if (protocol.exists && protocol.text() !== 'oidc') {
    source.notPossible('its ProtocolType is not oidc')
    return
  }
  protocol.notNeeded('all clients use OpenID Connect')
  const client = draft.add('clients')
  ignoreRowMembers(source)
  source.member('IncludeJwtId').notNeeded('every access token has a jti')
  for (const [name, [key, convert]] of Object.entries(sameMeaning))
    carry(source.member(name), client, key, convert)
  for (const [property, table, name, key] of lists)
    carry(anyOf(source, property, table), client, key, column(name))
  for (const [name, why] of Object.entries(notPossible)) {
    const member = source.member(name)
    if (member.exists && member.whole() === '') member.notNeeded('it is empty')
    else member.notPossible(why)
  }
  refuseProperties(anyOf(source, 'Properties', 'ClientProperties'))
  readAlgorithms(
    source.member('AllowedIdentityTokenSigningAlgorithms'),
    client,
    'id_token_signed_response_alg',
  )
  readProviders(anyOf(source, 'IdentityProviderRestrictions', 'ClientIdPRestrictions'))
  carry(anyOf(source, 'Claims', 'ClientClaims'), client, 'claims', claims)
  readGrants(source, client)
  readAuthentication(source, client, draft)
}

const claims: Convert<readonly JsonObject[]> = (source, target) => {
  if (!source.exists) return
  const read: JsonObject[] = []
  for (const row of source.list()) {
    ignoreChildMembers(row)
    row.member('ValueType').notNeeded('values are text')
    const [type, value] = [row.member('Type').text(), row.member('Value').text()]
    if (type === undefined || value === undefined) continue
    row.member('Type').carriedOver([...target, read.length, 'type'])
    row.member('Value').carriedOver([...target, read.length, 'value'])
    read.push({ type, value })
  }
  return read
}

/** A list, or a text with commas. A client has one algorithm, so the first one counts. */
export function readAlgorithms(source: Source, target: Target, key: string): void {
  if (source.isList) {
    const [first, ...others] = source.list()
    if (first) carry(first, target, key, filledText)
    for (const other of others) other.notPossible('there is one algorithm here: the first')
    return
  }
  const text = source.text()
  if (text === undefined) return
  const [first = '', ...others] = text.split(',').map(name => name.trim())
  if (first === '') source.notNeeded('it is empty')
  else {
    if (others.length > 0) source.changed('there is one algorithm here: the first', target.at(key))
    else source.carriedOver(target.at(key))
    target.set(key, first)
  }
}

function readProviders(source: Source): void {
  for (const element of elementsOf(source))
    cellOf(element, 'Provider').notPossible(
      'providers are code in IdentityServer4: add them to identity_providers, and their names to identity_provider_restrictions of this client',
    )
}

const standardGrants: ReadonlySet<string> = new Set([
  grantTypes.authorizationCode,
  grantTypes.clientCredentials,
  grantTypes.password,
  grantTypes.deviceCode,
  'implicit',
])

function readGrants(source: Source, client: Target): void {
  const grants = new Set<string>()
  const responses = new Set<string>()
  const browser = source.member('AllowAccessTokensViaBrowser')
  const viaBrowser = browser.exists && browser.flag() === true
  const target = client.at('grant_types')
  for (const element of elementsOf(anyOf(source, 'AllowedGrantTypes', 'ClientGrantTypes'))) {
    const cell = cellOf(element, 'GrantType')
    const grant = cell.text()
    if (grant === 'hybrid') {
      cell.changed('hybrid is authorization_code and implicit, with response_types', target)
      for (const name of ['authorization_code', 'implicit']) grants.add(name)
      for (const type of ['code id_token', ...(viaBrowser ? ['code token', 'code id_token token'] : [])])
        responses.add(type)
    } else if (grant !== undefined && standardGrants.has(grant)) {
      if (grant === 'implicit' && viaBrowser)
        cell.changed('response_type "token" without "id_token" is not supported', target)
      else cell.carriedOver(target)
      grants.add(grant)
      if (grant === 'authorization_code') responses.add('code')
      if (grant === 'implicit')
        for (const type of ['id_token', ...(viaBrowser ? ['id_token token'] : [])]) responses.add(type)
    } else if (grant !== undefined)
      cell.notPossible(
        'write an extension grant (docs/guides/extension-grants.md), and add its name to grant_types',
      )
  }
  const isImplicit = grants.has('implicit')
  if (!browser.exists || (viaBrowser && isImplicit)) browser.carriedOver(client.at('response_types'))
  else
    browser.notNeeded(
      isImplicit ? 'response_types have no token' : 'the client has no implicit or hybrid flow',
    )
  const offline = source.member('AllowOfflineAccess')
  if (offline.exists && offline.flag()) {
    offline.carriedOver(target)
    grants.add(grantTypes.refreshToken)
    client.set('scope', [...((client.value.scope ?? []) as readonly string[]), 'offline_access'])
  } else offline.notNeeded('the client has no refresh_token grant')
  client.set('grant_types', [...grants])
  if (isImplicit) client.set('response_types', [...responses])
}

function readAuthentication(source: Source, client: Target, draft: Draft): void {
  const required = source.member('RequireClientSecret')
  const secrets = source.member('ClientSecrets')
  const grants = client.value.grant_types as readonly string[]
  const method = client.at('token_endpoint_auth_method')
  if (required.exists && required.flag() === false) {
    required.carriedOver(method)
    client.set('token_endpoint_auth_method', 'none')
    if (elementsOf(secrets).length > 0)
      secrets.notNeeded('RequireClientSecret is false, so the client is public')
    if (!grants.includes(grantTypes.clientCredentials)) return
    client.set(
      'grant_types',
      grants.filter(grant => grant !== grantTypes.clientCredentials),
    )
    source.added('a public client may not have client_credentials (RFC 6749 §4.4)', client.at('grant_types'))
    return
  }
  const keys = client.at('jwks')
  const read = readSecrets(secrets, { shared: client.at('client_secrets'), keys })
  if (read.keys.length > 0) client.set('jwks', { keys: read.keys })
  if (read.shared.length > 0) {
    client.set('client_secrets', read.shared)
    if (read.keys.length > 0)
      source.added('the client has secrets too: if it signs assertions, write "private_key_jwt"', method)
  } else if (read.keys.length > 0) {
    client.set('token_endpoint_auth_method', 'private_key_jwt')
    source.added('the client has keys and no secrets', method)
  } else if (grants.every(grant => grant === 'implicit')) {
    client.set('token_endpoint_auth_method', 'none')
    source.added('the client has no secret and does not use the token endpoint', method)
  } else {
    // Without a secret it would be public, which allows more than before.
    const place = client.at('client_secrets')
    const value = draft.unknownSecret(source, place, 'client_secret', String(client.value.client_id ?? ''))
    client.set('client_secrets', [{ value }])
  }
  required.carriedOver(method)
}
