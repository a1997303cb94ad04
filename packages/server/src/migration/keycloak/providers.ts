/** Identity providers of a realm: those that speak OpenID Connect. */

import { carry, filledText } from '../convert.ts'
import type { Draft, Target } from '../draft.ts'
import { elements, isMasked, leaveOut, leaveOutAll, notNeeded } from '../outcomes.ts'
import { membersOf, own, textOf } from '../raw.ts'
import type { Source } from '../source.ts'

/** The issuer of each provider by alias, for links of users. */
export type Issuers = ReadonlyMap<string, string>

/** Issuers of providers that Keycloak knows by name; undefined: it depends on the configuration. */
const issuers: Readonly<Record<string, string | undefined>> = {
  oidc: undefined,
  'keycloak-oidc': undefined,
  google: 'https://accounts.google.com',
  gitlab: 'https://gitlab.com',
  'linkedin-openid-connect': 'https://www.linkedin.com/oauth',
  microsoft: undefined,
}

export function readProviders(roots: readonly Source[], draft: Draft): Issuers {
  const found = new Map<string, { readonly target: Target; readonly issuer: string }>()
  const listed = (name: string) =>
    roots.flatMap(root => {
      const list = root.member(name)
      return elements(list)
    })
  for (const source of listed('identityProviders')) {
    const read = readProvider(source, draft)
    if (read) found.set(read.alias, read)
  }
  for (const source of listed('identityProviderMappers')) readMapper(source, found)
  return new Map([...found].map(([alias, { issuer }]) => [alias, issuer]))
}

function readProvider(
  source: Source,
  draft: Draft,
): { readonly alias: string; readonly target: Target; readonly issuer: string } | undefined {
  const kind = textOf(source.member('providerId').whole()) ?? ''
  const config = membersOf(source.member('config').whole())
  const alias = textOf(source.member('alias').whole())
  const issuer = issuerOf(kind, config)
  const problem = problemOf(source, kind, config, issuer)
  if (problem !== undefined || issuer === undefined || alias === undefined) {
    source.notPossible(problem ?? 'it has no alias')
    return undefined
  }
  const target = draft.add('identity_providers')
  carry(source.member('alias'), target, 'name', filledText)
  carry(source.member('displayName'), target, 'display_name', filledText)
  target.set('type', 'oidc')
  source.member('providerId').carriedOver(target.at('type'))
  source.member('enabled').notNeeded('providers in the configuration are enabled')
  readConfig(source.member('config'), target, draft, issuer)
  leaveOut(
    source.member('trustEmail'),
    'users with the same address are not linked: see linking, which lets the provider sign in as any of them',
  )
  leaveOutAll(source, {
    storeToken: 'tokens of providers are not stored for clients',
    addReadTokenRoleOnCreate: 'tokens of providers are not stored for clients',
    authenticateByDefault: 'clients send acr_values=idp:NAME, or have identity_provider_restrictions',
    linkOnly: 'a provider that can be linked can also be used for sign-in',
    hideOnLogin: 'use identity_provider_restrictions of clients',
    postBrokerLoginFlowAlias: 'there are no sign-in flows; use hooks (docs/guides/hooks.md)',
    organizationId: 'there are no organizations; see tenants',
  })
  notNeeded(
    source,
    ['internalId', 'firstBrokerLoginFlowAlias', 'updateProfileFirstLoginMode', 'types'],
    'it has no effect here',
  )
  return { alias, target, issuer }
}

function problemOf(
  source: Source,
  kind: string,
  config: Readonly<Record<string, unknown>>,
  issuer: string | undefined,
): string | undefined {
  if (source.member('enabled').whole() === false)
    return 'it is disabled, and providers can only be removed here'
  if (!Object.hasOwn(issuers, kind)) return 'it is not an OpenID Connect provider'
  if (own(config, 'hostedDomain'))
    return 'its users can’t be limited to a hosted domain; use the hook federation.subject'
  if (issuer === undefined) return 'the file does not contain its issuer'
  return undefined
}

function issuerOf(kind: string, config: Readonly<Record<string, unknown>>): string | undefined {
  const known = Object.hasOwn(issuers, kind) ? issuers[kind] : undefined
  if (known !== undefined) return known
  const tenant = textOf(own(config, 'tenantId'))
  if (kind === 'microsoft')
    return tenant && /^[0-9a-f-]{36}$/i.test(tenant)
      ? `https://login.microsoftonline.com/${tenant}/v2.0`
      : undefined
  const issuer = textOf(own(config, 'issuer'))
  if (issuer) return issuer
  // A realm's endpoints are below its issuer.
  return /^(https?:\/\/.+\/realms\/[^/]+)\/protocol\/openid-connect\/auth$/.exec(
    textOf(own(config, 'authorizationUrl')) ?? '',
  )?.[1]
}

function readConfig(config: Source, target: Target, draft: Draft, issuer: string): void {
  target.set('issuer', issuer)
  const given = config.member('issuer')
  if (given.exists) given.carriedOver(target.at('issuer'))
  else
    config.added('the issuer follows from the kind of provider, or from its addresses', target.at('issuer'))
  carry(config.member('clientId'), target, 'client_id', filledText)
  const method = textOf(config.member('clientAuthMethod').whole())
  const secret = config.member('clientSecret')
  if (method !== undefined && methods.has(method)) {
    target.set('token_endpoint_auth_method', method)
    config.member('clientAuthMethod').carriedOver(target.at('token_endpoint_auth_method'))
  } else
    leaveOut(
      config.member('clientAuthMethod'),
      'use client_secret_basic, client_secret_post or private_key_jwt',
    )
  if (secret.exists && !isMasked(secret.whole())) carry(secret, target, 'client_secret', filledText)
  else {
    secret.notNeeded('the file does not contain the secret')
    const words = ['keycloak', 'provider', String(target.value.name ?? '')]
    target.set('client_secret', draft.unknownSecret(config, target.at('client_secret'), ...words))
  }
  readScope(config.member('defaultScope'), target)
  notNeeded(config, fromMetadata, "the provider's metadata contains it, or it is always so")
  leaveOutAll(config, {
    loginHint: 'the user name is not passed on',
    uiLocales: 'the language is not passed on',
    prompt: 'prompt follows from the request of the client',
    forwardParameters: 'parameters are not passed on; acr_mapping passes acr_values on',
    acceptsPromptNoneForwardFromClient: 'prompt=none is not passed on',
    filteredByClaim: 'use the hook federation.subject',
    claimFilterName: 'use the hook federation.subject',
    claimFilterValue: 'use the hook federation.subject',
    guiOrder: 'the order is that of the file',
    disableNonce: 'the nonce is required',
    isAccessTokenJWT: 'access tokens of providers are not read',
    caseSensitiveOriginalUsername: 'user names are compared without case',
  })
  const userinfo = config.member('disableUserInfo')
  if (userinfo.whole() === 'true') userinfo.notNeeded('UserInfo is only read with "userinfo"')
  else {
    target.set('userinfo', true)
    userinfo.changed('claims are also read from UserInfo', target.at('userinfo'))
  }
}

const methods: ReadonlySet<string> = new Set(['client_secret_basic', 'client_secret_post'])

const fromMetadata = [
  ...[
    'authorizationUrl',
    'tokenUrl',
    'userInfoUrl',
    'jwksUrl',
    'logoutUrl',
    'useJwksUrl',
    'validateSignature',
  ],
  ...['metadataDescriptorUrl', 'introspectionUrl', 'tokenIntrospectionUrl', 'pkceEnabled', 'pkceMethod'],
  ...['backchannelSupported', 'syncMode', 'allowedClockSkew', 'publicKeySignatureVerifier', 'tenantId'],
  ...['publicKeySignatureVerifierKeyId', 'sendIdTokenOnLogout', 'sendClientIdOnLogout'],
]

function readScope(source: Source, target: Target): void {
  const names = (source.text() ?? '').split(' ').filter(name => name !== '')
  if (names.length === 0) {
    source.notNeeded('the default is openid profile email')
    return
  }
  target.set('scope', [...new Set(['openid', ...names])].join(' '))
  if (names.includes('openid')) source.carriedOver(target.at('scope'))
  else source.changed('openid is added', target.at('scope'))
}

/** Mappers that copy a claim of the provider to an attribute of the user. */
function readMapper(source: Source, providers: ReadonlyMap<string, { readonly target: Target }>): void {
  const provider = providers.get(textOf(source.member('identityProviderAlias').whole()) ?? '')
  if (!provider) {
    source.notNeeded('its provider is not carried over')
    return
  }
  const kind = source.member('identityProviderMapper').whole()
  const config = source.member('config')
  const values = membersOf(config.whole())
  const [claim, attribute] = ['claim', 'user.attribute'].map(name => textOf(own(values, name)))
  if (kind !== 'oidc-user-attribute-idp-mapper' || !claim || !attribute || claim.includes('.')) {
    source.notPossible(
      'only claims are copied, with claim_mapping; for anything else use the hooks of federation',
    )
    return
  }
  const before = membersOf(provider.target.value.claim_mapping)
  provider.target.set('claim_mapping', { ...before, [attribute]: claim })
  const place = provider.target.at('claim_mapping', attribute)
  source.member('identityProviderMapper').carriedOver(place)
  for (const name of ['claim', 'user.attribute']) config.member(name).carriedOver(place)
  config.member('syncMode').notNeeded('claims are read at each sign-in')
  notNeeded(source, ['id', 'name', 'identityProviderAlias'], 'it only describes the mapper')
}
