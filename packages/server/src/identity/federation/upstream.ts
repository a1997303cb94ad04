/** Sign-in at an OpenID Connect provider with the code flow (OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9207). */

import type { Seconds } from '@tessera/protocol/brand'
import { type JsonObject, ok, type Result, refuse } from '@tessera/protocol/result'
import { mergeClaims } from '../../model/merged-claims.ts'
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
  /** Our acr values, preferred first. The provider's values that are mapped to them are requested. */
  readonly acr?: readonly string[]
}

/** The user that the provider authenticated. */
export type UpstreamUser = {
  readonly iss: string
  readonly sub: string
  readonly claims: JsonObject
  readonly verified_email?: string
  readonly amr: readonly string[]
  readonly acr?: string
  /** When the user authenticated at the provider; undefined if the provider does not state it. */
  readonly auth_time?: Seconds
  readonly id_token: string
  /** The provider's session. */
  readonly sid?: string
}

export type Upstream = {
  /** Returns the URL to redirect the browser to. Refuses `temporarily_unavailable` and `server_error`. */
  readonly authorizationUrl: (
    provider: OpenIdProvider,
    proof: UpstreamProof,
    parameters: UpstreamRequestParameters,
  ) => Promise<Result<string>>
  /**
   * Redeems the parameters of the callback. Refuses `access_denied` if the user or the provider denied the request,
   * `temporarily_unavailable` if the provider is unreachable, and `server_error` for any other invalid response.
   */
  readonly complete: (
    provider: OpenIdProvider,
    callback: URLSearchParams,
    proof: UpstreamProof,
  ) => Promise<Result<UpstreamUser>>
  /** Returns the URL for signing out at the provider. Refuses as `authorizationUrl` does, and if the provider has no sign-out. */
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

type UpstreamPorts = {
  readonly discover: Discover
  /** Returns the callback URL. Each provider has its own, so that none can respond for another (RFC 9700 §4.4.2). */
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
          scope,
          state,
          nonce,
          code_challenge: await client.calculatePKCECodeChallenge(code_verifier),
          code_challenge_method: 'S256',
          ...(response_mode === 'form_post' && { response_mode }),
          ...(parameters.prompt && { prompt: parameters.prompt }),
          ...(parameters.max_age !== undefined && { max_age: String(parameters.max_age) }),
          ...(parameters.login_hint !== undefined && { login_hint: parameters.login_hint }),
          ...(parameters.ui_locales && { ui_locales: parameters.ui_locales }),
          ...(acr_values && { acr_values }),
        })
        // openid-client builds only http(s) URLs, and http only for an http issuer.
        return ok(url.href)
      } catch (error) {
        return refusalOf(error, provider.name)
      }
    },

    async complete(provider, callback, { state, nonce, code_verifier }) {
      const { upstream } = provider
      let isRedeemed = false
      try {
        const client = await import('openid-client')
        const configuration = await discover(provider)
        const url = new URL(callbackOf(provider.name))
        url.search = callback.toString()
        const tokens = await client.authorizationCodeGrant(configuration, url, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: code_verifier,
          idTokenExpected: true,
        })
        isRedeemed = true
        const claims = tokens.claims()!
        const more = upstream.userinfo
          ? await client.fetchUserInfo(configuration, tokens.access_token, claims.sub)
          : undefined
        return userOf(provider, mergeClaims(more ?? {}, claims), tokens.id_token!)
      } catch (error) {
        const refusal = refusalOf(error, provider.name)
        if (!isRedeemed || refusal.reason === 'upstream_unreachable') return refusal
        return refuse('server_error', 'upstream_userinfo_invalid', { log: refusal.log })
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
        // §2 only recommends the hint. Without it the provider asks the user, which is better than sending a URL that
        // is too long.
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

/** Limits of a `sub` (OpenID Connect Core 1.0 §2) and of the ID token, which is stored for signing out. */
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
  const isMapped = typeof acr === 'string' && Object.hasOwn(upstream.acr_mapping, acr)
  return ok({
    iss,
    sub,
    claims,
    id_token,
    verified_email: typeof email === 'string' && email_verified === true ? email : undefined,
    amr: ['fed', ...(upstream.trust_amr ? trustedAmr(amr) : [])],
    acr: isMapped ? upstream.acr_mapping[acr] : undefined,
    auth_time: typeof auth_time === 'number' ? Math.floor(auth_time) : undefined,
    // A lone surrogate has no UTF-8 encoding: sessions of such names could be mistaken for each other.
    sid: typeof sid === 'string' && sid.length <= longestSub && sid.isWellFormed() ? sid : undefined,
  })
}

/** Returns the provider's `amr` values, limited to the format of RFC 8176. */
const trustedAmr = (amr: unknown): readonly string[] =>
  Array.isArray(amr)
    ? amr.filter(value => typeof value === 'string' && /^[\w-]{1,32}$/.test(value)).slice(0, 10)
    : []
