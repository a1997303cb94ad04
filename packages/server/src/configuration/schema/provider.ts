/** Upstream identity providers: OpenID Connect providers and LDAP directories. */

import { claimNames } from '../../model/claim-rule.ts'
import { signingAlgorithms } from '../../model/client.ts'
import { reservedClaims, type UpstreamProvider } from '../../model/user.ts'
import * as s from '../validation/kinds.ts'
import { directorySchema } from './directory.ts'
import { standardIdentityResources } from './resource.ts'
import { defined, name, text, webUrl } from './values.ts'

const claimName = () => s.string().min(1).max(200)

/** A provider must not set claims that only this server may set, such as `iss` (RFC 7519 §4.1). */
const ownClaim = (names: readonly string[]) => {
  const found = names.find(claim => reservedClaims.has(claim))
  return found === undefined
    ? undefined
    : {
        problem: `only this server may set "${found}"`,
        expected: 'claims about the user',
        fix: 'remove it, or rename it with claim_mapping',
      }
}

const domain = () =>
  s
    .string()
    .refine(value => /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/.test(value), {
      problem: 'it is not an email domain',
      expected: 'a domain in lower case, such as corp.example',
      fix: 'write the part after the @, in lower case',
    })

/** A private key that can sign (RFC 7518 §6). */
const privateJwk = () => {
  const expected = 'a private JWK of kty RSA, EC or OKP, with "alg"'
  return s
    .record(s.string(), s.unknown())
    .refine(({ kty, d }) => ['RSA', 'EC', 'OKP'].includes(kty as string) && typeof d === 'string', {
      problem: 'it is not a private key',
      expected,
      fix: 'write the complete private key',
    })
    .refine(({ alg }) => signingAlgorithms.some(known => known === alg), {
      problem: 'its alg is missing or unknown',
      expected,
      fix: 'add "alg", such as "ES256"',
    })
}

const openidFields = {
  issuer: webUrl().optional().describe('oidc: its issuer; contacted on first use.'),
  client_id: s.string().min(1).max(200).optional().describe("oidc: this server's client id at the provider."),
  client_secret: s
    .secret(s.string().min(1).max(4096))
    .optional()
    .describe("oidc: this server's secret at the provider."),
  client_jwk: s
    .secretJson(privateJwk())
    .optional()
    .describe(
      "oidc: this server's private key for private_key_jwt. Register the public key with the provider.",
    ),
  token_endpoint_auth_method: s
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
    .optional()
    .describe(
      'oidc: authentication at the provider. Omitted: depends on the configured credentials; client_secret_basic for a secret.',
    ),
  id_token_signed_response_alg: s
    .enum(signingAlgorithms)
    .optional()
    .describe(
      "oidc: required signing algorithm of ID tokens. Omitted: one that the provider's metadata lists.",
    ),
  scope: s
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe('oidc: the scopes to request. Omitted: openid profile email.'),
  response_mode: s
    .enum(['query', 'form_post'])
    .default('query')
    .describe('oidc: how the provider returns its response: in the URL, or as a form post.'),
  userinfo: s
    .boolean()
    .default(false)
    .describe("oidc: also read claims from the provider's UserInfo endpoint."),
  trust_amr: s
    .boolean()
    .default(false)
    .describe("oidc: accept the provider's amr, for example as a second factor."),
  acr_mapping: s
    .record(s.string().min(1).max(200), s.string().min(1).max(200))
    .default({})
    .describe(
      "oidc: maps the provider's acr values to values of this server. Other values are neither requested nor accepted.",
    ),
  end_session: s
    .boolean()
    .default(true)
    .describe('oidc: signing out here also signs the user out at the provider, if it supports that.'),
} as const

export const providerSchema = s
  .strictObject({
    name: name().describe('The name in acr_values=idp:NAME and identity_provider_restrictions.'),
    display_name: text().optional().describe('Name on the login page.'),
    type: s
      .enum(['oidc', 'ldap'])
      .describe(
        'oidc: an OpenID Connect provider; ldap: a directory. A module can define other types with a credentialAuthority.',
      ),
    tenants: s
      .array(name())
      .default([])
      .describe('Tenants that use the provider; empty: all tenants, and users without a tenant.'),
    domains: s
      .array(domain())
      .default([])
      .describe('Email domains of its users. The login page then asks for the user name first.'),
    linking: s
      .enum(['none', 'verified_email'])
      .default('none')
      .describe(
        'verified_email: its users are the local users with the same verified email address. Only for a provider that verifies addresses: it can sign in as any of them.',
      ),
    claims: s
      .array(claimName())
      .check(ownClaim)
      .optional()
      .describe('oidc: claims to copy. Omitted: those of OpenID Connect Core 1.0 §5.1.'),
    claim_mapping: s
      .record(claimName(), claimName())
      .check(mapping => ownClaim(Object.keys(mapping)))
      .optional()
      .describe('Maps our claim names to claims or attributes of the provider.'),
    list_claims: s
      .array(claimName())
      .optional()
      .describe(
        'Our claims that are lists even with one value. Omitted, for ldap: groups, roles, entitlements, and claims from memberOf or isMemberOf; for oidc: none.',
      ),
    ...openidFields,
    directory: directorySchema.optional(),
  })
  .describe('An identity provider where users can sign in.')

export type ProviderDraft = Omit<s.output<typeof providerSchema>, 'type'> & {
  readonly type: string
  readonly credentialAuthority?: unknown
}

export function upstreamOf(draft: ProviderDraft): UpstreamProvider | undefined {
  const { issuer, client_id } = draft
  if (issuer === undefined || client_id === undefined) return undefined
  return defined({
    issuer,
    client_id,
    client_secret: draft.client_secret,
    client_jwk: draft.client_jwk,
    token_endpoint_auth_method: draft.token_endpoint_auth_method,
    id_token_signed_response_alg: draft.id_token_signed_response_alg,
    scope: draft.scope ?? 'openid profile email',
    response_mode: draft.response_mode,
    userinfo: draft.userinfo,
    trust_amr: draft.trust_amr,
    acr_mapping: draft.acr_mapping,
    end_session: draft.end_session,
    claims: { ...sameNames(draft.claims ?? standardClaims), ...draft.claim_mapping },
    list_claims: new Set(draft.list_claims),
  })
}

/** The claims of OpenID Connect Core 1.0 §5.1, without `sub`. */
const standardClaims = standardIdentityResources
  .filter(({ name }) => name !== 'openid')
  .flatMap(({ claims }) => claimNames(claims))

const sameNames = (claims: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(claims.map(claim => [claim, claim]))
