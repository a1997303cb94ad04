/** The attributes of a client: texts by name. Several modules read their part of them; this one reads the rest. */

import { carry, choice, filledText, flag, integer } from '../convert.ts'
import type { Target } from '../draft.ts'
import { entries, leaveOut, notNeeded } from '../outcomes.ts'
import type { Source } from '../source.ts'

export function readAttributes(source: Source, attributes: Source, target: Target): void {
  if (!attributes.exists) return
  const put = (name: string, key: string, convert: typeof filledText | typeof integer | typeof flag) =>
    attributes.member(name).whole() === '' || attributes.member(name).whole() === '0'
      ? attributes.member(name).notNeeded('it is empty')
      : carry(attributes.member(name), target, key, convert as typeof filledText)
  for (const [name, key] of Object.entries(texts)) put(name, key, filledText)
  for (const [name, key] of Object.entries(numbers)) put(name, key, integer)
  for (const [name, key] of Object.entries(flags)) carryTrue(attributes.member(name), target, key)
  readLogout(source, attributes, target)
  readAlgorithms(attributes, target)
  for (const [name, why] of Object.entries(notPossible)) leaveOut(attributes.member(name), why)
  notNeeded(attributes, unused, 'it has no effect here')
  const method = target.value.token_endpoint_auth_method
  if (method !== 'private_key_jwt') notNeeded(attributes, ofKeys, 'the client does not sign its requests')
  if (method !== 'tls_client_auth')
    notNeeded(attributes, ofCertificates, 'the client presents no certificate')
  for (const [name, member] of entries(attributes))
    if (name.startsWith('saml')) member.notNeeded('it is for SAML')
}

const texts: Readonly<Record<string, string>> = {
  logoUri: 'logo_uri',
  policyUri: 'policy_uri',
  tosUri: 'tos_uri',
}

const numbers: Readonly<Record<string, string>> = {
  'access.token.lifespan': 'access_token_lifetime',
  'oauth2.device.code.lifespan': 'device_code_lifetime',
  'oauth2.device.polling.interval': 'device_polling_interval',
}

const flags: Readonly<Record<string, string>> = {
  'tls.client.certificate.bound.access.tokens': 'tls_client_certificate_bound_access_tokens',
  'dpop.bound.access.tokens': 'dpop_bound_access_tokens',
  'require.pushed.authorization.requests': 'require_pushed_authorization_requests',
}

function carryTrue(source: Source, target: Target, key: string): void {
  if (source.whole() === 'false' || source.whole() === '') source.notNeeded('it is off')
  else carry(source, target, key, flag)
}

function readLogout(source: Source, attributes: Source, target: Target): void {
  const back = attributes.member('backchannel.logout.url')
  carry(back, target, 'backchannel_logout_uri', filledText)
  const session = attributes.member('backchannel.logout.session.required')
  if (target.value.backchannel_logout_uri === undefined) session.notNeeded('there is no address to notify')
  else carry(session, target, 'backchannel_logout_session_required', flag)
  leaveOut(
    attributes.member('backchannel.logout.revoke.offline.tokens'),
    'sessions.end_revokes decides this for all clients',
  )
  const front = attributes.member('frontchannel.logout.url')
  if (source.member('frontchannelLogout').whole() === true)
    carry(front, target, 'frontchannel_logout_uri', filledText)
  else front.notNeeded('it is not in use')
  const frontSession = attributes.member('frontchannel.logout.session.required')
  if (target.value.frontchannel_logout_uri === undefined)
    frontSession.notNeeded('there is no address to notify')
  else carry(frontSession, target, 'frontchannel_logout_session_required', flag)
}

const signing = choice({ RS256: 'RS256', PS256: 'PS256', ES256: 'ES256', EdDSA: 'EdDSA' } as const)

/** Algorithms whose names are those of the configuration; the configuration refuses others. */
const algorithms: Readonly<Record<string, string>> = {
  'id.token.signed.response.alg': 'id_token_signed_response_alg',
  'user.info.response.signature.alg': 'userinfo_signed_response_alg',
  'id.token.encrypted.response.alg': 'id_token_encrypted_response_alg',
  'id.token.encrypted.response.enc': 'id_token_encrypted_response_enc',
  'user.info.encrypted.response.alg': 'userinfo_encrypted_response_alg',
  'user.info.encrypted.response.enc': 'userinfo_encrypted_response_enc',
  'authorization.signed.response.alg': 'authorization_signed_response_alg',
  'authorization.encrypted.response.alg': 'authorization_encrypted_response_alg',
  'authorization.encrypted.response.enc': 'authorization_encrypted_response_enc',
  'request.object.signature.alg': 'request_object_signing_alg',
  'request.object.encryption.alg': 'request_object_encryption_alg',
  'request.object.encryption.enc': 'request_object_encryption_enc',
  'token.endpoint.auth.signing.alg': 'token_endpoint_auth_signing_alg',
}

function readAlgorithms(attributes: Source, target: Target): void {
  for (const [name, key] of Object.entries(algorithms)) {
    const member = attributes.member(name)
    const value = member.whole()
    if (value === '' || value === 'any' || value === 'unsigned') member.notNeeded('it is the default')
    else if (key.endsWith('signed_response_alg')) carry(member, target, key, signing)
    else carry(member, target, key, filledText)
  }
  const required = attributes.member('request.object.required')
  if (required.whole() === 'request' || required.whole() === 'request or request_uri') {
    target.set('require_signed_request_object', true)
    required.changed('request objects have to be signed', target.at('require_signed_request_object'))
  } else required.notNeeded('request objects are optional by default')
  const uris = attributes.member('request.uris')
  const list = (uris.text() ?? '').split('##').filter(uri => uri !== '' && !uri.includes('*'))
  if (list.length > 0) {
    target.set('request_uris', list)
    uris.changed('each address is an entry', target.at('request_uris'))
  } else leaveOut(uris, 'addresses of request objects are compared exactly')
  const access = attributes.member('access.token.signed.response.alg')
  if (access.whole() === '') access.notNeeded('it is empty')
  else leaveOut(access, 'the API decides: access_token_signing_alg in api_resources')
}

const notPossible: Readonly<Record<string, string>> = {
  'default.acr.values': 'levels are 1, 2 and phr here (docs/guides/mfa.md): use default_acr_values',
  'client.secret.rotated': 'only the current secret is carried over; add the other one to client_secrets',
  'acr.loa.map': 'levels are 1, 2 and phr here (docs/guides/mfa.md)',
  'minimum.acr.value': 'use mfa of the client',
  'access.token.header.type.rfc9068': 'tokens have the type at+jwt by default: access_token_typ of the API',
  'client.use.lightweight.access.token.enabled': 'access tokens contain only the claims of their API scopes',
  'oidc.ciba.grant.enabled': 'CIBA is not supported',
  'client_credentials.use_refresh_token': 'client credentials give no refresh token (RFC 6749 §4.4.3)',
  'client.session.idle.timeout': 'sessions end for all clients at once',
  'client.session.max.lifespan': 'sessions end for all clients at once',
  'client.offline.session.idle.timeout': 'use sliding_refresh_token_lifetime',
  'client.offline.session.max.lifespan': 'use absolute_refresh_token_lifetime',
  'ciba.backchannel.auth.request.signing.alg': 'CIBA is not supported',
  'ciba.backchannel.token.delivery.mode': 'CIBA is not supported',
  login_theme: 'pages have branding and templates instead of themes (docs/guides/pages.md)',
  'consent.screen.text': 'the consent page shows client_name',
  'post.logout.redirect.uris.pattern': 'addresses are compared exactly',
  'jwt.authorization.grant.enabled': 'use the JWT bearer grant and trusted_issuers',
}

const ofKeys = [
  ...['use.jwks.url', 'use.jwks.string', 'jwks.url', 'jwks.string'],
  ...['jwt.credential.certificate', 'jwt.credential.public.key', 'jwt.credential.kid'],
]
const ofCertificates = ['x509.subjectdn', 'x509.allow.regex.pattern.comparison']

const unused = [
  'realm_client',
  'display.on.consent.screen',
  'client.secret.creation.time',
  'client.secret.expiration.time',
  'client.secret.rotated.creation.time',
  'client.secret.rotated.expiration.time',
  'exclude.session.state.from.auth.response',
  'exclude.issuer.from.auth.response',
  'token.response.type.bearer.lower-case',
]
