/** Logout tokens of OpenID Connect providers (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.6). */

import type { Seconds } from '@tessera/protocol/brand'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { createRemoteJWKSet, JWTPayload } from 'jose'
import type { SigningAlgorithm } from '../../model/client.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { Discover, OpenIdProvider } from './provider-discovery.ts'
import { createFetch, refusalOf } from './provider-fetch.ts'
import { createProviderKeys } from './provider-keys.ts'

export type LogoutToken = {
  readonly iss: string
  readonly jti: string
  /** When it expires or becomes too old, whichever is earlier, so that its `jti` is not remembered for longer. */
  readonly end: Seconds
  readonly sid?: string
  readonly sub?: string
}

/** Refuses `invalid_request` for an invalid token, and as `refusalOf` does if the provider's keys can't be fetched. */
export type ReadLogoutToken = (provider: OpenIdProvider, token: string) => Promise<Result<LogoutToken>>

const event = 'http://schemas.openid.net/event/backchannel-logout'
/** Maximum age of a token, which §2.6 leaves to the recipient. */
const oldest: Seconds = 600
/** Seconds that a token is accepted after it expired, because clocks differ. */
export const clockTolerance = 60

export function createLogoutTokenReader({
  discover,
  algorithms,
  outbound,
  clock,
}: {
  discover: Discover
  /** Those of tokens. */
  algorithms: readonly SigningAlgorithm[]
  outbound: Outbound
  clock: Clock
}): ReadLogoutToken {
  const keys = new Map<string, ReturnType<typeof createRemoteJWKSet>>()
  // Separate from the keys for sign-ins, so that logout tokens can't use up their fetches.
  const providerKeys = createProviderKeys(createFetch(outbound), clock)

  return async (provider, token) => {
    const jose = await import('jose')
    const keysAt = (uri: string) => {
      const known = keys.get(uri)
      if (known) return known
      const made = jose.createRemoteJWKSet(new URL(uri), {
        // `createProviderKeys` limits the fetches.
        cooldownDuration: 0,
        [jose.customFetch]: (url, { method, headers }) =>
          providerKeys.fetch(url, {
            method,
            headers: Object.fromEntries(headers),
            body: undefined,
            redirect: 'manual',
          }),
      })
      keys.set(uri, made)
      return made
    }
    try {
      const { issuer, jwks_uri } = (await discover(provider)).serverMetadata()
      if (jwks_uri === undefined) return invalid('upstream_logout_token_invalid', provider)
      const { id_token_signed_response_alg: alg, client_id } = provider.upstream
      const { payload } = await jose.jwtVerify(token, keysAt(jwks_uri), {
        issuer,
        audience: client_id,
        maxTokenAge: oldest,
        clockTolerance,
        algorithms: algorithms.filter(one => alg === undefined || one === alg),
        requiredClaims: ['iat', 'exp', 'jti', 'events'],
        currentDate: new Date(clock.now() * 1000),
      })
      return readPayload(payload, issuer, provider)
    } catch (error) {
      if (error instanceof jose.errors.JOSEError) return invalid('upstream_logout_token_invalid', provider)
      return refusalOf(error, provider.name)
    }
  }
}

/** §2.4: requires the event and a session or a user, and forbids a nonce, which would make it an ID token. */
function readPayload(payload: JWTPayload, iss: string, provider: OpenIdProvider): Result<LogoutToken> {
  const { events, sub, sid, jti, iat, exp, nonce } = payload
  const happened =
    typeof events === 'object' && events !== null && typeof Reflect.get(events, event) === 'object'
  const [user, session, id] = [text(sub), text(sid), text(jti)]
  const names = user !== undefined || session !== undefined
  if (!happened || nonce !== undefined || !names || id === undefined) {
    return invalid('upstream_logout_token_invalid', provider)
  }
  return ok({
    iss,
    jti: id,
    end: Math.min(exp!, iat! + oldest),
    sid: session,
    sub: user,
  })
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= 255 && value.isWellFormed() ? value : undefined

const invalid = (reason: string, { name }: OpenIdProvider) =>
  refuse('invalid_request', reason, { log: { provider: name } })
