/** Rules for clients: settings that are unsafe or can't work (RFC 6749 §2, RFC 7591 §2, RFC 9700 §2). */

import { isAdminScope } from '../../model/admin-api.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { type Draft, diagnosticAt } from '../draft.ts'
import { clientProfileErrors } from '../profiles/findings.ts'
import type { ClientDraft } from '../schema/client.ts'
import { has, hasKeys, metadataRules, type Rule, redirectWarnings, rule } from './client-metadata.ts'

const publicRules: readonly Rule[] = [
  rule('client_secrets', ({ value }) => value.client_secrets.length > 0, {
    problem: 'a public client (token_endpoint_auth_method "none") has secrets',
    expected: 'no secrets, or a method that uses them',
    fix: 'remove client_secrets, or remove token_endpoint_auth_method',
  }),
  rule('require_pkce', ({ value }) => !value.require_pkce, {
    problem: 'a public client does not require PKCE',
    expected: 'true (RFC 9700 §2.1.1)',
    fix: 'remove "require_pkce": false',
  }),
  rule('allow_plain_pkce', ({ value }) => value.allow_plain_pkce, {
    problem: 'a public client may use plain PKCE',
    expected: 'false (RFC 9700 §2.1.1)',
    fix: 'remove "allow_plain_pkce": true; clients use S256',
  }),
  rule('grant_types', client => has(client, 'client_credentials'), {
    problem: 'a public client has the client_credentials grant',
    expected: 'a confidential client (RFC 6749 §4.4)',
    fix: 'remove "client_credentials", or give it client_secrets and remove token_endpoint_auth_method',
  }),
  rule('refresh_token_usage', ({ value }) => value.refresh_token_usage === 'reuse', {
    problem: 'a public client may reuse refresh tokens',
    expected: '"one_time" (RFC 9700 §4.14.2)',
    fix: 'remove "refresh_token_usage": "reuse"',
  }),
]

const needsSecret = rule(
  'client_secrets',
  ({ value }) => value.client_secrets.length === 0,
  ({ token_endpoint_auth_method: method }) => ({
    problem: `token_endpoint_auth_method "${method}" needs a secret and there is none`,
    expected: 'at least one secret',
    fix: 'add "client_secrets": [{ "value": "…" }], or write "token_endpoint_auth_method": "none" for a public client',
  }),
)

const needsJwks = rule(
  'jwks',
  client => !hasKeys(client) && !client.invalid.has('jwks_uri'),
  ({ token_endpoint_auth_method: method }) => ({
    problem: `token_endpoint_auth_method "${method}" needs the client's keys and there are none`,
    expected: 'a JWK Set (RFC 7517 §5), or its address',
    fix: 'add "jwks": { "keys": [ … ] } with its public keys, or "jwks_uri"',
  }),
)

const needsJwksOrWorkload: Rule = (client, ...context) =>
  client.value.workload_identities.length > 0 || client.invalid.has('workload_identities')
    ? []
    : needsJwks(client, ...context)

const oneKeySource: Rule = client =>
  client.value.workload_identities.flatMap(({ jwks, jwks_uri }, index) =>
    jwks === undefined || jwks_uri === undefined
      ? []
      : diagnosticAt(
          client,
          'workload_identities',
          {
            problem: 'it has both jwks and jwks_uri',
            expected: 'one of jwks and jwks_uri, or neither',
            fix: 'remove jwks, or remove jwks_uri',
          },
          index,
        ),
  )

const workloads = rule(
  'workload_identities',
  ({ value }) =>
    value.workload_identities.length > 0 && value.token_endpoint_auth_method !== 'private_key_jwt',
  {
    problem: 'its tokens authenticate the client only with token_endpoint_auth_method "private_key_jwt"',
    expected: 'that method',
    fix: 'add "token_endpoint_auth_method": "private_key_jwt"',
  },
)

const addMtls = {
  expected: '"mtls" at the top of the configuration (RFC 8705)',
  fix: 'add "mtls": { "certificate_header": "…", "trusted_proxies": ["…"] }',
}

const needsMtls = rule(
  'token_endpoint_auth_method',
  (_, draft) => !draft.mtls,
  ({ token_endpoint_auth_method: method }) => ({
    problem: `"${method}" needs client certificates and mtls is not configured`,
    ...addMtls,
  }),
)

const needsSubject = rule(
  'tls_client_auth_subject_dn',
  ({ value }) => value.tls_client_auth_subject_dn === undefined,
  {
    problem: 'token_endpoint_auth_method "tls_client_auth" needs the subject of the certificate',
    expected: 'a distinguished name (RFC 8705 §2.1.2)',
    fix: 'add "tls_client_auth_subject_dn": "CN=…"',
  },
)

const needsCertificates = rule(
  'jwks',
  ({ value: { jwks } }) =>
    jwks?.keys.some(key => Array.isArray(key.x5c) || typeof key['x5t#S256'] === 'string') === false,
  {
    problem: 'none of its keys has a certificate',
    expected: 'keys with "x5c" or "x5t#S256" (RFC 8705 §2.2.2)',
    fix: 'add "x5c" with the certificate to the key, or "x5t#S256" with its SHA-256',
  },
)

/** The credentials that each method needs. */
const credentialRules: Readonly<
  Record<NonNullable<ClientDraft['token_endpoint_auth_method']>, readonly Rule[]>
> = {
  none: publicRules,
  client_secret_basic: [needsSecret],
  client_secret_post: [needsSecret],
  private_key_jwt: [needsJwksOrWorkload],
  tls_client_auth: [needsSubject, needsMtls],
  self_signed_tls_client_auth: [needsJwks, needsCertificates, needsMtls],
}

const credentials: Rule = (client, draft, now) => {
  const method = client.value.token_endpoint_auth_method
  if (method !== undefined) return credentialRules[method].flatMap(one => one(client, draft, now))
  if (client.value.client_secrets.length > 0 || client.invalid.has('client_secrets')) return []
  const other = hasKeys(client)
    ? 'private_key_jwt'
    : client.value.tls_client_auth_subject_dn !== undefined
      ? 'tls_client_auth'
      : undefined
  return diagnosticAt(client, 'token_endpoint_auth_method', {
    problem: 'it is omitted and the client has no secrets',
    expected: '"none" for a public client, or client_secrets for a confidential one',
    fix: other
      ? `add "token_endpoint_auth_method": "${other}"`
      : 'add "token_endpoint_auth_method": "none" (a client without a secret), or "client_secrets": [{ "value": "…" }]',
  })
}

/** Front-Channel Logout 1.0 §2: scheme, host and port must be those of a redirect URI. */
const frontChannelOrigin: Rule = client => {
  const { frontchannel_logout_uri: uri, redirect_uris } = client.value
  if (uri === undefined || client.invalid.has('redirect_uris')) return []
  const originOf = (text: string): string => new URL(text).origin
  return redirect_uris.some(redirect => originOf(redirect) === originOf(uri))
    ? []
    : diagnosticAt(client, 'frontchannel_logout_uri', {
        problem: 'its origin is not the origin of any of redirect_uris',
        expected: 'scheme, host and port of a redirect URI (OpenID Connect Front-Channel Logout 1.0 §2)',
        fix: 'use a URI with the origin of one of redirect_uris, or use backchannel_logout_uri',
      })
}

/** RFC 7591 §2.1: `code` requires authorization_code; `token` and `id_token` require implicit. */
const responseTypes: Rule = client => {
  const types = client.value.response_types
  if (types === undefined || client.invalid.has('grant_types')) return []
  const needs = (part: string) => (part === 'code' ? 'authorization_code' : 'implicit')
  const unmatched = types.flatMap((type, index) => {
    const missing = [...new Set(type.split(' ').map(needs))].filter(grant => !has(client, grant))
    return missing.length === 0
      ? []
      : diagnosticAt(
          client,
          'response_types',
          {
            problem: `"${type}" needs ${missing.map(grant => `"${grant}"`).join(' and ')} in grant_types`,
            expected: 'response types that the grants can serve (RFC 7591 §2.1)',
            fix: `add ${missing.map(grant => `"${grant}"`).join(' and ')} to grant_types, or remove "${type}"`,
          },
          index,
        )
  })
  const unserved = (['authorization_code', 'implicit'] as const).flatMap(grant =>
    !has(client, grant) || types.some(type => type.split(' ').some(part => needs(part) === grant))
      ? []
      : diagnosticAt(client, 'response_types', {
          problem: `none of them uses the ${grant} grant`,
          expected: `a response type for each of grant_types (RFC 7591 §2.1)`,
          fix: `add "${grant === 'implicit' ? 'id_token' : 'code'}", or remove "${grant}" from grant_types`,
        }),
  )
  return [...unmatched, ...unserved]
}

const returnsTokens = ({ response_types = [] }: ClientDraft): boolean =>
  response_types.some(type => type.split(' ').includes('token'))

const unbindable = {
  problem: "a response type returns access tokens from the authorization endpoint, which can't be bound",
  expected: 'response types without "token"',
  fix: 'remove response types with "token"',
}

const rules: readonly Rule[] = [
  // RFC 8705 §3: binding needs a certificate, which the authorization endpoint does not get.
  rule(
    'tls_client_certificate_bound_access_tokens',
    ({ value }, draft) => value.tls_client_certificate_bound_access_tokens && !draft.mtls,
    { problem: 'it needs client certificates and mtls is not configured', ...addMtls },
  ),
  rule(
    'tls_client_certificate_bound_access_tokens',
    ({ value }, draft) =>
      value.tls_client_certificate_bound_access_tokens && draft.mtls && returnsTokens(value),
    unbindable,
  ),
  rule('dpop_bound_access_tokens', ({ value }, draft) => value.dpop_bound_access_tokens && !draft.dpop, {
    problem: 'it needs DPoP, which is disabled',
    expected: '"dpop": { "enabled": true } (RFC 9449 §5.2)',
    fix: 'remove "enabled": false from "dpop", or remove dpop_bound_access_tokens',
  }),
  rule(
    'dpop_bound_access_tokens',
    ({ value }, draft) =>
      value.dpop_bound_access_tokens && value.tls_client_certificate_bound_access_tokens && draft.mtls,
    {
      problem: 'tokens are bound to a certificate already',
      expected: 'one of dpop_bound_access_tokens and tls_client_certificate_bound_access_tokens',
      fix: 'remove one of them',
    },
  ),
  rule(
    'dpop_bound_access_tokens',
    ({ value }, draft) => value.dpop_bound_access_tokens && draft.dpop && returnsTokens(value),
    unbindable,
  ),
  credentials,
  workloads,
  oneKeySource,
  rule(
    'redirect_uris',
    client =>
      (has(client, 'authorization_code') || has(client, 'implicit')) &&
      client.value.redirect_uris.length === 0,
    {
      problem: 'the client has a grant of the authorization endpoint but no redirect URI for codes or tokens',
      expected: 'at least one redirect URI',
      fix: 'add "redirect_uris": ["https://…"], or remove "authorization_code" and "implicit" from grant_types',
    },
  ),
  frontChannelOrigin,
  responseTypes,
  rule(
    'absolute_refresh_token_lifetime',
    ({ value }) =>
      value.absolute_refresh_token_lifetime === 0 && value.refresh_token_expiration === 'absolute',
    {
      problem: 'it is 0 and the expiration is absolute',
      expected: 'at least 1; 0 only with "refresh_token_expiration": "sliding"',
      fix: 'write a number of seconds, or make the expiration sliding',
    },
  ),
  ...metadataRules,
]

export const clientErrors = (draft: Draft): readonly Diagnostic[] => [
  ...diagnose(draft, rules, 0),
  ...clientProfileErrors(draft),
]

const diagnose = (draft: Draft, checked: readonly Rule[], now: number): readonly Diagnostic[] =>
  draft.clients.flatMap(client => checked.flatMap(one => one(client, draft, now)))

const usesSecrets = ({ token_endpoint_auth_method: method }: ClientDraft): boolean =>
  method === undefined || method === 'client_secret_basic' || method === 'client_secret_post'

const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

const grantsWithoutUsers: ReadonlySet<string> = new Set(['client_credentials', 'refresh_token'])

/** A client that acts for itself gets neither claims of a user nor a refresh token (RFC 6749 §4.4.3). */
const unusableScopes: Rule = (client, { names }) => {
  const { grant_types, scope = '' } = client.value
  if (grant_types.length === 0 || !grant_types.every(grant => grantsWithoutUsers.has(grant))) return []
  const unusable = scope
    .split(' ')
    .filter(name => name !== '' && !names.api_scopes.has(name) && !isAdminScope(name))
  if (unusable.length === 0) return []
  return diagnosticAt(client, 'scope', {
    problem: `without a grant for users, it can never have ${unusable.map(name => `"${name}"`).join(', ')}`,
    expected: 'API scopes only, for a client that acts for itself',
    fix: 'remove the others, or add a grant for users such as "authorization_code" to grant_types',
  })
}

/** Settings that are allowed but probably unintended. */
const warnings: readonly Rule[] = [
  ...redirectWarnings,
  rule(
    'client_secrets',
    ({ value: { client_secrets: secrets } }, _, now) =>
      secrets.length > 0 &&
      secrets.every(({ expires_at: end }) => end !== undefined && Date.parse(end) / 1000 <= now),
    {
      problem: 'all its secrets have expired',
      expected: 'a secret that has not expired',
      fix: 'add a new one',
    },
  ),
  rule(
    'client_secrets',
    ({ value }) =>
      value.token_endpoint_auth_method !== 'none' && !usesSecrets(value) && value.client_secrets.length > 0,
    ({ token_endpoint_auth_method: method }) => ({
      problem: `token_endpoint_auth_method "${method}" never uses them`,
      expected: 'no secrets',
      fix: 'remove client_secrets',
    }),
  ),
  unusableScopes,
  rule('response_types', client => has(client, 'implicit') && client.value.response_types === undefined, {
    problem: 'it is omitted, so the implicit grant has no response type',
    expected: '"id_token" or "id_token token"',
    fix: 'add "response_types": ["id_token"], or remove "implicit" from grant_types',
  }),
  rule(
    'grant_types',
    (client, draft) =>
      has(client, jwtBearer) && !draft.trustedIssuers && !draft.moduleGrants.includes(jwtBearer),
    {
      problem: 'the client has the JWT bearer grant, but no issuer of assertions is trusted',
      expected: '"trusted_issuers" at the top of the configuration',
      fix: 'add "trusted_issuers": [{ "issuer": "…", "jwks": { … } }]',
    },
  ),
]

export const clientWarnings = (draft: Draft, now: number): readonly Diagnostic[] =>
  diagnose(draft, warnings, now)
