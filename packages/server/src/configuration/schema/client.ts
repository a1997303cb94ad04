/** Clients. Keys have the names of RFC 7591 §2, or else IdentityServer's in snake_case. */

import { clientAuthenticationMethods } from '@tessera/protocol/client-authentication'
import { maxClientIdUrlLength } from '@tessera/protocol/client-id-url'
import { redirectUriProblem } from '@tessera/protocol/redirect-uri'
import { responseTypes } from '@tessera/protocol/response-type'
import { isScopeToken } from '@tessera/protocol/scope'
import { type Client, type SigningAlgorithm, signingAlgorithms } from '../../model/client.ts'
import { isTagged, languageOf, localizedOf, mostTranslations } from '../../model/client-languages.ts'
import { parseColor } from '../../model/color.ts'
import { hasNoRow } from '../../model/sealed-client.ts'
import { securityProfiles } from '../../model/security-profile.ts'
import { algorithmOr, preferredAlgorithms } from '../../model/signature-algorithm.ts'
import * as s from '../validation/kinds.ts'
import { accentColor } from './branding.ts'
import { claimRules, ruleOf } from './claim-rule.ts'
import {
  clientAssertionsFields,
  describingFields,
  keysFields,
  requestFields,
  responseFields,
  signInFields,
} from './client-metadata.ts'
import { secretOf, secretSchema } from './credentials.ts'
import { mfaOverrideSchema } from './sign-in.ts'
import {
  day,
  defined,
  exactWebUri,
  hour,
  minute,
  name,
  seconds,
  text,
  unknownScopes,
  year,
} from './values.ts'
import { workloadIdentity } from './workload-identity.ts'

const redirectUri = () =>
  s
    .string()
    .max(2000)
    .check(uri => {
      const problem = redirectUriProblem(uri)
      return problem === undefined
        ? undefined
        : {
            problem,
            expected:
              'an https URI, http on a loopback host, or the scheme of an application, without fragment',
            fix: 'write the exact URI that the client sends, such as https://app.example/callback',
          }
    })

/** A URI without a fragment (Front-Channel Logout 1.0 §2, Back-Channel Logout 1.0 §2.2). */
const logoutUri = () => exactWebUri('write the exact URI, such as https://app.example/logout')

const origin = () =>
  s.string().check(value => {
    const origin = URL.parse(value)?.origin ?? 'null'
    if (origin !== 'null' && origin === value) return undefined
    return {
      problem: 'it is not an origin',
      expected: 'scheme, host and port only, such as https://app.example (RFC 6454 §7)',
      fix: origin === 'null' ? 'write an origin; wildcards are not supported' : `write "${origin}"`,
    }
  })

/** A client without texts in other languages. */
export const plainClientSchema = s.strictObject({
  client_id: s
    .string()
    .min(1)
    .max(maxClientIdUrlLength)
    .regex(/^[\x20-\x7E]*$/, 'printable ASCII')
    .check(id =>
      id.length <= 100 || hasNoRow(id)
        ? undefined
        : {
            problem: 'it is longer than 100 characters',
            expected: 'at most 100, or a URL',
            fix: 'shorten it',
          },
    )
    .describe(
      "The client's id: printable ASCII (RFC 6749 appendix A.1), at most 100 characters, or an https URL of at most 1024. It may also be a sealed id, to disable that client.",
    ),
  ...describingFields,
  enabled: s.boolean().default(true).describe('false: every request of the client is refused.'),
  client_secrets: s
    .array(secretSchema)
    .default([])
    .describe('Secrets. Any of them authenticates the client, so they can be rotated.'),
  security_profile: s
    .enum(securityProfiles)
    .optional()
    .describe(
      'Requirements for this client, if they are stricter than those of its server: OAuth 2.1, or FAPI 2.0.',
    ),
  token_endpoint_auth_method: s
    .enum(clientAuthenticationMethods)
    .optional()
    .describe(
      'Authentication method. none: public client. Omitted: client_secret_basic and client_secret_post are both accepted.',
    ),
  token_endpoint_auth_signing_alg: s
    .enum(signingAlgorithms)
    .optional()
    .describe('Algorithm of client assertions (private_key_jwt). Omitted: any supported one.'),
  ...clientAssertionsFields,
  ...keysFields,
  ...requestFields,
  ...responseFields,
  workload_identities: s
    .array(workloadIdentity())
    .max(10)
    .default([])
    .describe(
      'Tokens of other issuers that authenticate the client with private_key_jwt: of Kubernetes or GitHub Actions, for example.',
    ),
  tls_client_auth_subject_dn: text()
    .optional()
    .describe('Subject of the client certificate (RFC 8705 §2.1.2, RFC 4514 form).'),
  tls_client_certificate_bound_access_tokens: s
    .boolean()
    .default(false)
    .describe(
      'Access tokens are bound to the certificate of the connection, with any authentication method (RFC 8705 §3.4).',
    ),
  dpop_bound_access_tokens: s
    .boolean()
    .default(false)
    .describe(
      'Token requests must have a DPoP proof, to whose key access tokens are bound (RFC 9449 §5.2). Others may have one.',
    ),
  grant_types: s
    .array(s.string().min(1).max(200))
    .default(['authorization_code'])
    .describe('Grants that the client may use (RFC 7591 §2).'),
  response_types: s
    .array(s.enum(responseTypes))
    .optional()
    .describe(
      'Response types that the client may request. Omitted: ["code"] with the authorization_code grant, else none.',
    ),
  redirect_uris: s
    .array(redirectUri())
    .default([])
    .describe('Redirect URIs, compared byte for byte except for the port of loopback hosts.'),
  post_logout_redirect_uris: s
    .array(redirectUri())
    .default([])
    .describe('Redirect URIs after a sign-out, compared in the same way.'),
  frontchannel_logout_uri: logoutUri()
    .optional()
    .describe('Loaded in a hidden frame when a session ends. Must have the origin of one of redirect_uris.'),
  frontchannel_logout_session_required: s
    .boolean()
    .default(false)
    .describe('The client needs iss and sid there; they are always sent.'),
  backchannel_logout_uri: logoutUri()
    .optional()
    .describe('Receives a logout token by POST when a session ends.'),
  backchannel_logout_session_required: s
    .boolean()
    .default(false)
    .describe('The client needs sid in the logout token; it is always included.'),
  scope: s
    .string()
    .refine(value => value.split(' ').every(part => part === '' || isScopeToken(part)), {
      problem: 'it contains a character that is not allowed in a scope',
      expected: 'scope names separated by spaces (RFC 6749 §3.3)',
      fix: 'separate names with single spaces, without quotes, tabs or line breaks',
    })
    .default('')
    .describe('Scopes that the client may request, separated by spaces.'),
  unknown_scopes: unknownScopes()
    .optional()
    .describe("Overrides the server's setting of the same name for this client."),
  require_pkce: s.boolean().default(true).describe('A code requires a code_challenge (RFC 7636).'),
  allow_plain_pkce: s.boolean().default(false).describe('Also accept code_challenge_method plain.'),
  access_token_type: s
    .enum(['jwt', 'reference'])
    .default('jwt')
    .describe('jwt, or reference: an opaque token for introspection.'),
  access_token_lifetime: seconds(1, year).default(3600).describe('Seconds.'),
  identity_token_lifetime: seconds(1, year).default(300).describe('Seconds.'),
  id_token_signed_response_alg: s
    .enum(signingAlgorithms)
    .optional()
    .describe(
      'Signing algorithm of ID tokens. Omitted: RS256, or the first of signature_algorithms if they lack it.',
    ),
  ...signInFields,
  authorization_code_lifetime: seconds(1, hour)
    .default(300)
    .describe('Seconds; RFC 6749 §4.1.2 recommends at most 600.'),
  refresh_token_usage: s
    .enum(['one_time', 'reuse'])
    .default('one_time')
    .describe('one_time: each use returns a new refresh token.'),
  refresh_token_expiration: s
    .enum(['absolute', 'sliding'])
    .default('absolute')
    .describe('sliding: each use extends the lifetime, up to the absolute end.'),
  absolute_refresh_token_lifetime: seconds(0, 10 * year)
    .default(30 * day)
    .describe('Seconds; 0 with sliding expiration: no absolute end. Access tokens end with it too.'),
  sliding_refresh_token_lifetime: seconds(1, 10 * year)
    .default(15 * day)
    .describe('Seconds that each use adds with sliding expiration.'),
  refresh_token_retry_window: seconds(0, 5 * minute)
    .default(10)
    .describe(
      'Seconds during which a retried refresh or device request returns the same refresh token; 0: disabled.',
    ),
  update_access_token_claims_on_refresh: s
    .boolean()
    .default(false)
    .describe("A refresh reads the user's claims again."),
  device_code_lifetime: seconds(1, day).default(300).describe('Seconds.'),
  device_polling_interval: seconds(1, 5 * minute)
    .default(5)
    .describe('Seconds (RFC 8628 §3.2).'),
  accent_color: accentColor()
    .optional()
    .describe("Color of buttons and links on this client's sign-in pages. Omitted: that of branding."),
  require_consent: s.boolean().default(false).describe('Ask the user for consent.'),
  allow_remember_consent: s
    .boolean()
    .default(true)
    .describe('Users can choose to have their consent remembered; false: ask each time.'),
  consent_lifetime: seconds(0, 10 * year)
    .optional()
    .describe('Seconds that consent is remembered. Omitted: indefinitely.'),
  enable_local_login: s.boolean().default(true).describe('Users may sign in with a local password.'),
  mfa: mfaOverrideSchema.describe(
    "Second-factor policy for sign-ins to this client, where it differs from the server's or tenant's.",
  ),
  identity_provider_restrictions: s
    .array(name())
    .default([])
    .describe('External providers that the client may use; empty: all.'),
  tenants: s.array(name()).default([]).describe('Tenants that the client may use; empty: all.'),
  claims: s
    .array(s.strictObject({ type: s.string().min(1).max(200), value: s.json() }))
    .default([])
    .describe('Claims about the client in its access tokens.'),
  always_send_client_claims: s
    .boolean()
    .default(false)
    .describe("Include them in users' tokens too, not only with client_credentials."),
  client_claims_prefix: s.string().max(50).default('client_').describe('Prefix of their types.'),
  user_claims: claimRules()
    .default([])
    .describe('Rules that replace those of scopes and APIs for a claim of the same name.'),
  allowed_cors_origins: s
    .array(origin())
    .default([])
    .describe('Origins of pages that may call the endpoints.'),
})

/** Adds keys in several languages, such as `client_name#fr` (RFC 7591 §2.2). Each value is like the one without a tag. */
const withLanguages = <Of extends s.Fields>(schema: s.ObjectSchema<Of>): s.ObjectSchema<Of> =>
  schema
    .withOthers({
      schemaOf(key) {
        const { name } = languageOf(key) ?? {}
        return name === undefined ? undefined : describingFields[name]
      },
      patterns: {
        '^client_name#': { type: 'string', minLength: 1, maxLength: 500 },
        '^(client|logo|policy|tos)_uri#': { type: 'string' },
      },
    })
    .refine(client => Object.keys(client).filter(isTagged).length <= mostTranslations, {
      problem: 'it has too many texts in other languages',
      expected: `at most ${mostTranslations}`,
      fix: 'remove some of the keys with a language tag',
    })

export const clientSchema = withLanguages(plainClientSchema).describe(
  'A client: an application that requests tokens.',
)

export type ClientDraft = s.output<typeof clientSchema>

const withoutTags = (draft: ClientDraft): ClientDraft =>
  Object.fromEntries(Object.entries(draft).filter(([key]) => !isTagged(key))) as ClientDraft

/** @param allowed the algorithms of its issuer. */
export function clientOf(draft: ClientDraft, allowed: readonly SigningAlgorithm[]): Client {
  const { client_secrets, grant_types, response_types, scope, mfa, accent_color, user_claims } = draft
  const localized = localizedOf(draft)
  return {
    // Keys that were omitted do not exist, so `defined` need not copy these too: a client has about 60.
    ...(localized ? withoutTags(draft) : draft),
    id_token_signed_response_alg:
      draft.id_token_signed_response_alg ?? algorithmOr(preferredAlgorithms.idToken, allowed),
    ...defined({
      accent_color: accent_color === undefined ? undefined : parseColor(accent_color),
      localized,
      mfa: mfa && defined(mfa),
    }),
    client_secrets: client_secrets.map(secretOf),
    user_claims: user_claims.map(ruleOf),
    grant_types: new Set(grant_types),
    // RFC 7591 §2: the default is "code", unless the grants of the client don't support it (§2.1).
    response_types: response_types ?? (grant_types.includes('authorization_code') ? ['code'] : []),
    scope: new Set(scope.split(' ').filter(name => name !== '')),
  }
}
