/** Sessions at providers: stored at sign-in, ended at sign-out (OpenID Connect RP-Initiated Logout 1.0 §2, Back-Channel Logout 1.0 §2.7). */

import { hash } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { newTimedId } from '../../model/handle.ts'
import type { Sealing } from '../../model/keys.ts'
import type { Stores, UpstreamSessions, UsedAssertion } from '../../model/ports/stores.ts'
import type { UpstreamSignOut } from '../../model/session.ts'
import type { Clock, Log, Random, TokenHash } from '../../runtime/ports.ts'
import { type ExternalIdentity, identityKey } from '../external-identity.ts'
import type { OpenIdProvider } from './provider-discovery.ts'
import type { Upstream, UpstreamUser } from './upstream.ts'
import { upstreamRequestLifetime } from './upstream-authorization-request.ts'

/**
 * Stores the provider's session of a local user and returns its id, which the local session refers to. Refuses
 * `server_error` if the provider reported the end of the session before, or that of all the user's sessions since it
 * was asked.
 * @param askedAt when the browser was sent to the provider.
 */
export type StoreUpstreamSession = (
  identity: ExternalIdentity,
  user: Pick<UpstreamUser, 'id_token' | 'sid'>,
  sub: string,
  askedAt: Seconds,
) => Promise<Result<string>>

/** At least the longest lifetime of a session. */
const lifetime: Seconds = 90 * 86_400

/** At least the lifetime of a code (RFC 6749 §4.1.2), which a browser may return late. */
const endRemembered: Seconds = 600

/** Returns the hash under which an id of a provider is remembered for a use; ids of two providers may be equal. */
export const rememberedHash = (
  use: 'logout_token' | 'ended_upstream' | 'ended_upstream_all' | 'ended_upstream_no_sid',
  { name }: Pick<OpenIdProvider, 'name'>,
  id: string,
): TokenHash => hash('sha256', JSON.stringify([use, name, id]), 'base64url') as TokenHash

/** Returns what to remember about a session that the provider ended, so that no code issued in it starts a session here. */
export const endedUpstreamSession = (
  provider: Pick<OpenIdProvider, 'name'>,
  sid: string,
  now: Seconds,
): UsedAssertion => ({
  hash: rememberedHash('ended_upstream', provider, sid),
  expires_at: now + endRemembered,
})

/**
 * Returns what to remember about a user whose sessions the provider ended (all, or those without a sid), so that a sign-in
 * which began before starts no session here. Later ones do, since their session at the provider is a new one.
 */
export const endedUpstreamUser = (
  provider: Pick<OpenIdProvider, 'name'>,
  identity: string,
  now: Seconds,
  which: 'all' | 'no_sid',
): UsedAssertion => ({
  hash: rememberedHash(`ended_upstream_${which}`, provider, identity),
  expires_at: now + upstreamRequestLifetime,
})

export const createUpstreamSessionStorage =
  ({
    stores: { upstreamSessions, usedAssertions },
    sealing,
    random,
    clock,
  }: {
    stores: Pick<Stores, 'upstreamSessions' | 'usedAssertions'>
    sealing: Sealing
    random: Random
    clock: Clock
  }): StoreUpstreamSession =>
  async (identity, { id_token, sid }, sub, askedAt) => {
    const { provider } = identity
    const isEnded = async (): Promise<boolean> => {
      if (sid !== undefined && (await usedAssertions.has(rememberedHash('ended_upstream', provider, sid))))
        return true
      for (const which of sid === undefined ? (['all', 'no_sid'] as const) : (['all'] as const)) {
        const { hash, expires_at } = endedUpstreamUser(provider, identityKey(identity), askedAt, which)
        if (((await usedAssertions.until(hash)) ?? 0) >= expires_at) return true
      }
      return false
    }
    const id = newTimedId(random)
    const now = clock.now()
    await upstreamSessions.create({
      id,
      provider: provider.name,
      identity: identityKey(identity),
      sub,
      ...(sid !== undefined && { upstream_sid: sid }),
      id_token: sealing.seal(id_token, id),
      expires_at: now + lifetime,
    })
    // After it was stored: a logout token that arrives from now on finds the row.
    if (!(await isEnded())) return ok(id)
    await upstreamSessions.end(id)
    return refuse('server_error', 'upstream_session_ended', { log: { provider: provider.name, sub } })
  }

type SignOutPorts = {
  readonly openIdProviders: readonly OpenIdProvider[]
  readonly upstream: Pick<Upstream, 'endSessionUrl'>
  readonly upstreamSessions: UpstreamSessions
  readonly sealing: Sealing
  readonly log: Log
}

/**
 * Signs the user out at the provider that the session originates from. If the provider is unreachable or does not
 * support sign-out, the local sign-out continues.
 */
export const createUpstreamSignOut =
  ({ openIdProviders, upstream, upstreamSessions, sealing, log }: SignOutPorts): UpstreamSignOut =>
  async ({ upstream: id }, { uri, state }) => {
    const session = id === undefined ? undefined : await upstreamSessions.find(id)
    const provider = openIdProviders.find(({ name }) => name === session?.provider)
    if (!session || !provider) return undefined
    await upstreamSessions.end(session.id)
    if (!provider.upstream.end_session) return undefined
    const url = await upstream.endSessionUrl(provider, {
      id_token_hint: sealing.open(session.id_token, session.id),
      post_logout_redirect_uri: uri,
      state,
    })
    if (url.ok) return url.value
    log.info('upstream_sign_out_failed', { provider: provider.name, reason: url.reason, ...url.log })
    return undefined
  }
