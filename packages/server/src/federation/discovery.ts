/** OpenID Connect providers as they describe themselves (OpenID Connect Discovery 1.0 §4), asked when first used. */

import type { JWK } from 'jose'
import type { ClientAuth, Configuration } from 'openid-client'
import type { Clock } from '../core/runtime.ts'
import type { IdentityProvider, UpstreamProvider } from '../core/user.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { createFetch } from './fetch.ts'

/** One that has an `upstream`. */
export type OpenIdProvider = IdentityProvider & { readonly upstream: UpstreamProvider }

/** Rejects with what openid-client or the way out throws. */
export type Discover = (provider: OpenIdProvider) => Promise<Configuration>

/** How long a provider's metadata count as new; what is older is used on while the provider can't be asked. */
const lifetime = 600
const longest = 86_400
/** Seconds between two questions to one that did not answer, while its old metadata serve. */
const pause = 30

type Known = { readonly configuration: Configuration; readonly at: number; readonly askAgain: number }

/** Kept for each configured provider, so there are no more than those; asked once however many wait. */
export function createDiscovery({ outbound, clock }: { outbound: Outbound; clock: Clock }): Discover {
  const known = new Map<string, Known>()
  const asking = new Map<string, Promise<Configuration>>()
  const fetch = createFetch(outbound)

  async function ask(provider: OpenIdProvider): Promise<Configuration> {
    const { name } = provider
    const before = known.get(name)
    try {
      const configuration = await describe(provider, fetch, clock)
      const at = clock.now()
      known.set(name, { configuration, at, askAgain: at + lifetime })
      return configuration
    } catch (error) {
      if (!before || before.at + longest <= clock.now()) throw error
      known.set(name, { ...before, askAgain: clock.now() + pause })
      return before.configuration
    } finally {
      asking.delete(name)
    }
  }

  return provider => {
    const found = known.get(provider.name)
    if (found && found.askAgain > clock.now()) return Promise.resolve(found.configuration)
    const under = asking.get(provider.name)
    if (under) return under
    const asked = ask(provider)
    asking.set(provider.name, asked)
    return asked
  }
}

async function describe(
  { upstream }: OpenIdProvider,
  fetch: ReturnType<typeof createFetch>,
  clock: Clock,
): Promise<Configuration> {
  // Loaded when first used: a part of the start that many installations never need.
  const client = await import('openid-client')
  const issuer = new URL(upstream.issuer)
  const metadata = {
    ...(upstream.client_secret !== undefined && { client_secret: upstream.client_secret }),
    ...(upstream.id_token_signed_response_alg !== undefined && {
      id_token_signed_response_alg: upstream.id_token_signed_response_alg,
    }),
    // The server's own time counts, as everywhere.
    [client.clockSkew]: clock.now() - Math.floor(Date.now() / 1000),
  }
  return client.discovery(issuer, upstream.client_id, metadata, await authenticationOf(upstream), {
    [client.customFetch]: fetch,
    execute: [
      // OpenID Connect Core 1.0 §3.1.3.7 (6) would let TLS stand for the signature; ours is checked all the same.
      client.enableNonRepudiationChecks,
      // An issuer without TLS is the operator's decision; where such a request may go, the way out decides.
      ...(issuer.protocol === 'http:' ? [client.allowInsecureRequests] : []),
    ],
  })
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
