/** Upstream identity providers as a configuration writes them: OpenID Connect providers and LDAP directories. */

import { assertionAlgorithms } from '../../model/client.ts'
import { reservedClaims } from '../../model/user.ts'
import * as z from '../shape/shapes.ts'
import { directorySchema } from './directory.ts'
import { name, rule, text, webUrl } from './rule.ts'

const claimName = () => z.string().min(1).max(200)

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
  z.string().check(
    rule(value =>
      /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/.test(value)
        ? undefined
        : {
            problem: 'it is not the domain of e-mail addresses',
            expected: 'a domain in lower case, such as corp.example',
            fix: 'write what stands after the @, in lower case',
          },
    ),
  )

/** RFC 7518 §6: a private key that can sign. */
const privateJwk = () =>
  z.record(z.string(), z.unknown()).check(
    rule(key => {
      const signs = (key.kty === 'RSA' || key.kty === 'EC' || key.kty === 'OKP') && typeof key.d === 'string'
      const named = assertionAlgorithms.some(alg => alg === key.alg)
      return signs && named
        ? undefined
        : {
            problem: signs ? 'its alg is missing or not known' : 'it is not a private key',
            expected: 'a private JWK of kty RSA, EC or OKP, with "alg"',
            fix: signs ? 'add "alg", such as "ES256"' : 'give the whole private key',
          }
    }),
  )

const openidShape = {
  issuer: webUrl().optional().describe('oidc: its issuer; contacted when first used.'),
  client_id: z.string().min(1).max(200).optional().describe('oidc: what this server is registered as there.'),
  client_secret: z.string().min(1).max(4096).optional().describe('oidc: its secret there.'),
  client_jwk: privateJwk()
    .optional()
    .describe('oidc: its private key, for private_key_jwt; the public key is registered there.'),
  token_endpoint_auth_method: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
    .optional()
    .describe(
      'oidc: how it authenticates there; omitted: by what is given, a secret by client_secret_basic.',
    ),
  id_token_signed_response_alg: z
    .enum(assertionAlgorithms)
    .optional()
    .describe('oidc: what ID tokens must be signed with; omitted: one of those that its metadata names.'),
  scope: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe('oidc: what is asked for there; omitted: openid profile email.'),
  response_mode: z
    .enum(['query', 'form_post'])
    .default('query')
    .describe('oidc: how the answer comes back: in the address, or posted by the browser.'),
  userinfo: z.boolean().default(false).describe('oidc: also fetches claims from its userinfo endpoint.'),
  trust_amr: z
    .boolean()
    .default(false)
    .describe(
      'oidc: its word on how the user signed in (amr) counts here too, for example as a second factor.',
    ),
  acr_mapping: z
    .record(z.string().min(1).max(200), z.string().min(1).max(200))
    .default({})
    .describe('oidc: its acr values, and what each counts as here; no other is asked for, and none counts.'),
  end_session: z
    .boolean()
    .default(true)
    .describe('oidc: signing out here goes on to sign out there, where it offers that.'),
} as const

export const providerSchema = z
  .strictObject({
    name: name().describe('What acr_values=idp:NAME and identity_provider_restrictions call it.'),
    display_name: text().optional().describe('Its name on the login page.'),
    type: z
      .enum(['oidc', 'ldap'])
      .describe(
        'oidc: an OpenID Connect provider; ldap: a directory. A module may name its own with a credentialAuthority.',
      ),
    tenants: z
      .array(name())
      .default([])
      .describe('Tenants whose users sign in with it; empty: all, and users of none.'),
    domains: z
      .array(domain())
      .default([])
      .describe('E-mail domains whose users sign in with it: the login page asks for the name first then.'),
    linking: z
      .enum(['none', 'verified_email'])
      .default('none')
      .describe(
        'verified_email: its users are the local users of the same verified e-mail address. Only for a provider that verifies addresses: it can sign in as any of them.',
      ),
    claims: z
      .array(claimName())
      .check(rule(ownClaim))
      .optional()
      .describe('oidc: claims that are taken over; omitted: those of OpenID Connect Core 1.0 §5.1.'),
    claim_mapping: z
      .record(claimName(), claimName())
      .check(rule(mapping => ownClaim(Object.keys(mapping))))
      .optional()
      .describe('Our name of a claim → the claim or attribute there.'),
    list_claims: z
      .array(claimName())
      .optional()
      .describe(
        'Our claims that are a list, also with one value. Omitted: for ldap groups, roles, entitlements and claims from memberOf or isMemberOf; for oidc none.',
      ),
    ...openidShape,
    directory: directorySchema.optional(),
  })
  .describe('An identity provider to which sign-in can be handed on.')

export type ProviderDraft = Omit<z.output<typeof providerSchema>, 'type'> & {
  readonly type: string
  readonly credentialAuthority?: unknown
}
