/** `clients` with `clientDefaults`, `pkce` and lifetimes. */

import { clientMetadata, plainSecret, scopeText } from '../client-metadata.ts'
import { type Convert, carry, filledText, flag, integer, json, texts } from '../convert.ts'
import type { Draft, Target } from '../draft.ts'
import type { Source } from '../source.ts'
import { namesOf } from './scopes.ts'
import { type ClientDefaults, clientsAt } from './ttl.ts'

const metadata: Readonly<Record<string, Convert<unknown>>> = {
  ...clientMetadata,
  application_type: filledText,
  id_token_signed_response_alg: filledText,
  id_token_encrypted_response_alg: filledText,
  id_token_encrypted_response_enc: filledText,
  userinfo_signed_response_alg: filledText,
  userinfo_encrypted_response_alg: filledText,
  userinfo_encrypted_response_enc: filledText,
  introspection_signed_response_alg: filledText,
  introspection_encrypted_response_alg: filledText,
  introspection_encrypted_response_enc: filledText,
  authorization_signed_response_alg: filledText,
  authorization_encrypted_response_alg: filledText,
  authorization_encrypted_response_enc: filledText,
  request_object_encryption_alg: filledText,
  request_object_encryption_enc: filledText,
  require_signed_request_object: flag,
  require_pushed_authorization_requests: flag,
  tls_client_auth_subject_dn: filledText,
  tls_client_certificate_bound_access_tokens: flag,
  dpop_bound_access_tokens: flag,
  initiate_login_uri: filledText,
  default_max_age: integer,
  default_acr_values: texts,
  require_auth_time: flag,
  software_id: filledText,
  software_version: filledText,
  jwks: json,
  scope: scopeText(),
  client_secret: plainSecret,
}

const keys: Readonly<Record<string, string>> = { client_secret: 'client_secrets' }

const notNeeded: Readonly<Record<string, string>> = {
  client_id_issued_at: 'it is only a date of the old record',
  client_secret_expires_at: 'the secret of a configured client ends when it is removed',
}

const ciba = 'backchannel authentication is not supported'
const bySubject = 'certificates are identified by tls_client_auth_subject_dn'

const notPossible: Readonly<Record<string, string>> = {
  backchannel_token_delivery_mode: ciba,
  backchannel_client_notification_endpoint: ciba,
  backchannel_authentication_request_signing_alg: ciba,
  backchannel_user_code_parameter: ciba,
  tls_client_auth_san_dns: bySubject,
  tls_client_auth_san_email: bySubject,
  tls_client_auth_san_ip: bySubject,
  tls_client_auth_san_uri: bySubject,
  authorization_details_types: 'authorization_details are not supported',
  response_modes: 'all response modes are available to each client',
  use_mtls_endpoint_aliases: 'it is a setting of the client library',
}

export function readClients(source: Source, draft: Draft, defaults: ClientDefaults): void {
  const clientDefaults = source.member('clientDefaults')
  const requirePkce = readPkce(source.member('pkce'))
  const claimsInIdTokens = source.member('conformIdTokenClaims')
  const allClaims = claimsInIdTokens.exists && claimsInIdTokens.flag() === false
  if (allClaims) claimsInIdTokens.carriedOver(clientsAt('always_include_user_claims_in_id_token'))
  else claimsInIdTokens.notNeeded('it is the default')
  const clients = source.member('clients')
  for (const client of clients.exists ? clients.list() : []) {
    const target = draft.add('clients')
    for (const [name, convert] of Object.entries(metadata)) {
      const own = client.member(name)
      const given = own.exists ? own : clientDefaults.member(name)
      carry(given, target, keys[name] ?? name, convert)
    }
    for (const [name, why] of Object.entries(notNeeded)) client.member(name).notNeeded(why)
    for (const [name, why] of Object.entries(notPossible)) {
      const member = client.member(name)
      if (member.whole() === false) member.notNeeded('it is off')
      else member.notPossible(why)
    }
    applyDefaults(target, defaults)
    if (allClaims) target.set('always_include_user_claims_in_id_token', true)
    readAuthentication(client, target, draft)
    addConsent(client, target)
    if (requirePkce === undefined && target.value.token_endpoint_auth_method !== 'none')
      client.added(
        'oidc-provider requires PKCE only of public clients; remove it if the client uses PKCE',
        setPkce(target),
      )
    addScopes(client, target, draft)
  }
  if (clientDefaults.isObject)
    for (const name of Object.keys(metadata)) {
      const member = clientDefaults.member(name)
      if (clients.exists && clients.isList && clients.list().length > 0) continue
      member.notNeeded('there are no clients')
    }
}

function setPkce(target: Target) {
  target.set('require_pkce', false)
  return target.at('require_pkce')
}

/** A client without its own value gets that of the whole server. */
function applyDefaults(target: Target, defaults: ClientDefaults): void {
  for (const [key, value] of Object.entries(defaults)) {
    // A public client may not reuse refresh tokens.
    const isPublic = target.value.token_endpoint_auth_method === 'none'
    if (key === 'refresh_token_usage' && isPublic) continue
    if (target.value[key] === undefined) target.set(key, value)
  }
}

/** Returns whether PKCE is required; undefined: only of public clients. */
function readPkce(source: Source): boolean | undefined {
  if (!source.exists) return
  const methods = source.member('methods')
  if (methods.isList && methods.list().some(method => method.whole() === 'plain'))
    for (const method of methods.list())
      if (method.whole() === 'plain') method.notPossible('set allow_plain_pkce of the clients that need it')
      else method.notNeeded('S256 is always supported')
  else methods.notNeeded('S256 is always supported')
  const required = source.member('required')
  if (typeof required.whole() !== 'function') return
  required.notPossible('require_pkce of each client decides, and is true by default')
  return true
}

function readAuthentication(client: Source, target: Target, draft: Draft): void {
  const place = target.at('token_endpoint_auth_method')
  if (target.value.token_endpoint_auth_method === undefined) {
    target.set('token_endpoint_auth_method', 'client_secret_basic')
    client.added('it is the default of oidc-provider', place)
  }
  const usesSecret = /^client_secret_(basic|post)$/.test(String(target.value.token_endpoint_auth_method))
  if (!usesSecret || target.value.client_secrets !== undefined) return
  const value = draft.unknownSecret(
    client,
    target.at('client_secrets'),
    'client_secret',
    String(target.value.client_id),
  )
  target.set('client_secrets', [{ value }])
}

/** The default of `interactions.policy`. Which clients `loadExistingGrant` excepts is code. */
function addConsent(client: Source, target: Target): void {
  const grants = (target.value.grant_types ?? ['authorization_code']) as readonly string[]
  if (!grants.some(grant => involvesUser.has(grant))) return
  target.set('require_consent', true)
  client.added(
    'oidc-provider asks for consent, unless loadExistingGrant or the policy skips it; remove it for your own applications',
    target.at('require_consent'),
  )
}

const involvesUser: ReadonlySet<string> = new Set([
  'authorization_code',
  'implicit',
  'urn:ietf:params:oauth:grant-type:device_code',
])

/** Without its own list, a client may request every scope of the server. */
function addScopes(client: Source, target: Target, draft: Draft): void {
  if (target.value.scope === undefined) {
    const all = ['openid', 'offline_access', ...[...namesOf(draft)].map(String)]
    target.set('scope', all)
    client.added('a client without scope could request every scope', target.at('scope'))
  }
}
