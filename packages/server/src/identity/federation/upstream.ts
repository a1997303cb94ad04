/** Sign-in at an OpenID Connect provider by the code flow (OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9207). */

import type { Seconds } from '@tessera/protocol/brand'
import { type JsonObject, ok, type Result, refuse } from '@tessera/protocol/result'
import { mapClaims } from '../external-identity.ts'
import type { Discover, OpenIdProvider } from './provider-discovery.ts'
import { refusalOf } from './provider-fetch.ts'

/** Derived from the `state`, and never stored. */
export type UpstreamProof = {
  readonly state: string
  readonly nonce: string
  readonly code_verifier: string
}

export type UpstreamRequestParameters = {
  readonly prompt?: string
  readonly max_age?: Seconds
  readonly login_hint?: string
  readonly ui_locales?: string
  /** Our acr values, the best first; asked for as far as the provider's are mapped to them. */
  readonly acr?: readonly string[]
}

/** Who came back. */
export type UpstreamUser = {
  readonly iss: string
  readonly sub: string
  readonly claims: JsonObject
  readonly verified_email?: string
  readonly amr: readonly string[]
  readonly acr?: string
  /** When the user proved who they are there; undefined where the provider does not say. */
  readonly auth_time?: Seconds
  readonly id_token: string
  /** The session there. */
  readonly sid?: string
}

export type Upstream = {
  /** Where to send the browser. Refuses `temporarily_unavailable` and `server_error`. */
  readonly authorizationUrl: (
    provider: OpenIdProvider,
    proof: UpstreamProof,
    parameters: UpstreamRequestParameters,
  ) => Promise<Result<string>>
  /**
   * Redeems what the browser brought back. Refuses `access_denied` where the user refused there,
   * `temporarily_unavailable` where the provider is away, `server_error` for anything else that does not hold.
   */
  readonly complete: (
    provider: OpenIdProvider,
    answer: URLSearchParams,
    proof: UpstreamProof,
  ) => Promise<Result<UpstreamUser>>
  /** Where to sign out there. Refuses as `authorizationUrl` does, and where the provider offers no sign-out. */
  readonly endSessionUrl: (
    provider: OpenIdProvider,
    parameters: EndSessionParameters,
  ) => Promise<Result<string>>
}

type EndSessionParameters = {
  readonly id_token_hint: string
  readonly post_logout_redirect_uri: string
  readonly state: string
}

export type UpstreamPorts = {
  readonly discover: Discover
  /** Where a provider sends browsers back to: an address of its own, so that no provider can answer for another (RFC 9700 §4.4.2). */
  readonly callbackOf: (provider: string) => string
}

export function createUpstream({ discover, callbackOf }: UpstreamPorts): Upstream {
  return {
    async authorizationUrl(provider, { state, nonce, code_verifier }, parameters) {
      const { scope, response_mode, acr_mapping } = provider.upstream
      try {
        const client = await import('openid-client')
        const configuration = await discover(provider)
        const acr_values = theirAcr(acr_mapping, parameters.acr ?? [])
        const url = client.buildAuthorizationUrl(configuration, {
          redirect_uri: callbackOf(provider.name),
          ...{ scope, state, nonce },
          code_challenge: await client.calculatePKCECodeChallenge(code_verifier),
          code_challenge_method: 'S256',
          ...(response_mode === 'form_post' && { response_mode }),
          ...(parameters.prompt && { prompt: parameters.prompt }),
          ...(parameters.max_age !== undefined && { max_age: String(parameters.max_age) }),
          ...(parameters.login_hint !== undefined && { login_hint: parameters.login_hint }),
          ...(parameters.ui_locales && { ui_locales: parameters.ui_locales }),
          ...(acr_values && { acr_values }),
        })
        // openid-client builds addresses of the web only, and without TLS only where the issuer has none.
        return ok(url.href)
      } catch (error) {
        return refusalOf(error, provider.name)
      }
    },

    async complete(provider, answer, { state, nonce, code_verifier }) {
      const { upstream } = provider
      try {
        const client = await import('openid-client')
        const configuration = await discover(provider)
        const url = new URL(callbackOf(provider.name))
        url.search = answer.toString()
        const tokens = await client.authorizationCodeGrant(configuration, url, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: code_verifier,
          idTokenExpected: true,
        })
        const claims = tokens.claims()!
        const more = upstream.userinfo
          ? await client.fetchUserInfo(configuration, tokens.access_token, claims.sub)
          : undefined
        return userOf(provider, { ...more, ...claims }, tokens.id_token!)
      } catch (error) {
        return refusalOf(error, provider.name)
      }
    },

    async endSessionUrl(provider, { id_token_hint, ...parameters }) {
      try {
        const client = await import('openid-client')
        const configuration = await discover(provider)
        if (configuration.serverMetadata().end_session_endpoint === undefined) {
          return refuse('server_error', 'upstream_without_sign_out')
        }
        const url = client.buildEndSessionUrl(configuration, { ...parameters, id_token_hint })
        // §2: only a recommendation. An address that is too long for a server is worth less than being asked there.
        if (url.href.length > longestUrl) url.searchParams.delete('id_token_hint')
        return ok(url.href)
      } catch (error) {
        return refusalOf(error, provider.name)
      }
    },
  }
}

const longestUrl = 8000

const theirAcr = (mapping: Readonly<Record<string, string>>, wanted: readonly string[]): string =>
  wanted.flatMap(acr => Object.keys(mapping).filter(theirs => mapping[theirs] === acr)).join(' ')

type TheirClaims = Readonly<Record<string, unknown>> & { readonly iss: string; readonly sub: string }

/** A longer `sub` than OpenID Connect Core 1.0 §2 allows is none, and an ID token that fills a row is no hint for signing out. */
const longestSub = 255
const longestIdToken = 16_384

function userOf(
  { name: provider, upstream }: OpenIdProvider,
  theirs: TheirClaims,
  id_token: string,
): Result<UpstreamUser> {
  const { iss, sub, email, email_verified, auth_time, acr, amr, sid } = theirs
  const claims = mapClaims(upstream.claims, theirs, upstream.list_claims)
  if (!claims || sub.length > longestSub || id_token.length > longestIdToken) {
    return refuse('server_error', 'upstream_answer_too_large', { log: { provider } })
  }
  const ours = typeof acr === 'string' && Object.hasOwn(upstream.acr_mapping, acr)
  return ok({
    ...{ iss, sub, claims, id_token },
    ...(typeof email === 'string' && email_verified === true && { verified_email: email }),
    amr: ['fed', ...(upstream.trust_amr ? trustedAmr(amr) : [])],
    ...(ours && { acr: upstream.acr_mapping[acr]! }),
    ...(typeof auth_time === 'number' && { auth_time: Math.floor(auth_time) }),
    ...(typeof sid === 'string' && sid.length <= longestSub && { sid }),
  })
}

/** RFC 8176 values are short names. */
const trustedAmr = (amr: unknown): readonly string[] =>
  Array.isArray(amr)
    ? amr.filter(value => typeof value === 'string' && /^[\w-]{1,32}$/.test(value)).slice(0, 10)
    : []
