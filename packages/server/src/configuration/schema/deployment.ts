/** Where the server runs and what it trusts: the settings that flags and variables can override. */

import { isIP } from 'node:net'
import { endpointOriginFault, issuerFault } from '../issuer.ts'
import * as z from '../shape/shapes.ts'
import { accountsSchema, mailSchema } from './accounts.ts'
import { brandingSchema } from './branding.ts'
import { serverAssertionsShape } from './client-assertions.ts'
import { jwksSchema } from './jwks.ts'
import { metricsSchema } from './metrics.ts'
import { mfaSchema } from './mfa.ts'
import { rule, unknownScopes, webUrl } from './rule.ts'
import { sessionsSchema } from './sessions.ts'

const addressOrRange = () =>
  z.string().check(
    rule(value => {
      const [address = '', bits, ...more] = value.split('/')
      const version = isIP(address)
      const fits =
        version !== 0 &&
        more.length === 0 &&
        (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)))
      return fits
        ? undefined
        : {
            problem: 'it is not an address',
            expected: 'an IP address or a range, such as 10.0.0.0/8',
            fix: 'write an address or a range',
          }
    }),
  )

export const deploymentShape = {
  issuer: z
    .string()
    .check(rule(issuerFault))
    .optional()
    .describe('The issuer (RFC 8414 §2): https, or http on a loopback host; omitted: http://localhost:PORT.'),
  host: z.string().min(1).max(255).default('127.0.0.1').describe('The address to listen on; 0.0.0.0: all.'),
  port: z
    .int()
    .min(0)
    .max(65535)
    .optional()
    .describe('The port to listen on, 0: any free one; omitted: that of a loopback issuer, else 5080.'),
  storage: z
    .string()
    .check(
      rule(value =>
        /^(memory:|sqlite:.+|postgres(ql)?:\/\/.+)$/.test(value) &&
        (!value.startsWith('postgres') || URL.canParse(value))
          ? undefined
          : {
              problem: 'it names no store',
              expected: '"sqlite:FILE", "postgres://…" or "memory:"',
              fix: 'write "sqlite:./tessera.db" for the embedded store',
            },
      ),
    )
    .default('sqlite:./tessera.db')
    .describe('sqlite:FILE (relative to this file), postgres://…, or memory: (forgets all at the end).'),
  workers: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('How many processes share the port; omitted: one for each core, and one with memory: storage.'),
  drain_delay: z
    .int()
    .min(0)
    .max(300)
    .default(0)
    .describe(
      'For how many seconds /readyz is 503 before no more connections are taken, when it is stopped.',
    ),
  storage_pool_size: z
    .int()
    .min(1)
    .max(500)
    .default(10)
    .describe('Connections to PostgreSQL of this process, at most; all issuers share them.'),
  storage_replica: z
    .string()
    .check(
      rule(value =>
        /^postgres(ql)?:\/\/.+$/.test(value) && URL.canParse(value)
          ? undefined
          : {
              problem: 'it names no database of PostgreSQL',
              expected: '"postgres://…"',
              fix: 'write the address of a streaming standby, or leave it out',
            },
      ),
    )
    .optional()
    .describe(
      'A streaming standby of the PostgreSQL in storage, postgres://…: registered clients are read there.',
    ),
  emit_state_hash: z
    .boolean()
    .default(false)
    .describe('Whether ID tokens carry s_hash, the hash of the state.'),
  compatibility: z
    .enum(['none', 'identityserver4'])
    .default('none')
    .describe('identityserver4: responses as IdentityServer4 gives them in some places; see the guide.'),
  unknown_scopes: unknownScopes()
    .default('refuse')
    .describe('ignore: authorization requests may name unknown scopes, without effect.'),
  ...serverAssertionsShape,
  master_key_file: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A file with the master key: 32 bytes in base64 (relative to this file); or TESSERA_MASTER_KEY.',
    ),
  trusted_proxies: z
    .array(addressOrRange())
    .default([])
    .describe('Proxies whose x-forwarded-for is believed: addresses or ranges.'),
  trust_forwarded_host: z
    .boolean()
    .default(false)
    .describe('Whether x-forwarded-host of the trusted_proxies chooses the tenant, instead of host.'),
  mtls: z
    .strictObject({
      certificate_header: z
        .string()
        .regex(/^[A-Za-z0-9-]{1,64}$/, 'the name of a header: letters, digits and hyphens')
        .describe("The header in which a proxy hands on the client's certificate."),
      trusted_proxies: z
        .array(addressOrRange())
        .min(1)
        .describe('The proxies that may: addresses or ranges.'),
      endpoint_origin: z
        .string()
        .check(rule(endpointOriginFault))
        .optional()
        .describe(
          'The origin of mtls_endpoint_aliases, where the proxy asks for certificates (RFC 8705 §5); omitted: that of the issuer.',
        ),
    })
    .optional()
    .describe('Client certificates (RFC 8705) behind a proxy that ends TLS.'),
  outbound: z
    .strictObject({
      allowed_private_networks: z
        .array(addressOrRange())
        .default([])
        .describe('Private addresses or ranges that this server may send requests to, also by http.'),
    })
    .prefault({})
    .describe('Requests that this server sends: https to public addresses only, unless said here.'),
  mfa: mfaSchema.describe('Second factors: when they are asked for, and which.'),
  sessions: sessionsSchema.describe('How long browsers stay signed in, and what falls when a session ends.'),
  branding: brandingSchema.prefault({}),
  templates: z
    .string()
    .min(1)
    .optional()
    .describe('A folder (relative to this file) whose templates replace those of the same names.'),
  accounts: accountsSchema,
  mail: mailSchema,
  metrics: metricsSchema,
  trusted_issuers: z
    .array(z.strictObject({ issuer: webUrl(), jwks: jwksSchema }).describe('An issuer and its public keys.'))
    .default([])
    .describe('Issuers of assertions that the JWT bearer grant takes (RFC 7523 §3).'),
}
