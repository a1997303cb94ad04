/** Signing out at the provider that a session came from (OpenID Connect RP-Initiated Logout 1.0 §2). */

import type { Sealing } from '../../model/keys.ts'
import type { UpstreamSessions } from '../../model/ports/stores.ts'
import type { UpstreamSignOut } from '../../model/session.ts'
import type { Log } from '../../runtime/ports.ts'
import type { OpenIdProvider } from './provider-discovery.ts'
import type { Upstream } from './upstream.ts'

export type SignOutPorts = {
  readonly openIdProviders: readonly OpenIdProvider[]
  readonly upstream: Pick<Upstream, 'endSessionUrl'>
  readonly upstreamSessions: UpstreamSessions
  readonly sealing: Sealing
  readonly log: Log
}

/** A provider that is away, offers no sign-out or is configured without one keeps nobody from signing out here. */
export const createUpstreamSignOut =
  ({ openIdProviders, upstream, upstreamSessions, sealing, log }: SignOutPorts): UpstreamSignOut =>
  async ({ upstream: id }, { uri, state }) => {
    const there = id === undefined ? undefined : await upstreamSessions.find(id)
    const provider = openIdProviders.find(({ name }) => name === there?.provider)
    if (!there || !provider) return undefined
    await upstreamSessions.end(there.id)
    if (!provider.upstream.end_session) return undefined
    const url = await upstream.endSessionUrl(provider, {
      id_token_hint: sealing.open(there.id_token, there.id),
      post_logout_redirect_uri: uri,
      state,
    })
    if (url.ok) return url.value
    log.info('upstream_sign_out_failed', { provider: provider.name, reason: url.reason, ...url.log })
    return undefined
  }
