/** Dynamic client registration as a configuration bounds it (RFC 7591, RFC 7592). */

import { isUnsafeScheme } from '@tessera/protocol/uri-scheme'
import * as z from '../shape/shapes.ts'
import { plainClientSchema } from './client.ts'
import { jwksSchema } from './jwks.ts'
import { day, rule, seconds, webUrl, year } from './rule.ts'
import { tokenSecretSchema } from './secret.ts'

const privateUseScheme = () =>
  z
    .string()
    .max(100)
    .check(
      rule(scheme => {
        const isScheme = /^[a-z][a-z\d+.-]*$/.test(scheme)
        if (isScheme && !/^https?$/.test(scheme) && !isUnsafeScheme(scheme)) return undefined
        return {
          problem: isScheme ? `${scheme}: is dangerous to redirect to` : 'it is not the name of a scheme',
          expected: 'a scheme of an application in lower case, such as myapp for myapp://callback',
          fix: isScheme ? 'remove it' : 'write what stands before the colon of the redirect URI',
        }
      }),
    )

/** What no client may choose for itself. */
const templateSchema = plainClientSchema
  .pick({
    require_pkce: true,
    access_token_type: true,
    access_token_lifetime: true,
    identity_token_lifetime: true,
    authorization_code_lifetime: true,
    refresh_token_usage: true,
    refresh_token_expiration: true,
    absolute_refresh_token_lifetime: true,
    sliding_refresh_token_lifetime: true,
    refresh_token_retry_window: true,
    update_access_token_claims_on_refresh: true,
    device_code_lifetime: true,
    device_polling_interval: true,
    enable_local_login: true,
    identity_provider_restrictions: true,
    tenants: true,
  })
  .extend({
    require_consent: z
      .boolean()
      .default(true)
      .describe('Asks the user before it gets anything: true here, since nobody vouched for the client.'),
  })

export const registrationSchema = z
  .strictObject({
    mode: z
      .enum(['off', 'initial_access_token', 'open'])
      .default('off')
      .describe('Who may register: nobody, whoever has an initial access token, or anybody.'),
    initial_access_tokens: z
      .array(tokenSecretSchema)
      .default([])
      .describe('Tokens that allow registering (RFC 7591 §3.1), written like client_secrets.'),
    allowed_scope: z
      .string()
      .max(10_000)
      .optional()
      .describe(
        'Scopes that clients may register, API scopes too; omitted: all identity resources and offline_access.',
      ),
    allowed_grant_types: z
      .array(z.string().min(1).max(200))
      .min(1)
      .default([
        'authorization_code',
        'refresh_token',
        'implicit',
        'urn:ietf:params:oauth:grant-type:device_code',
      ])
      .describe('Grants that clients may register; others that they ask for are left out.'),
    private_use_schemes: z
      .union([z.array(privateUseScheme()).max(100), z.enum(['any'])])
      .default(['cursor', 'vscode', 'vscode-insiders'])
      .describe(
        'Schemes besides reversed domain names that redirect URIs of public clients may have; any: all that are neither registered with IANA nor dangerous.',
      ),
    trusted_software_issuers: z
      .array(z.strictObject({ issuer: webUrl(), jwks: jwksSchema }).describe('An issuer and its keys.'))
      .default([])
      .describe('Who may sign software statements (RFC 7591 §2.3).'),
    require_software_statement: z
      .boolean()
      .default(false)
      .describe('Only clients with a software statement are registered.'),
    client_secret_lifetime: seconds(0, 10 * year)
      .default(0)
      .describe('Seconds until a client_secret ends (an update of the client gives a new one); 0: never.'),
    unused_client_lifetime: seconds(0, 10 * year)
      .default(90 * day)
      .describe('Seconds after which a client that nobody used goes; 0: never.'),
    max_clients: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(100_000)
      .describe('Registered clients in all; beyond it the oldest unused one is deleted for a new one.'),
    max_unused_clients: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(20_000)
      .describe(
        'Registered clients that are not used yet; beyond it the oldest of them is deleted for a new one.',
      ),
    max_requests_per_hour: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(300)
      .describe('Registrations and updates that one network may try in an hour.'),
    client_defaults: templateSchema
      .prefault({})
      .describe('What no client chooses for itself: the same keys as in clients.'),
  })
  .prefault({})
  .describe('Dynamic client registration (RFC 7591): off unless said otherwise.')

export type RegistrationDraft = z.output<typeof registrationSchema>
