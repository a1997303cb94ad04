/** `features`: what is always available here, what has a key, and what is not supported. */

import type { Draft } from '../draft.ts'
import type { Source } from '../source.ts'

const always = 'it is always available'
const byClient = 'it is available to clients with the grant or the key'
const onlyIn = (what: string) => `not supported: ${what}`

/** Feature → why it needs nothing, if it is enabled. */
const available: Readonly<Record<string, string>> = {
  devInteractions: 'this server has its own pages',
  backchannelLogout: byClient,
  claimsParameter: always,
  clientCredentials: byClient,
  deviceFlow: byClient,
  dPoP: always,
  encryption: byClient,
  introspection: 'it is available to confidential clients and to APIs with api_secrets',
  jwtIntrospection: always,
  jwtResponseModes: always,
  jwtUserinfo: byClient,
  revocation: always,
  rpInitiatedLogout: always,
  userinfo: always,
  resourceIndicators: 'APIs are in api_resources',
  rpMetadataChoices: 'each client has one value',
}

const unsupported: Readonly<Record<string, string>> = {
  ciba: onlyIn('backchannel authentication'),
  fapi: 'set the keys of docs/guides/fapi-2.md',
  richAuthorizationRequests: onlyIn('use scopes and the claims parameter'),
  webMessageResponseMode: onlyIn('use redirects, or refresh tokens'),
  attestClientAuth: onlyIn('use private_key_jwt'),
  clientIdMetadataDocument: onlyIn('use registration'),
  externalSigningSupport: onlyIn('keys are sealed with the master key'),
  openid4vci: onlyIn('credentials'),
  mTLS: 'set mtls with certificate_header and trusted_proxies, and keys of clients',
  registrationManagement: 'registered clients get a registration_access_token',
}

/** Functions and settings of features, and what replaces them. */
const settings: Readonly<Record<string, string>> = {
  getResourceServerInfo: 'add each API to api_resources, with its scopes',
  requireNonce: 'set dpop.require_nonce',
  allowReplay: 'a proof is used once',
  nonceSecret: 'nonces are made with keys derived from the master key',
  useGrantedResource: 'without resource, tokens are for all APIs of the scope',
  defaultResource: 'without resource, tokens are for all APIs of the scope',
  allowedPolicy: 'a client sees and revokes only its own tokens',
  policies: 'set allowed_scope, allowed_grant_types and template of registration',
  assertClaimsParameter: 'claims that this server does not know are ignored',
  assertJwtClaimsAndHeader: 'set authorization_requests.request_object_max_lifetime',
}

const templates: ReadonlySet<string> = new Set([
  'userCodeInputSource',
  'userCodeConfirmSource',
  'successSource',
  'logoutSource',
  'postLogoutSuccessSource',
])

export function readFeatures(source: Source, draft: Draft): void {
  if (!source.exists) return
  const requests: Record<string, boolean> = {}
  for (const [name, feature] of source.members()) {
    const enabled = feature.member('enabled')
    const isEnabled = enabled.exists ? enabled.flag() : name === 'pushedAuthorizationRequests'
    if (isEnabled === false) feature.notNeeded('it is off')
    else if (name === 'registration') readRegistration(feature, draft)
    else if (name === 'pushedAuthorizationRequests')
      readRequirement(feature, 'requirePushedAuthorizationRequests', 'require_pushed', requests)
    else if (name === 'requestObjects')
      readRequirement(feature, 'requireSignedRequestObject', 'require_signed', requests)
    else if (Object.hasOwn(unsupported, name)) feature.notPossible(unsupported[name]!)
    else if (Object.hasOwn(available, name)) {
      enabled.notNeeded(available[name]!)
      readSettings(feature)
    }
  }
  if (Object.keys(requests).length > 0) draft.server.set('authorization_requests', requests)
}

function readSettings(feature: Source): void {
  for (const [name, setting] of feature.members()) {
    if (Object.hasOwn(settings, name)) setting.notPossible(settings[name]!)
    else if (templates.has(name)) setting.notPossible('write a template for the page')
    else if (name === 'ack') setting.notNeeded('it acknowledges a draft')
  }
}

function readRequirement(
  feature: Source,
  name: string,
  key: string,
  requests: Record<string, boolean>,
): void {
  feature.member('enabled').notNeeded(always)
  const required = feature.member(name)
  if (required.exists && required.flag() === true) {
    requests[key] = true
    required.carriedOver(['authorization_requests', key])
  } else required.notNeeded('it is off')
  feature.member('allowUnregisteredRedirectUris').notNeeded('redirect URIs are registered')
  readSettings(feature)
}

/** Registration is open only if it was. Any other initial access token than a text needs a new one. */
function readRegistration(feature: Source, draft: Draft): void {
  const token = feature.member('initialAccessToken')
  feature.member('enabled').carriedOver(['registration', 'mode'])
  for (const name of ['idFactory', 'secretFactory', 'issueRegistrationAccessToken'])
    feature.member(name).notNeeded('this server generates ids, secrets and tokens')
  readSettings(feature)
  const mode = ['registration', 'mode']
  if (!token.exists || token.whole() === false) {
    token.carriedOver(mode)
    draft.server.set('registration', { mode: 'open' })
  } else if (typeof token.whole() === 'string') {
    token.carriedOver(['registration', 'initial_access_tokens', 0])
    draft.server.set('registration', {
      mode: 'initial_access_token',
      initial_access_tokens: [{ value: token.whole() }],
    })
  } else {
    const tokens = ['registration', 'initial_access_tokens', 0]
    token.changed('tokens of the adapter are not imported: write a new one', tokens)
    const value = draft.unknownSecret(feature, tokens, 'initial_access_token')
    draft.server.set('registration', { mode: 'initial_access_token', initial_access_tokens: [{ value }] })
  }
}
