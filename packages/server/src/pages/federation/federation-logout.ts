/**
 * Handles notifications from a provider that a user signed out: by a logout token (OpenID Connect Back-Channel Logout
 * 1.0 §2.5), or in a hidden frame (Front-Channel Logout 1.0 §2). The local sessions that originate from it end, and their clients are notified.
 */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { parseParameters } from '@tessera/protocol/parameters'
import { type Refusal, refuse } from '@tessera/protocol/result'
import { identityKey } from '../../identity/external-identity.ts'
import type { OpenIdProvider } from '../../identity/federation/provider-discovery.ts'
import {
  clockTolerance,
  type LogoutToken,
  type ReadLogoutToken,
} from '../../identity/federation/upstream-logout-token.ts'
import {
  endedUpstreamSession,
  endedUpstreamUser,
  rememberedHash,
} from '../../identity/federation/upstream-session.ts'
import { readForm } from '../../messages/form.ts'
import type { Refuser } from '../../messages/json-response.ts'
import { rememberUntil } from '../../model/jose.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { EndSession } from '../../model/session.ts'
import type { Clock, Log } from '../../runtime/ports.ts'

type UpstreamLogoutPorts = {
  readonly readLogoutToken: ReadLogoutToken
  readonly stores: Pick<Stores, 'sessions' | 'upstreamSessions' | 'usedAssertions'>
  readonly endSession: EndSession
  readonly clock: Clock
  readonly log: Log
}

const limits = { logout_token: [16_384, 'invalid_request'] } as const

/** `POST /federation/backchannel-logout/NAME`. */
export function createBackChannelLogoutEndpoint(
  provider: OpenIdProvider,
  ports: UpstreamLogoutPorts & { readonly refuser: Refuser },
): Endpoint {
  return async request => {
    const form = readForm(request, limits)
    if (!form.ok) return ports.refuser(request, form, { step: 'parse' })
    const token = form.value.get('logout_token')
    if (token === undefined)
      return ports.refuser(request, missing('upstream_logout_token_missing'), { step: 'authenticate' })
    const read = await ports.readLogoutToken(provider, token)
    if (!read.ok) return ports.refuser(request, read, { step: 'authenticate' })
    const { usedAssertions } = ports.stores
    const marker = markerOf(provider, read.value)
    if (await usedAssertions.has(marker.hash))
      return ports.refuser(request, missing('upstream_logout_token_replayed'), { step: 'authenticate' })
    const { sid, sub } = read.value
    const now = ports.clock.now()
    // First, so that a sign-in which stores the session afterwards finds that it has ended.
    if (sid !== undefined) await usedAssertions.add(endedUpstreamSession(provider, sid, now))
    if (sub !== undefined)
      await usedAssertions.prolong(
        endedUpstreamUser(
          provider,
          identityOf(provider, read.value),
          now,
          sid === undefined ? 'all' : 'no_sid',
        ),
      )
    await endAll(provider, read.value, ports)
    // Last, so that the provider can send the token again if ending a session fails (§2.5).
    await usedAssertions.add(marker)
    return { status: 200, headers: { 'cache-control': 'no-store' }, body: '' }
  }
}

/**
 * `GET /federation/frontchannel-logout/NAME?iss=…&sid=…`: the session is identified by a `sid` that only its browser
 * and both servers know.
 */
export function createFrontChannelLogoutEndpoint(
  provider: OpenIdProvider,
  ports: UpstreamLogoutPorts,
): Endpoint {
  const answer = blankPage(new URL(provider.upstream.issuer).origin)
  return async (request: HttpRequest) => {
    const query = parseParameters(request.query, limits)
    const [iss, sid] = query.ok ? [query.value.get('iss'), query.value.get('sid')] : []
    const fits = iss === provider.upstream.issuer && sid !== undefined
    if (fits) await endAll(provider, { iss, sid }, ports)
    // The response does not reveal whether anything ended.
    return answer
  }
}

async function endAll(
  provider: OpenIdProvider,
  { iss, sid, sub }: Pick<LogoutToken, 'iss' | 'sid' | 'sub'>,
  { stores, endSession, log }: UpstreamLogoutPorts,
): Promise<void> {
  const { upstreamSessions } = stores
  const ofUser =
    sub === undefined
      ? []
      : await upstreamSessions.from(provider.name, { identity: identityOf(provider, { iss, sub }) })
  // A session whose sid the provider did not send may be the one that has ended.
  const found =
    sid === undefined
      ? ofUser
      : [
          ...(await upstreamSessions.from(provider.name, { upstream_sid: sid })),
          ...ofUser.filter(({ upstream_sid }) => upstream_sid === undefined),
        ]
  let ended = 0
  const endFrom = async (id: string) => {
    for (const session of await stores.sessions.fromUpstream(id)) {
      if (await endSession(session.sid, 'ended_by_provider')) ended += 1
    }
  }
  for (const { id } of found) {
    await endFrom(id)
    await upstreamSessions.end(id)
    // A sign-in may have stored its session in the meantime. Later ones look for the deleted row.
    await endFrom(id)
  }
  log.info('signed_out_upstream', { provider: provider.name, sessions: ended })
}

const identityOf = (provider: OpenIdProvider, { iss, sub = '' }: Pick<LogoutToken, 'iss' | 'sub'>): string =>
  identityKey({ provider, authority: iss, id: sub, claims: {} })

const markerOf = (provider: OpenIdProvider, { jti, end }: LogoutToken) => ({
  hash: rememberedHash('logout_token', provider, jti),
  expires_at: rememberUntil(end, clockTolerance),
})

const missing = (reason: string): Refusal => refuse('invalid_request', reason)

const blankPage = (origin: string): HttpResponse => ({
  status: 200,
  headers: {
    'cache-control': 'no-store',
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; frame-ancestors ${origin}`,
  },
  body: '<!doctype html><html lang="en"><title>Signed out</title></html>',
})
