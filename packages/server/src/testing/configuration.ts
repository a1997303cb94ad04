/**
 * The configuration of a test server: any keys of a configuration, with defaults. Refuses settings that only a real
 * server may have.
 */

import { randomBytes } from 'node:crypto'
import type { Configuration } from '../configuration/configuration.ts'
import { formatDiagnostic } from '../configuration/diagnostic.ts'
import { isLoopback, localIssuer } from '../configuration/issuer.ts'
import { parseConfiguration } from '../configuration/parse.ts'
import type { defineConfig } from '../configuration/schema/whole.ts'

/** A configuration as a module exports it. */
type ConfigurationInput = Parameters<typeof defineConfig>[0]

/** Any key of a configuration, except those about processes, disks and networks. */
export type TestConfiguration = Omit<
  ConfigurationInput,
  | '$schema'
  | 'host'
  | 'storage'
  | `storage_${string}`
  | 'storagePassword'
  | 'workers'
  | `master_key_${string}`
  | `masterKey${string}`
>

/** The client of a test server that configures none. */
const defaultClient = {
  client_id: 'test-client',
  client_name: 'Test client',
  // RFC 8252 §7.3: its redirect URIs match every port, that of localhost too.
  application_type: 'native' as const,
  client_secrets: [{ value: 'test-secret' }],
  grant_types: [
    'authorization_code',
    'refresh_token',
    'client_credentials',
    'urn:ietf:params:oauth:grant-type:device_code',
  ],
  redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
  post_logout_redirect_uris: ['http://localhost/', 'http://127.0.0.1/'],
  scope: 'openid profile email offline_access api',
}

/** The user of a test server that configures none. */
const defaultUser = {
  sub: 'alice',
  username: 'alice',
  password: 'alice',
  claims: { name: 'Alice', email: 'alice@example.com', email_verified: true },
}

const predefinedScopes = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access']

/** Returns the input with defaults for what it omits. */
export function withDefaults(input: TestConfiguration): TestConfiguration {
  const { clients = [defaultClient], users = [defaultUser] } = input
  return { ...input, clients, users, api_scopes: input.api_scopes ?? apiScopesOf({ ...input, clients }) }
}

/** Returns every scope that a client or an API names and that is not about the user. */
function apiScopesOf({ clients = [], api_resources = [], identity_resources = [] }: TestConfiguration) {
  const known = new Set([...predefinedScopes, ...identity_resources.map(({ name }) => name)])
  const named = [
    ...clients.flatMap(({ scope = '' }) => scope.split(' ')),
    ...api_resources.flatMap(({ scopes = [] }) => scopes),
  ]
  return [...new Set(named)].filter(name => name !== '' && !known.has(name)).map(name => ({ name }))
}

/**
 * Throws in a process with `NODE_ENV=production`, or a similar spelling, for an issuer that is not http on a loopback host, and for a store on
 * disk: a server whose tokens anyone can create must not be used as a real identity provider.
 */
export function refuseRealUse(input: object, environment: NodeJS.ProcessEnv = process.env): void {
  if (/^\s*prod(uction)?\s*$/i.test(environment.NODE_ENV ?? ''))
    throw new Error(
      'startTestServer: NODE_ENV is "production", and a test server issues tokens to anyone who asks: run tests with another NODE_ENV, or serve with startServer',
    )
  const { issuer, host, storage } = input as Partial<Record<string, string>>
  if (issuer !== undefined && !isLocal(issuer))
    throw new Error(
      `startTestServer: the issuer "${issuer}" is not http on a loopback host: omit it, or use one such as http://localhost:5080`,
    )
  if (host !== undefined && !isLoopbackAddress(host))
    throw new Error(`startTestServer: host is "${host}", and a test server listens on loopback only: omit it`)
  if (storage !== undefined && storage !== 'memory:')
    throw new Error(
      `startTestServer: storage is "${storage}", and a test server keeps everything in memory: omit it`,
    )
}

const isLocal = (issuer: string): boolean => {
  const url = URL.parse(issuer)
  return url?.protocol === 'http:' && isLoopback(url.hostname)
}

const isLoopbackAddress = (host: string): boolean => isLoopback(host) || host === '::1'

/** Returns a master key, which a test server keeps through resets so that subject identifiers stay the same. */
export const createMasterKey = (): string => randomBytes(32).toString('base64')

/** Returns the port that a configured issuer or `port` asks for; 0: any. */
export const portOf = ({ issuer, port = 0 }: TestConfiguration): number =>
  issuer === undefined ? port : Number(new URL(issuer).port || 80)

/** Throws an error that lists all errors in the configuration. */
export function parseTestConfiguration(
  input: TestConfiguration,
  { port, masterKey, now }: { readonly port: number; readonly masterKey: string; readonly now: number },
): Configuration {
  const issuer = input.issuer ?? localIssuer(port)
  // Environment variables of the machine must not affect a test.
  const environment = { TESSERA_MASTER_KEY: masterKey }
  const outcome = parseConfiguration(
    { ...input, issuer, port, storage: 'memory:' },
    { isModule: true, now, environment },
  )
  if (!outcome.ok)
    throw new Error(
      `startTestServer: the configuration is invalid\n${outcome.errors.map(formatDiagnostic).join('\n')}`,
    )
  for (const one of outcome.configuration.tenantIssuers.values()) refuseRealUse({ issuer: one.issuer })
  return outcome.configuration
}
