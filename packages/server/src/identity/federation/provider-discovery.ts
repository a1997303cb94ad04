/** Discovers OpenID Connect providers on first use (OpenID Connect Discovery 1.0 §4). */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import type { JWK } from 'jose'
import type { ClientAuth, Configuration, CustomFetch, ExportedJWKSCache } from 'openid-client'
import type { SigningAlgorithm } from '../../model/client.ts'
import type { IdentityProvider, UpstreamProvider } from '../../model/user.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { singleFlight } from '../../runtime/async/promises.ts'
import type { Clock } from '../../runtime/ports.ts'
import { isRecent } from '../../runtime/recent.ts'
import { createPauses } from './pauses.ts'
import { createFetch } from './provider-fetch.ts'
import { createProviderKeys, type ProviderKeys } from './provider-keys.ts'

/** An OpenID Connect provider. */
export type OpenIdProvider = IdentityProvider & { readonly upstream: UpstreamProvider }

/** Rejects with the errors of openid-client and of `createFetch`. */
export type Discover = (provider: OpenIdProvider) => Promise<Configuration>

/** Seconds until metadata is fetched again. Older metadata remains in use while the provider is unreachable. */
const lifetime = 600
const longest = 86_400
/** Seconds between attempts to reach a provider while its old metadata is in use. */
const pause = 30

/** Two, because one may be a lost connection; a short span, because users wait. Strangers can trigger requests with logout tokens. */
const failureLimit = { most: 2, span: 5 }

type Known = {
  readonly connect: Connect
  readonly at: Seconds
  readonly asked_at: Seconds
  /** Seconds after `asked_at` until metadata is fetched again. */
  readonly rest: Seconds
}

/** Creates a configuration from the provider's metadata and its current keys. */
type Connect = () => Promise<Configuration>

/** Caches the metadata of each configured provider. Concurrent calls share one request. */
export function createDiscovery({
  algorithms,
  outbound,
  clock,
}: {
  /** Those of ID tokens. */
  algorithms: readonly SigningAlgorithm[]
  outbound: Outbound
  clock: Clock
}): Discover {
  const known = new Map<string, Known>()
  const pauses = createPauses(clock, failureLimit)
  const fetch = createFetch(outbound)
  const keys = createProviderKeys(fetch, clock)

  const ask = singleFlight(async (name: string, provider: OpenIdProvider): Promise<Configuration> => {
    const before = known.get(name)
    try {
      const connect = connecting(provider, { fetch, keys, algorithms, clock })
      const configuration = await connect()
      const at = clock.now()
      known.set(name, { connect, at, asked_at: at, rest: lifetime })
      pauses.succeeded(name)
      return configuration
    } catch (error) {
      if (!before || !isRecent(before.at, longest, clock.now())) {
        pauses.failed(name, error)
        throw error
      }
      known.set(name, { ...before, asked_at: clock.now(), rest: pause })
      return before.connect()
    }
  })

  return provider => {
    const found = known.get(provider.name)
    if (found && isRecent(found.asked_at, found.rest, clock.now())) return found.connect()
    const asking = ask.current(provider.name)
    if (asking) return asking
    // Anyone can trigger requests with an invalid logout token.
    const failure = pauses.errorFor(provider.name)
    if (failure) return Promise.reject(failure.error)
    return ask(provider.name, provider)
  }
}

type ConnectPorts = {
  readonly fetch: CustomFetch
  readonly keys: ProviderKeys
  readonly algorithms: readonly SigningAlgorithm[]
  readonly clock: Clock
}

function connecting(provider: OpenIdProvider, ports: ConnectPorts): Connect {
  const fetchOnce = createFetchOnce(ports)
  return () => describe(provider, fetchOnce, ports)
}

/** Returns a `fetch` that sends the request for metadata and then repeats its response. */
function createFetchOnce({ fetch, algorithms }: ConnectPorts): CustomFetch {
  let answer: { readonly body: string; readonly status: number; readonly headers: Headers } | undefined
  return async (...request) => {
    if (!answer) {
      const response = await fetch(...request)
      answer = {
        body: allowing(algorithms, await response.text()),
        status: response.status,
        headers: response.headers,
      }
    }
    return new Response(answer.body, answer)
  }
}

/**
 * Returns the metadata without algorithms of ID tokens that this issuer does not allow. The library accepts those that
 * the metadata lists, and RS256 if there is no list.
 */
function allowing(allowed: readonly string[], body: string): string {
  const metadata: unknown = parse(body)
  if (typeof metadata !== 'object' || metadata === null) return body
  const { id_token_signing_alg_values_supported: listed = ['RS256'] } = metadata as JsonObject
  return Array.isArray(listed)
    ? JSON.stringify({
        ...metadata,
        id_token_signing_alg_values_supported: listed.filter(alg => allowed.includes(`${alg}`)),
      })
    : body
}

/** openid-client fetches keys for an unknown `kid` only if its copy of the keys is older than this (seconds). */
const old = 61

/**
 * Creates a configuration for each use, with keys that count as old, so that an ID token with an unknown `kid` causes a
 * fetch, within the limits of `createProviderKeys`. A cached configuration would fail for a minute after the provider
 * rotated its keys.
 */
async function describe(
  { upstream }: OpenIdProvider,
  fetchOnce: CustomFetch,
  { fetch, keys, clock }: ConnectPorts,
): Promise<Configuration> {
  // Loaded on first use, because many installations never need it.
  const client = await import('openid-client')
  const issuer = new URL(upstream.issuer)
  const metadata = {
    ...(upstream.id_token_signed_response_alg !== undefined && {
      id_token_signed_response_alg: upstream.id_token_signed_response_alg,
    }),
    // Uses the server's clock instead of the machine's.
    [client.clockSkew]: clock.now() - Math.floor(Date.now() / 1000),
  }
  const configuration = await client.discovery(
    issuer,
    upstream.client_id,
    metadata,
    await authenticationOf(upstream),
    {
      [client.customFetch]: fetchOnce,
      execute: [
        // OpenID Connect Core 1.0 §3.1.3.7 (6) allows TLS in place of the signature check. We always check the signature.
        client.enableNonRepudiationChecks,
        // An issuer without TLS is the operator's decision. `outbound` decides where such requests may go.
        ...(issuer.protocol === 'http:' ? [client.allowInsecureRequests] : []),
      ],
    },
  )
  const found = configuration.serverMetadata()
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const)
    if (!isWebUrl(found[name])) throw new Error(`the provider's metadata has no ${name}`)
  const keysAt = new URL(found.jwks_uri!).href
  configuration[client.customFetch] = (url, options) =>
    url === keysAt ? keys.fetch(url, options) : fetch(url, options)
  const recent = parse<ExportedJWKSCache['jwks']>(keys.recent(keysAt) ?? '')
  if (recent) {
    client.setJwksCache(configuration, { jwks: recent, uat: Math.floor(Date.now() / 1000) - old })
  }
  return configuration
}

const isWebUrl = (value: unknown): boolean =>
  typeof value === 'string' && /^https?:$/.test(URL.parse(value)?.protocol ?? '')

/** Returns undefined for invalid JSON. */
function parse<Value = unknown>(text: string): Value | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function authenticationOf(upstream: UpstreamProvider): Promise<ClientAuth> {
  const client = await import('openid-client')
  const { client_secret, client_jwk } = upstream
  const method =
    upstream.token_endpoint_auth_method ??
    (client_jwk ? 'private_key_jwt' : client_secret === undefined ? 'none' : 'client_secret_basic')
  if (method === 'private_key_jwt' && client_jwk) {
    const { importJWK } = await import('jose')
    const key = (await importJWK(client_jwk as JWK)) as CryptoKey
    const { kid } = client_jwk
    return client.PrivateKeyJwt(typeof kid === 'string' ? { key, kid } : key)
  }
  if (method === 'client_secret_post') return client.ClientSecretPost(client_secret)
  return method === 'client_secret_basic' ? client.ClientSecretBasic(client_secret) : client.None()
}
