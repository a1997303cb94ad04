/** Applications of Auth0. */

import { createPublicKey } from 'node:crypto'
import { redirectUriProblem } from '@tessera/protocol/redirect-uri'
import { carry, choice, filledText, integer } from '../convert.ts'
import type { Draft, Target } from '../draft.ts'
import { elements, leaveOut, leaveOutAll, notNeeded } from '../outcomes.ts'
import { membersOf, own, textOf, textsOf } from '../raw.ts'
import type { Source } from '../source.ts'
import type { Apis } from './apis.ts'
import type { Connections } from './connections.ts'
import { hasPlaceholder, placeholderIn, textOrKeyword } from './placeholders.ts'

type Context = { readonly draft: Draft; readonly apis: Apis; readonly connections: Connections }

export function readClient(source: Source, context: Context): void {
  if (source.member('global').whole() === true || source.member('is_global').whole() === true) {
    source.notNeeded('it is the entry of all applications of the tenant')
    return
  }
  const { draft } = context
  const target = draft.add('clients')
  readId(source, target)
  carry(source.member('name'), target, 'client_name', textOrKeyword)
  if (source.member('app_type').whole() === 'native') {
    target.set('application_type', 'native')
    source.member('app_type').carriedOver(target.at('application_type'))
  } else source.member('app_type').notNeeded('the grants and the authentication follow from other members')
  for (const [name, key] of Object.entries(addresses)) readAddresses(source.member(name), target, key)
  carry(source.member('logo_uri'), target, 'logo_uri', textOrKeyword)
  carry(source.member('initiate_login_uri'), target, 'initiate_login_uri', textOrKeyword)
  const first = source.member('is_first_party')
  if (first.exists && first.whole() !== true) {
    target.set('require_consent', true)
    first.changed('users are asked for consent', target.at('require_consent'))
  } else first.notNeeded('users are not asked for consent by default')
  readGrants(source, target)
  readAuthentication(source, target, draft)
  readTokens(source, target)
  readScopes(source, target, context.apis)
  readConnections(source, target, context.connections)
  readLogout(source.member('oidc_logout'), target)
  readLogout(source.member('oidc_backchannel_logout'), target)
  leaveOutAll(source, notPossible)
  notNeeded(source, unneeded, 'it has no effect here')
}

/** Exports have no identifiers unless they are asked for. */
function readId(source: Source, target: Target): void {
  const id = source.member('client_id')
  if (id.exists) {
    carry(id, target, 'client_id', textOrKeyword)
    return
  }
  target.set('client_id', textOf(source.member('name').whole()))
  source.added(
    'the file does not contain the client_id, and so this is the name: write the client_id of the application, or export with --export_ids',
    target.at('client_id'),
  )
}

const addresses = {
  callbacks: 'redirect_uris',
  allowed_logout_urls: 'post_logout_redirect_uris',
} as const

function readAddresses(source: Source, target: Target, key: string): void {
  const uris: string[] = []
  for (const element of elements(source)) {
    const uri = element.text()
    if (uri === undefined) continue
    const problem = hasPlaceholder(uri) ? 'it contains a keyword: write the address' : redirectUriProblem(uri)
    if (problem !== undefined) element.notPossible(problem)
    else if (uris.includes(uri)) element.notNeeded('it is in the list already')
    else {
      element.carriedOver(target.at(key, uris.length))
      uris.push(uri)
    }
  }
  if (uris.length > 0) target.set(key, uris)
}

const grantNames: Readonly<Record<string, string>> = {
  authorization_code: 'authorization_code',
  implicit: 'implicit',
  refresh_token: 'refresh_token',
  client_credentials: 'client_credentials',
  password: 'password',
  'http://auth0.com/oauth/grant-type/password-realm': 'password',
  'urn:ietf:params:oauth:grant-type:device_code': 'urn:ietf:params:oauth:grant-type:device_code',
}

function readGrants(source: Source, target: Target): void {
  const grants: string[] = []
  const isPublic = source.member('token_endpoint_auth_method').whole() === 'none'
  const hasAddress = target.value.redirect_uris !== undefined
  for (const element of elements(source.member('grant_types'))) {
    const written = element.text()
    const name = written !== undefined && Object.hasOwn(grantNames, written) ? grantNames[written] : undefined
    if (name === undefined) element.notPossible('this grant does not exist here')
    else if (name === 'client_credentials' && isPublic)
      element.notPossible('a public client can not use it (RFC 6749 §4.4)')
    else if (/^(authorization_code|implicit)$/.test(name) && !hasAddress)
      element.notPossible(
        `the application has no exact redirect URI: add redirect_uris, and "${name}" to grant_types`,
      )
    else if (grants.includes(name)) element.notNeeded('it is in the list already')
    else {
      element.carriedOver(target.at('grant_types', grants.length))
      grants.push(name)
    }
  }
  target.set('grant_types', grants)
  if (grants.length === 0) target.set('enabled', false)
  const [code, implicit] = ['authorization_code', 'implicit'].map(name => grants.includes(name))
  target.set('response_types', [
    ...(code ? ['code'] : []),
    ...(implicit ? ['id_token', 'id_token token'] : []),
    ...(code && implicit ? ['code id_token', 'code token', 'code id_token token'] : []),
  ])
  if (code && !isPublic) {
    target.set('require_pkce', false)
    source.added(
      'Auth0 does not require PKCE; remove it if the application uses PKCE',
      target.at('require_pkce'),
    )
  }
  const origins = new Set<string>()
  for (const name of ['web_origins', 'allowed_origins'])
    for (const element of elements(source.member(name))) {
      const origin = element.text()?.replace(/\/$/, '')
      if (origin === undefined) continue
      if (origin.includes('*') || hasPlaceholder(origin)) element.notPossible('write the exact origin')
      else {
        element.carriedOver(target.at('allowed_cors_origins', [...origins.add(origin)].indexOf(origin)))
      }
    }
  if (origins.size > 0) target.set('allowed_cors_origins', [...origins])
}

function readAuthentication(source: Source, target: Target, draft: Draft): void {
  const method = source.member('token_endpoint_auth_method')
  const methods = source.member('client_authentication_methods')
  const credentials = elements(
    methods.isObject ? methods.member('private_key_jwt').member('credentials') : methods,
  )
  const keys = credentials.flatMap(credential => {
    const pem = credential.member('pem')
    const jwk = keyOf(textOf(pem.whole()))
    if (!jwk) {
      credential.notPossible('the file does not contain its public key')
      return []
    }
    pem.changed('it is a JWK', target.at('jwks', 'keys'))
    notNeeded(
      credential,
      [
        'id',
        'name',
        'kid',
        'alg',
        'credential_type',
        'thumbprint_sha256',
        'created_at',
        'updated_at',
        'expires_at',
      ],
      'it only describes the key',
    )
    return [jwk]
  })
  const secret = source.member('client_secret')
  if (keys.length > 0) {
    target.set('token_endpoint_auth_method', 'private_key_jwt')
    target.set('jwks', { keys })
    method.notNeeded('the application signs its requests')
    secret.notNeeded('the application signs its requests')
    return
  }
  if (method.whole() === 'none') {
    target.set('token_endpoint_auth_method', 'none')
    method.carriedOver(target.at('token_endpoint_auth_method'))
    secret.notNeeded('a public client has no secret')
    return
  }
  carry(method, target, 'token_endpoint_auth_method', secretMethods)
  const place = target.at('client_secrets', 0, 'value')
  const text = textOf(secret.whole())
  const variable = placeholderIn(text)
  if (text !== undefined && text !== '' && variable === undefined) {
    target.set('client_secrets', [{ value: text }])
    secret.carriedOver(place)
    return
  }
  secret.notNeeded('the file does not contain the secret')
  const words =
    variable === undefined ? ['auth0', 'secret', String(target.value.client_id ?? '')] : [variable]
  target.set('client_secrets', [{ value: draft.unknownSecret(source, place, ...words) }])
}

const secretMethods = choice({
  client_secret_post: 'client_secret_post',
  client_secret_basic: 'client_secret_basic',
} as const)

function keyOf(pem: string | undefined): unknown {
  try {
    return pem === undefined ? undefined : createPublicKey(pem).export({ format: 'jwk' })
  } catch {
    return undefined
  }
}

const idTokenAlgorithms = choice({ RS256: 'RS256', PS256: 'PS256' } as const)

function readTokens(source: Source, target: Target): void {
  const jwt = source.member('jwt_configuration')
  if (jwt.exists) {
    const alg = jwt.member('alg')
    if (alg.whole() === 'HS256') alg.notPossible('ID tokens are signed with asymmetric keys: RS256')
    else carry(alg, target, 'id_token_signed_response_alg', idTokenAlgorithms)
    carry(jwt.member('lifetime_in_seconds'), target, 'identity_token_lifetime', integer)
    notNeeded(jwt, ['secret_encoded'], 'it has no effect here')
    leaveOut(jwt.member('scopes'), 'it is of the old pipeline of Auth0')
  }
  const refresh = source.member('refresh_token')
  if (!refresh.exists) return
  const value = membersOf(refresh.whole())
  const usesRefresh = textsOf(target.value.grant_types).includes('refresh_token')
  if (!usesRefresh) {
    refresh.notNeeded('the application has no refresh tokens')
    return
  }
  const rotation = refresh.member('rotation_type')
  if (rotation.whole() === 'rotating') rotation.notNeeded('a refresh token is used once by default')
  else rotation.changed('a refresh token is used once: the application has to store the new one')
  const hasIdle = own(value, 'infinite_idle_token_lifetime') === false
  const hasEnd = own(value, 'infinite_token_lifetime') === false
  const [idle, end] = [refresh.member('idle_token_lifetime'), refresh.member('token_lifetime')]
  if (hasIdle) {
    target.set('refresh_token_expiration', 'sliding')
    carry(idle, target, 'sliding_refresh_token_lifetime', integer)
  } else idle.notNeeded('it is not in use')
  if (hasEnd) carry(end, target, 'absolute_refresh_token_lifetime', integer)
  else if (hasIdle) {
    target.set('absolute_refresh_token_lifetime', 0)
    end.notNeeded('there is no end, as long as the token is used')
  } else
    end.changed(
      'refresh tokens have an end: absolute_refresh_token_lifetime',
      target.at('absolute_refresh_token_lifetime'),
    )
  const leeway = refresh.member('leeway')
  if (leeway.whole() === 0)
    leeway.changed('a retried refresh gets the same response for some seconds: refresh_token_retry_window')
  else carry(leeway, target, 'refresh_token_retry_window', integer)
  notNeeded(
    refresh,
    ['expiration_type', 'infinite_token_lifetime', 'infinite_idle_token_lifetime'],
    'it follows from the lifetimes',
  )
  leaveOut(refresh.member('policies'), 'a client has the same scope for refreshed tokens')
}

function readScopes(source: Source, target: Target, { userScopes, grants }: Apis): void {
  const names: string[] = []
  const own = textsOf(target.value.grant_types)
  const hasUsers = own.some(grant => grant !== 'client_credentials' && grant !== 'refresh_token')
  if (hasUsers) names.push('openid', 'profile', 'email', 'address', 'phone')
  if (hasUsers && own.includes('refresh_token')) names.push('offline_access')
  if (hasUsers && target.value.require_consent !== true) names.push(...userScopes)
  if (hasUsers)
    source.added(
      'applications of Auth0 may request these scopes for their users: remove those that it does not use',
      target.at('scope'),
    )
  const keys = textsOf([target.value.client_id, source.member('name').whole()])
  for (const { scopes, source: grant } of [...new Set(keys)].flatMap(key => grants.get(key) ?? [])) {
    if (!own.includes('client_credentials')) {
      grant.notNeeded('the application does not act for itself')
      continue
    }
    names.push(...scopes)
    for (const name of ['client_id', 'audience', 'scope', 'subject_type'])
      grant.member(name).carriedOver(target.at('scope'))
  }
  target.set('scope', [...new Set(names)])
}

/** Without restrictions, a client may use all providers. */
function readConnections(source: Source, target: Target, { providers, database }: Connections): void {
  const keys = textsOf([target.value.client_id, source.member('name').whole()])
  const isEnabled = (names: ReadonlySet<string>) => keys.some(key => names.has(key))
  if (database && !isEnabled(database)) {
    target.set('enable_local_login', false)
    source.added('no database is enabled for the application', target.at('enable_local_login'))
  }
  const enabled = [...providers].filter(([, names]) => isEnabled(names)).map(([name]) => name)
  if (enabled.length === providers.size) return
  if (enabled.length > 0) {
    target.set('identity_provider_restrictions', enabled)
    source.added(
      'only these connections are enabled for the application',
      target.at('identity_provider_restrictions'),
    )
  } else if (textsOf(target.value.grant_types).some(grant => /^(authorization_code|implicit)$/.test(grant)))
    source
      .member('name')
      .notPossible(
        'no provider is enabled for the application, and here it may use all of them: remove the providers, or let a hook of federation refuse their users',
      )
}

function readLogout(source: Source, target: Target): void {
  if (!source.exists) return
  const urls = elements(source.member('backchannel_logout_urls'))
  for (const [index, url] of urls.entries())
    if (index > 0 || target.value.backchannel_logout_uri !== undefined)
      url.notPossible('a client has one address for notifications')
    else carry(url, target, 'backchannel_logout_uri', filledText)
  leaveOut(source.member('backchannel_logout_initiators'), 'clients are notified of each end of a session')
  leaveOut(source.member('backchannel_logout_session_metadata'), 'logout tokens contain sub and sid')
}

const notPossible: Readonly<Record<string, string>> = {
  addons: 'there are no add-ons',
  allowed_clients: 'use token exchange (docs/guides/extension-grants.md)',
  client_metadata: 'clients have no other members: use claims or user_claims',
  custom_login_page: 'pages have branding and templates (docs/guides/pages.md)',
  encryption_key: 'add jwks and id_token_encrypted_response_alg',
  form_template: 'pages have branding and templates (docs/guides/pages.md)',
  organization_usage: 'there are no organizations; see tenants (docs/guides/tenants.md)',
  organization_require_behavior: 'there are no organizations; see tenants (docs/guides/tenants.md)',
  default_organization: 'there are no organizations; see tenants (docs/guides/tenants.md)',
  require_proof_of_possession: 'use dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens',
  signed_request_object: 'add jwks and require_signed_request_object',
  require_pushed_authorization_requests: 'add require_pushed_authorization_requests: true',
  compliance_level: 'see docs/guides/fapi-2.md',
  token_exchange: 'use token exchange (docs/guides/extension-grants.md)',
  token_quota: 'there are no quotas',
  session_transfer: 'sessions are not passed from applications to browsers',
  resource_server_identifier: 'an API is an entry in api_resources',
  cross_origin_loc: 'pages of applications do not ask for passwords',
  web_message: 'use prompt=none',
}

const unneeded = [
  ...[
    'tenant',
    'global',
    'is_global',
    'description',
    'oidc_conformant',
    'sso',
    'sso_disabled',
    'custom_login_page_on',
  ],
  ...[
    'custom_login_page_preview',
    'cross_origin_auth',
    'cross_origin_authentication',
    'is_token_endpoint_ip_header_trusted',
  ],
  ...[
    'native_social_login',
    'mobile',
    'client_aliases',
    'signing_keys',
    'callback_url_template',
    'owners',
    'async_approval_notification_channels',
  ],
]
