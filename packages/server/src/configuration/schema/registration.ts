/** Limits of dynamic client registration (RFC 7591, RFC 7592). */

import { isUnsafeScheme } from '@tessera/protocol/uri-scheme'
import { redirectBlockProblem } from '../../model/client-blocks.ts'
import { hostPatternProblem } from '../../model/host-pattern.ts'
import * as s from '../validation/kinds.ts'
import { plainClientSchema } from './client.ts'
import { jwksSchema, tokenSecretSchema } from './credentials.ts'
import { day, seconds, webUrl, year } from './values.ts'

const privateUseScheme = () => {
  const expected = 'a scheme of an application in lower case, such as myapp for myapp://callback'
  return s
    .string()
    .max(100)
    .refine(scheme => /^[a-z][a-z\d+.-]*$/.test(scheme), {
      problem: 'it is not a URI scheme',
      expected,
      fix: 'write the part before the colon of the redirect URI',
    })
    .check(scheme => {
      if (/^https?$/.test(scheme))
        return { problem: `${scheme}: is not the scheme of an application`, expected, fix: 'remove it' }
      return isUnsafeScheme(scheme)
        ? { problem: `${scheme}: is dangerous to redirect to`, expected, fix: 'remove it' }
        : undefined
    })
}

const client = plainClientSchema.fields

/** Settings that clients can't choose. */
const templateSchema = s.strictObject({
  require_pkce: client.require_pkce,
  access_token_type: client.access_token_type,
  access_token_lifetime: client.access_token_lifetime,
  identity_token_lifetime: client.identity_token_lifetime,
  authorization_code_lifetime: client.authorization_code_lifetime,
  refresh_token_usage: client.refresh_token_usage,
  refresh_token_expiration: client.refresh_token_expiration,
  absolute_refresh_token_lifetime: client.absolute_refresh_token_lifetime,
  sliding_refresh_token_lifetime: client.sliding_refresh_token_lifetime,
  refresh_token_retry_window: client.refresh_token_retry_window,
  update_access_token_claims_on_refresh: client.update_access_token_claims_on_refresh,
  device_code_lifetime: client.device_code_lifetime,
  device_polling_interval: client.device_polling_interval,
  enable_local_login: client.enable_local_login,
  identity_provider_restrictions: client.identity_provider_restrictions,
  tenants: client.tenants,
  require_consent: s
    .boolean()
    .default(true)
    .describe('Ask the user for consent. The default is true here, because the client is not trusted.'),
})

const hostExpected = 'a host such as app.example, or *.example.com for all hosts below it'

/** A host of client documents. */
const hostPattern = () =>
  s
    .string()
    .max(260)
    .check(pattern => {
      const found = hostPatternProblem(pattern)
      return found && { ...found, expected: hostExpected }
    })

/** A host or scheme of redirect URIs. */
const redirectPattern = () =>
  s
    .string()
    .max(260)
    .check(pattern => {
      const found = redirectBlockProblem(pattern)
      return found && { ...found, expected: `${hostExpected}; or a scheme such as myapp:` }
    })

const sealedSchema = s
  .strictObject({
    mode: s
      .enum(['off', 'accept', 'issue'])
      .default('off')
      .describe(
        'issue: open registration gives clients without a secret an id that contains their metadata, and stores nothing. accept: ids that were issued before stay valid. off: none is valid.',
      ),
    lifetime: seconds(day, 10 * year)
      .default(year)
      .describe(
        'Seconds for which such an id is valid. Its client must then register again. A shorter one also applies to ids that were issued before.',
      ),
  })
  .default({})
  .describe('Clients whose client_id is their sealed metadata, so that they take no room in the store.')

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

const documentsSchema = s
  .strictObject({
    mode: s
      .enum(['off', 'allowed_hosts', 'open'])
      .default('off')
      .describe('Which hosts can have clients: none, the allowed ones, or all that are not blocked.'),
    allowed_hosts: s
      .array(hostPattern())
      .max(1000)
      .default([])
      .describe(
        'Hosts that you vouch for: app.example, or *.example.com for all below it. Their clients are trusted, and consent can be remembered.',
      ),
    blocked_hosts: s
      .array(hostPattern())
      .max(1000)
      .default([])
      .describe('Hosts whose clients are refused, in the same form.'),
    allowed_grant_types: s
      .array(s.enum(['authorization_code', 'refresh_token', deviceGrant]))
      .min(1)
      .default(['authorization_code', 'refresh_token'])
      .describe('Grants that these clients can have. Others are left out.'),
    min_cache_lifetime: seconds(10, day)
      .default(60)
      .describe('Seconds for which a document is used at least, whatever its host says.'),
    max_cache_lifetime: seconds(60, 30 * day)
      .default(day)
      .describe('Seconds for which a document is used at most without asking its host again.'),
  })
  .check(({ min_cache_lifetime: min, max_cache_lifetime: max }) =>
    min <= max
      ? undefined
      : {
          problem: 'min_cache_lifetime is longer than max_cache_lifetime',
          expected: 'a minimum that is not above the maximum',
          fix: 'lower min_cache_lifetime',
        },
  )
  .default({})
  .describe(
    'Clients whose client_id is the URL of their metadata (draft-ietf-oauth-client-id-metadata-document). Independent of mode.',
  )

export const registrationSchema = s
  .strictObject({
    mode: s
      .enum(['off', 'initial_access_token', 'open'])
      .default('off')
      .describe('Who can register clients: no one, holders of an initial access token, or anyone.'),
    initial_access_tokens: s
      .array(tokenSecretSchema)
      .default([])
      .describe('Tokens that allow registration, in the format of client_secrets.'),
    allowed_scope: s
      .string()
      .max(10_000)
      .optional()
      .describe(
        'Scopes that clients can register, including API scopes. Others are left out. Omitted: all identity resources and offline_access.',
      ),
    registered_scope: s
      .enum(['requested', 'allowed'])
      .default('requested')
      .describe(
        'Which scopes a client can request later: those that it registers, or all of allowed_scope. Many MCP clients register only the scopes of their first request.',
      ),
    allowed_grant_types: s
      .array(s.string().min(1).max(200))
      .min(1)
      .default([
        'authorization_code',
        'refresh_token',
        'implicit',
        'urn:ietf:params:oauth:grant-type:device_code',
      ])
      .describe('Grants that clients can register. Others are left out.'),
    private_use_schemes: s
      .union([s.array(privateUseScheme()).max(100), s.enum(['any'])])
      .default(['cursor', 'vscode', 'vscode-insiders'])
      .describe(
        'Allowed URI schemes for redirect URIs of public clients, besides reversed domain names. any: all that are neither registered with IANA nor dangerous.',
      ),
    trusted_software_issuers: s
      .array(
        s.strictObject({ issuer: webUrl(), jwks: jwksSchema }).describe('An issuer and its public keys.'),
      )
      .default([])
      .describe('Issuers of software statements: issuer and jwks.'),
    require_software_statement: s
      .boolean()
      .default(false)
      .describe('Only clients with a software statement can register.'),
    client_secret_lifetime: seconds(0, 10 * year)
      .default(0)
      .describe('Seconds until a client_secret expires (updating the client issues a new one); 0: never.'),
    unused_client_lifetime: seconds(0, 10 * year)
      .default(90 * day)
      .describe('Seconds after which an unused client is deleted; 0: never.'),
    max_clients: s
      .int()
      .min(1)
      .max(1_000_000)
      .default(100_000)
      .describe(
        'Maximum number of registered clients; beyond it, the oldest unused one is deleted, then one of the user with the most clients.',
      ),
    max_unused_clients: s
      .int()
      .min(1)
      .max(1_000_000)
      .default(20_000)
      .describe(
        'Maximum number of clients that have not been used yet; beyond it, the oldest one is deleted.',
      ),
    max_requests_per_hour: s
      .int()
      .min(1)
      .max(1_000_000)
      .default(300)
      .describe('Registrations and updates per network and hour.'),
    sealed_client_ids: sealedSchema,
    blocked_redirect_hosts: s
      .array(redirectPattern())
      .max(1000)
      .default([])
      .describe(
        'Hosts (app.example, or *.example.com for all below it) and schemes (myapp:) of redirect_uris and post_logout_redirect_uris. Clients that registered themselves, or publish their metadata, are refused if they have one.',
      ),
    metadata_documents: documentsSchema,
    client_defaults: templateSchema
      .default({})
      .describe("Settings that clients can't choose, by the keys of clients."),
  })
  .default({})
  .describe('Dynamic client registration (RFC 7591). Default: off.')

export type RegistrationDraft = s.output<typeof registrationSchema>
