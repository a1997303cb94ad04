/** Authorization requests to providers, and the callbacks that they lead to (OpenID Connect Core 1.0 §3.1.2.1, RFC 7636 §4.1). */

import { createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { UpstreamRequest } from '../../model/federation.ts'
import { handleShape, hashHandle, newHandle } from '../../model/handle.ts'
import type { DerivedKeys } from '../../model/keys.ts'
import type { UpstreamRequests } from '../../model/ports/stores.ts'
import { networkKeys } from '../../runtime/network.ts'
import type { Clock, Random, TokenHash } from '../../runtime/ports.ts'
import { type CountAttempt, doCounted, type Forgive, type ForgiveAttempt } from '../attempts.ts'
import type { OpenIdProvider } from './provider-discovery.ts'
import type { Upstream, UpstreamProof, UpstreamRequestParameters } from './upstream.ts'

export type UpstreamAuthorization = {
  /**
   * Stores a request and returns the URL to redirect the browser to. Refuses as `authorizationUrl` does, and `slow_down`
   * with the time to wait.
   */
  readonly startUpstreamRequest: (
    provider: OpenIdProvider,
    parameters: UpstreamRequestParameters,
    expected: Pick<UpstreamRequest, 'browser' | 'continuation' | 'linking_sid'> & {
      /** The network that the request came from. */
      readonly from: string
    },
  ) => Promise<Result<string>>
  /** Deletes and returns the request with this state; undefined if it is unknown, expired or of another browser. */
  readonly redeemUpstreamRequest: (
    state: string,
    browser: TokenHash,
    from: string,
  ) => Promise<RedeemedRequest | undefined>
}

type RedeemedRequest = UpstreamRequest & {
  /** When the browser was sent to the provider. */
  readonly sent_at: Seconds
  /** Undoes the count of the request. Omit it if the provider refused the code, which anyone can invent. */
  readonly forgive: Forgive
}

/** Seconds until a request expires; long enough for a user who has to fetch a second factor. */
export const upstreamRequestLifetime: Seconds = 900
/** Maximum number of pending requests per network. Limited, because anyone can create these rows. */
const mostPending = 2000

export function createUpstreamAuthorization({
  upstream,
  upstreamStates,
  upstreamRequests,
  countAttempt,
  forgiveAttempt,
  clock,
}: {
  upstream: Pick<Upstream, 'authorizationUrl'>
  upstreamStates: UpstreamStates
  upstreamRequests: UpstreamRequests
  countAttempt: CountAttempt
  forgiveAttempt: ForgiveAttempt
  clock: Clock
}): UpstreamAuthorization {
  const pendingOf = (from: string) =>
    networkKeys('to a provider', from, { most: mostPending, span: upstreamRequestLifetime })

  return {
    async startUpstreamRequest(provider, parameters, { from, ...expected }) {
      const proof = upstreamStates.create()
      const location = await upstream.authorizationUrl(provider, proof, parameters)
      if (!location.ok) return location
      const counted = await countAttempt(pendingOf(from))
      if (!counted.ok) return refuse('slow_down', 'upstream_asked_too_often', { retry_after: counted.wait })
      const request = {
        ...expected,
        hash: upstreamStates.hash(proof.state),
        provider: provider.name,
        expires_at: clock.now() + upstreamRequestLifetime,
      }
      await doCounted(
        counted.forgive,
        () => upstreamRequests.create(request),
        () => true,
      )
      return ok(location.value)
    },
    async redeemUpstreamRequest(state, browser, from) {
      const request = await upstreamRequests.take(upstreamStates.hash(state), browser)
      if (!request) return undefined
      const forgive = () => forgiveAttempt(pendingOf(from))
      if (request.expires_at > clock.now())
        return { ...request, sent_at: request.expires_at - upstreamRequestLifetime, forgive }
      await forgive()
      return undefined
    },
  }
}

export type UpstreamStates = {
  readonly create: () => UpstreamProof
  /** Returns undefined for text that is not in the format of a state. */
  readonly proofOf: (state: string | undefined) => UpstreamProof | undefined
  readonly hash: (state: string) => TokenHash
}

const stateFormat = handleShape('tf')

/**
 * Creates states, and derives the nonce and the code verifier from them. Neither is stored, so a leaked database does
 * not reveal those of pending requests.
 */
export function createUpstreamStates({
  derived,
  random,
}: {
  derived: DerivedKeys
  random: Random
}): UpstreamStates {
  /** The same on all nodes while the master key is rotated, because it depends on the time in the state only. */
  const keyOf = (state: string): Uint8Array => {
    const [, time = '0'] = stateFormat.exec(state) ?? []
    return derived.asOf(Math.floor(Number.parseInt(time, 36) / 1000), 'federation')
  }
  const from = (purpose: string, state: string): string =>
    createHmac('sha256', keyOf(state)).update(`${purpose} ${state}`).digest('base64url')
  const proof = (state: string): UpstreamProof => ({
    state,
    nonce: from('nonce', state),
    code_verifier: from('code_verifier', state),
  })

  return {
    create: () => proof(newHandle(random, 'tf')),
    proofOf: state => (state !== undefined && stateFormat.test(state) ? proof(state) : undefined),
    hash: hashHandle,
  }
}
