/** The server's own settings: where it runs and what it trusts. Flags and variables can override some of them. */

import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { signingAlgorithms } from '../../model/client.ts'
import { securityProfiles } from '../../model/security-profile.ts'
import { defaultSignatureAlgorithms } from '../../model/signature-algorithm.ts'
import type { Configuration, Storage, StorageConnections } from '../configuration.ts'
import { endpointOriginError, issuerError, issuerOfDiscoveryUrl } from '../issuer.ts'
import { fixedPassword, storagePassword } from '../storage-password.ts'
import * as s from '../validation/kinds.ts'
import { accountsSchema, mailSchema } from './accounts.ts'
import { auditSchema } from './audit.ts'
import { brandingSchema } from './branding.ts'
import { serverAssertionsFields } from './client-metadata.ts'
import { jwksSchema, secretOf, tokenSecretSchema } from './credentials.ts'
import { mfaSchema, sessionsSchema } from './sign-in.ts'
import type { KeyOwner } from './tenant.ts'
import { defined, unknownScopes, webUrl } from './values.ts'
import { webhooksSchema } from './webhooks.ts'

const addressOrRange = () =>
  s.string().refine(isAddressOrRange, {
    problem: 'it is not an IP address',
    expected: 'an IP address or a range, such as 10.0.0.0/8',
    fix: 'write an IP address or a range',
  })

function isAddressOrRange(value: string): boolean {
  const [address = '', bits, ...more] = value.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

function discoveryUrlError(value: string): s.CheckError | undefined {
  const meant = issuerOfDiscoveryUrl(value)
  return meant === undefined
    ? undefined
    : {
        problem: 'it is the address of a discovery document',
        expected: 'the issuer, as its assertions contain it',
        fix: `write "${meant}"`,
      }
}

/** Characters. Tokens that people make up are usually shorter. */
const least = 16

const tokenSchema = tokenSecretSchema
  .refine(({ argon2id }) => argon2id === undefined, {
    problem: 'an argon2id hash is too slow to check every few seconds',
    expected: 'value, sha256 or sha512',
    fix: 'generate a random token, and hash it with: tessera hash-secret',
  })
  .refine(({ value }) => value === undefined || value.length >= least, {
    problem: 'it is so short that it could be guessed',
    expected: `${least} characters or more, generated at random`,
    fix: 'generate one with: openssl rand -base64 32',
  })

const metricsSchema = s
  .strictObject({
    tokens: s
      .array(tokenSchema)
      .min(1)
      .describe('Bearer tokens for /metrics. There can be several, so that they can be rotated.'),
  })
  .optional()
  .describe('Prometheus metrics at /metrics. Omitted: metrics are off.')

export const deploymentFields = {
  issuer: s
    .string()
    .check(issuerError)
    .optional()
    .describe('The issuer (RFC 8414 §2): https, or http on a loopback host. Omitted: http://localhost:PORT.'),
  host: s
    .string()
    .min(1)
    .max(255)
    .default('127.0.0.1')
    .describe('The address to listen on; 0.0.0.0: all addresses.'),
  port: s
    .int()
    .min(0)
    .max(65535)
    .optional()
    .describe('The port to listen on; 0: any free port. Default: the port of a loopback issuer, else 5080.'),
  storage: s
    .secret(
      s
        .string()
        .refine(
          value =>
            /^(memory:|sqlite:.+|postgres(ql)?:\/\/.+)$/.test(value) &&
            (!value.startsWith('postgres') || URL.canParse(value)),
          {
            problem: 'it is not a known store',
            expected: '"sqlite:FILE", "postgres://…" or "memory:"',
            fix: 'write "sqlite:./tessera.db" for the embedded store',
          },
        ),
    )
    .default('sqlite:./tessera.db')
    .describe('sqlite:FILE (relative to this file), postgres://…, or memory: (not persistent).'),
  workers: s
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('Number of processes that share the port. Default: one per core; one with memory: storage.'),
  drain_delay: s
    .int()
    .min(0)
    .max(300)
    .default(0)
    .describe('Seconds at shutdown during which /readyz is 503 but connections are still accepted.'),
  storage_pool_size: s
    .int()
    .min(1)
    .max(500)
    .default(10)
    .describe('Maximum number of PostgreSQL connections per process, shared by all issuers.'),
  storage_replica: s
    .secret(
      s.string().refine(value => /^postgres(ql)?:\/\/.+$/.test(value) && URL.canParse(value), {
        problem: 'it is not the address of a PostgreSQL database',
        expected: '"postgres://…"',
        fix: 'write the address of a streaming standby, or remove the key',
      }),
    )
    .optional()
    .describe(
      'A streaming standby of the PostgreSQL in storage, postgres://…; registered clients are read from it.',
    ),
  emit_state_hash: s
    .boolean()
    .default(false)
    .describe('Include s_hash, the hash of the state, in ID tokens (FAPI 1.0 Part 2 §5.2.2.1).'),
  compatibility: s
    .enum(['none', 'identityserver4'])
    .default('none')
    .describe('identityserver4: some responses follow IdentityServer4.'),
  security_profile: s
    .enum(['none', ...securityProfiles])
    .default('none')
    .describe(
      'Requirements for this server and its clients: OAuth 2.1, or FAPI 2.0. Sets defaults, and refuses keys that contradict it.',
    ),
  unknown_scopes: unknownScopes()
    .default('refuse')
    .describe('ignore: unknown scopes in authorization requests are ignored.'),
  ...serverAssertionsFields,
  master_key_file: s
    .string()
    .min(1)
    .optional()
    .describe(
      'A file with the master key: 32 bytes in base64 (relative to this file). Alternative: TESSERA_MASTER_KEY.',
    ),
  master_key_previous_file: s
    .string()
    .min(1)
    .optional()
    .describe(
      'A file with the master key before, while "tessera keys rotate-master" replaces it. Alternative: TESSERA_MASTER_KEY_PREVIOUS.',
    ),
  trusted_proxies: s
    .array(addressOrRange())
    .default([])
    .describe('Addresses or ranges of proxies that are trusted to set x-forwarded-for.'),
  log_client_network: s
    .enum(['full', 'shortened', 'none'])
    .default('full')
    .describe(
      'The client in log lines: full: its IPv4 address or IPv6 /64; shortened: its IPv4 /24 or IPv6 /48; none: nothing.',
    ),
  trust_forwarded_host: s
    .boolean()
    .default(false)
    .describe('Select the tenant by x-forwarded-host from trusted_proxies instead of host.'),
  mtls: s
    .strictObject({
      certificate_header: s
        .string()
        .regex(/^[A-Za-z0-9-]{1,64}$/, 'the name of a header: letters, digits and hyphens')
        .describe("The header in which a proxy passes the client's certificate."),
      trusted_proxies: s
        .array(addressOrRange())
        .min(1)
        .describe('Addresses or ranges of the proxies that may set it.'),
      endpoint_origin: s
        .string()
        .check(endpointOriginError)
        .optional()
        .describe(
          'The origin of mtls_endpoint_aliases, where the proxy requests certificates (RFC 8705 §5). Omitted: the origin of the issuer.',
        ),
    })
    .optional()
    .describe('Client certificates (RFC 8705) behind a proxy that terminates TLS.'),
  dpop: s
    .strictObject({
      enabled: s
        .boolean()
        .default(true)
        .describe('Bind tokens to the key of a DPoP proof. false: proofs in token requests are ignored.'),
      require_nonce: s
        .boolean()
        .default(false)
        .describe('Proofs must contain a recent nonce of this server (RFC 9449 §8, §9).'),
    })
    .default({})
    .describe('Tokens that are bound to a key of the client by DPoP (RFC 9449).'),
  signature_algorithms: s
    .array(s.enum(signingAlgorithms))
    .min(1)
    .default([...defaultSignatureAlgorithms])
    .refine(algorithms => new Set(algorithms).size === algorithms.length, {
      problem: 'it contains an algorithm twice',
      expected: 'each algorithm once',
      fix: 'remove the second one',
    })
    .describe('Algorithms of JWTs (JWS) that the server signs and accepts, and lists in its metadata.'),
  outbound: s
    .strictObject({
      allowed_private_networks: s
        .array(addressOrRange())
        .default([])
        .describe('Private addresses or ranges that this server may send requests to, over https or http.'),
    })
    .default({})
    .describe('Requests that this server sends; default: only https to public addresses.'),
  mfa: mfaSchema.describe('Second factors: when they are required, and which.'),
  sessions: sessionsSchema.describe('Lifetimes of sessions, and what is revoked when one ends.'),
  branding: brandingSchema.default({}),
  templates: s
    .string()
    .min(1)
    .optional()
    .describe('A folder (relative to this file) with templates that replace those of the same name.'),
  accounts: accountsSchema,
  mail: mailSchema,
  webhooks: webhooksSchema,
  audit: auditSchema,
  metrics: metricsSchema,
  tracing: s
    .boolean()
    .default(false)
    .describe('Traces by the API of OpenTelemetry, for an SDK that --import loads.'),
  trusted_issuers: s
    .array(
      s
        .strictObject({ issuer: webUrl().check(discoveryUrlError), jwks: jwksSchema })
        .describe('An issuer and its public keys.'),
    )
    .default([])
    .describe('Issuers of assertions that the JWT bearer grant accepts (RFC 7523 §3).'),
}

/** The owner of each key above. */
export const deploymentOwners = {
  issuer: 'server',
  host: 'server',
  port: 'server',
  storage: 'server',
  workers: 'server',
  drain_delay: 'server',
  storage_pool_size: 'server',
  storage_replica: 'server',
  emit_state_hash: 'inherited',
  compatibility: 'inherited',
  security_profile: 'inherited',
  unknown_scopes: 'inherited',
  client_assertion_audience: 'inherited',
  client_assertion_max_lifetime: 'inherited',
  master_key_file: 'server',
  master_key_previous_file: 'server',
  trusted_proxies: 'server',
  log_client_network: 'server',
  trust_forwarded_host: 'server',
  mtls: 'server',
  dpop: 'inherited',
  outbound: 'server',
  signature_algorithms: 'inherited',
  mfa: 'inherited',
  sessions: 'inherited',
  branding: 'inherited',
  templates: 'inherited',
  accounts: 'own',
  mail: 'inherited',
  webhooks: 'inherited',
  audit: 'inherited',
  metrics: 'server',
  tracing: 'server',
  trusted_issuers: 'own',
} as const satisfies Record<keyof typeof deploymentFields, KeyOwner>

type DeploymentDraft = s.output<s.ObjectSchema<typeof deploymentFields>>

type PasswordsDraft = Pick<DeploymentDraft, 'storage' | 'storage_replica'> & {
  readonly storagePassword?: StorageConnections['password'] | undefined
}

/** @param folders the base folders for relative paths: of the database file, and of other files. */
export const deploymentOf = (
  draft: DeploymentDraft & {
    readonly port: number
    readonly issuer: string
    readonly storagePassword?: StorageConnections['password'] | undefined
  },
  storageFiles: StorageFiles,
  folders: { readonly storage: string; readonly files: string },
) =>
  ({
    issuer: draft.issuer,
    host: draft.host,
    port: draft.port,
    storage: storageOf(draft.storage, folders.storage, {
      poolSize: draft.storage_pool_size,
      replica: draft.storage_replica,
      ...passwordsOf(draft, storageFiles),
    }),
    workers: draft.workers,
    drainDelay: draft.drain_delay,
    tracing: draft.tracing,
    audit: draft.audit,
    metrics: draft.metrics && { tokens: draft.metrics.tokens.map(secretOf) },
    compatibility: draft.compatibility,
    securityProfile: draft.security_profile === 'none' ? undefined : draft.security_profile,
    unknownScopes: draft.unknown_scopes,
    emitStateHash: draft.emit_state_hash,
    clientAssertions: {
      audience: draft.client_assertion_audience,
      maxLifetime: draft.client_assertion_max_lifetime,
    },
    trustedIssuers: draft.trusted_issuers,
    trustedProxies: draft.trusted_proxies,
    logClientNetwork: draft.log_client_network,
    trustForwardedHost: draft.trust_forwarded_host,
    mtls:
      draft.mtls &&
      defined({
        certificateHeader: draft.mtls.certificate_header.toLowerCase(),
        trustedProxies: draft.mtls.trusted_proxies,
        endpointOrigin: draft.mtls.endpoint_origin,
      }),
    signatureAlgorithms: draft.signature_algorithms,
    dpop: { enabled: draft.dpop.enabled, requireNonce: draft.dpop.require_nonce },
    outbound: { allowedPrivateNetworks: draft.outbound.allowed_private_networks },
    templates: draft.templates === undefined ? undefined : resolve(folders.files, draft.templates),
  }) satisfies Partial<Configuration>

/** The files that contain the addresses, if they are in files. */
export type StorageFiles = {
  readonly storage?: string | undefined
  readonly storage_replica?: string | undefined
}

/** Returns how each new connection gets its password, if the address does not contain it for good. */
function passwordsOf(
  { storage, storage_replica: replica, storagePassword: hook }: PasswordsDraft,
  files: StorageFiles,
): Partial<StorageConnections> {
  // A hook takes precedence over the addresses.
  if (hook) return { password: hook }
  const password = files.storage === undefined ? undefined : storagePassword(files.storage, storage)
  const ofReplica =
    replica === undefined || files.storage_replica === undefined
      ? undefined
      : storagePassword(files.storage_replica, replica)
  if (!password && !ofReplica) return {}
  return defined({
    password,
    replicaPassword: ofReplica ?? (replica === undefined ? undefined : fixedPassword(replica)),
    files: [password && files.storage, ofReplica && files.storage_replica],
  })
}

/** @param directory the base folder for a relative path. */
export function storageOf(storage: string, directory: string, connections: StorageConnections = {}): Storage {
  if (storage === 'memory:') return { kind: 'memory' }
  if (storage.startsWith('sqlite:'))
    return { kind: 'sqlite', file: resolve(directory, storage.slice('sqlite:'.length)) }
  return defined({ kind: 'postgres', url: storage, ...connections })
}
