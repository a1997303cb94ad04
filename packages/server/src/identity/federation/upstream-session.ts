/** Sessions at providers: stored at sign-in, ended at sign-out (OpenID Connect RP-Initiated Logout 1.0 §2, Back-Channel Logout 1.0 §2.7). */

import type { Seconds } from '@tessera/protocol/brand'
import { newTimedId } from '../../model/handle.ts'
import type { Sealing } from '../../model/keys.ts'
import type { UpstreamSessions } from '../../model/ports/stores.ts'
import type { UpstreamSignOut } from '../../model/session.ts'
import type { Clock, Log, Random } from '../../runtime/ports.ts'
import { type ExternalIdentity, identityKey } from '../external-identity.ts'
import type { OpenIdProvider } from './provider-discovery.ts'
import type { Upstream, UpstreamUser } from './upstream.ts'

/** Stores the provider's session of a local user and returns its id, which the local session refers to. */
export type StoreUpstreamSession = (
  identity: ExternalIdentity,
  user: Pick<UpstreamUser, 'id_token' | 'sid'>,
  sub: string,
) => Promise<string>

/** At least the longest lifetime of a session. */
const lifetime: Seconds = 90 * 86_400

export const createUpstreamSessionStorage =
  ({
    upstreamSessions,
    sealing,
    random,
    clock,
  }: {
    upstreamSessions: UpstreamSessions
    sealing: Sealing
    random: Random
    clock: Clock
  }): StoreUpstreamSession =>
  async (identity, { id_token, sid }, sub) => {
    const id = newTimedId(random)
    await upstreamSessions.create({
      id,
      provider: identity.provider.name,
      identity: identityKey(identity),
      sub,
      ...(sid !== undefined && { upstream_sid: sid }),
      id_token: sealing.seal(id_token, id),
      expires_at: clock.now() + lifetime,
    })
    return id
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
