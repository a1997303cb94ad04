/** Upstream identity providers: OpenID Connect providers and LDAP directories. */

import { assertionAlgorithms } from '../../model/client.ts'
import { reservedClaims, type UpstreamProvider } from '../../model/user.ts'
import * as s from '../validation/kinds.ts'
import { directorySchema } from './directory.ts'
import { standardIdentityResources } from './resource.ts'
import { defined, name, text, webUrl } from './values.ts'

const claimName = () => s.string().min(1).max(200)

/** Claims that say what this server says itself would let a provider speak in its name (RFC 7519 §4.1). */
const ownClaim = (names: readonly string[]) => {
  const found = names.find(claim => reservedClaims.has(claim))
  return found === undefined
    ? undefined
    : {
        problem: `"${found}" is this server's own to say`,
        expected: 'claims about the user',
        fix: 'remove it, or give it another name by claim_mapping',
      }
}

const domain = () =>
  s
    .string()
    .refine(value => /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/.test(value), {
      problem: 'it is not the domain of e-mail addresses',
      expected: 'a domain in lower case, such as corp.example',
      fix: 'write what stands after the @, in lower case',
    })

/** A private key that can sign (RFC 7518 §6). */
const privateJwk = () => {
  const expected = 'a private JWK of kty RSA, EC or OKP, with "alg"'
  return s
    .record(s.string(), s.unknown())
    .refine(({ kty, d }) => ['RSA', 'EC', 'OKP'].includes(kty as string) && typeof d === 'string', {
      problem: 'it is not a private key',
      expected,
      fix: 'give the whole private key',
    })
    .refine(({ alg }) => assertionAlgorithms.some(known => known === alg), {
      problem: 'its alg is missing or not known',
      expected,
      fix: 'add "alg", such as "ES256"',
    })
}

const openidFields = {
  issuer: webUrl().optional().describe('oidc: its issuer; contacted when first used.'),
  client_id: s.string().min(1).max(200).optional().describe('oidc: what this server is registered as there.'),
  client_secret: s.string().min(1).max(4096).optional().describe('oidc: its secret there.'),
  client_jwk: privateJwk()
    .optional()
    .describe('oidc: its private key, for private_key_jwt; the public key is registered there.'),
  token_endpoint_auth_method: s
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
    .optional()
    .describe(
      'oidc: how it authenticates there; omitted: by what is given, a secret by client_secret_basic.',
    ),
  id_token_signed_response_alg: s
    .enum(assertionAlgorithms)
    .optional()
    .describe('oidc: what ID tokens must be signed with; omitted: one of those that its metadata names.'),
  scope: s
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe('oidc: what is asked for there; omitted: openid profile email.'),
  response_mode: s
    .enum(['query', 'form_post'])
    .default('query')
    .describe('oidc: how the answer comes back: in the address, or posted by the browser.'),
  userinfo: s.boolean().default(false).describe('oidc: also fetches claims from its userinfo endpoint.'),
  trust_amr: s
    .boolean()
    .default(false)
    .describe(
      'oidc: its word on how the user signed in (amr) counts here too, for example as a second factor.',
    ),
  acr_mapping: s
    .record(s.string().min(1).max(200), s.string().min(1).max(200))
    .default({})
    .describe('oidc: its acr values, and what each counts as here; no other is asked for, and none counts.'),
  end_session: s
    .boolean()
    .default(true)
    .describe('oidc: signing out here goes on to sign out there, where it offers that.'),
} as const

export const providerSchema = s
  .strictObject({
    name: name().describe('What acr_values=idp:NAME and identity_provider_restrictions call it.'),
    display_name: text().optional().describe('Its name on the login page.'),
    type: s
      .enum(['oidc', 'ldap'])
      .describe(
        'oidc: an OpenID Connect provider; ldap: a directory. A module may name its own with a credentialAuthority.',
      ),
    tenants: s
      .array(name())
      .default([])
      .describe('Tenants whose users sign in with it; empty: all, and users of none.'),
    domains: s
      .array(domain())
      .default([])
      .describe('E-mail domains whose users sign in with it: the login page asks for the name first then.'),
    linking: s
      .enum(['none', 'verified_email'])
      .default('none')
      .describe(
        'verified_email: its users are the local users of the same verified e-mail address. Only for a provider that verifies addresses: it can sign in as any of them.',
      ),
    claims: s
      .array(claimName())
      .check(ownClaim)
      .optional()
      .describe('oidc: claims that are taken over; omitted: those of OpenID Connect Core 1.0 §5.1.'),
    claim_mapping: s
      .record(claimName(), claimName())
      .check(mapping => ownClaim(Object.keys(mapping)))
      .optional()
      .describe('Our name of a claim → the claim or attribute there.'),
    list_claims: s
      .array(claimName())
      .optional()
      .describe(
        'Our claims that are a list, also with one value. Omitted: for ldap groups, roles, entitlements and claims from memberOf or isMemberOf; for oidc none.',
      ),
    ...openidFields,
    directory: directorySchema.optional(),
  })
  .describe('An identity provider to which sign-in can be handed on.')

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

/** OpenID Connect Core 1.0 §5.1, without `sub`. */
const standardClaims = standardIdentityResources
  .filter(({ name }) => name !== 'openid')
  .flatMap(({ claims }) => claims)

const sameNames = (claims: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(claims.map(claim => [claim, claim]))
