/** Links a provider's user to the user who requested it, in the same session (see `account/connections.ts`). */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import { type ExternalIdentity, identityKey } from '../../identity/external-identity.ts'
import type { UpstreamUser } from '../../identity/federation/upstream.ts'
import type { Events } from '../../model/events.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Users } from '../../model/user.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { BrowserRequest } from '../flow/browser-request.ts'
import type { NotifyOwner } from '../flow/security-notification.ts'

export type LinkPorts = {
  readonly users: Pick<Users, 'find'>
  readonly stores: Pick<Stores, 'identityLinks'>
  readonly notifyOwner: NotifyOwner
  readonly clock: Clock
  readonly log: Log
  readonly events: Pick<Events, 'emit'>
}

/**
 * Refuses `invalid_request` if the session differs from the one that requested it, and `access_denied` if the
 * provider's user is already linked to another user here, or the user here has no room for a further link.
 */
export async function linkIdentity(
  page: Pick<BrowserRequest, 'request' | 'readSession'>,
  identity: ExternalIdentity,
  linking_sid: string,
  { users, stores: { identityLinks }, notifyOwner, clock, log, events }: LinkPorts,
): Promise<Result<string>> {
  const session = await page.readSession()
  if (session?.sid !== linking_sid || !(await users.find(session.sub))) {
    return refuse('invalid_request', 'linking_session_gone')
  }
  const { sub } = session
  const provider = identity.provider.name
  const key = identityKey(identity)
  const label = labelOf(identity)
  const link = { provider, identity: key, sub, ...(label !== undefined && { label }) }
  const added = await identityLinks.add({ ...link, created_at: clock.now() })
  if (added === 'full') return refuse('access_denied', 'identity_links_exhausted', { log: { provider, sub } })
  if (added === 'added') {
    log.info('identity_linked', { provider, sub, by: 'user' })
    events.emit('user.identity_linked', { sub, provider })
    notifyOwner(page.request, sub, 'identity_linked')
    return ok(sub)
  }
  const linked = await identityLinks.find(provider, key)
  return linked?.sub === sub
    ? ok(sub)
    : refuse('access_denied', 'identity_linked_elsewhere', { log: { provider, sub } })
}

const longestLabel = 200

/** Returns the user's name at the provider. */
function labelOf({ claims }: Pick<ExternalIdentity, 'claims'>): string | undefined {
  const named = [claims.preferred_username, claims.email, claims.name].find(
    claim => typeof claim === 'string' && claim !== '',
  )
  // The cut may be inside a surrogate pair, and stores keep no half of one.
  return typeof named === 'string' ? named.slice(0, longestLabel).toWellFormed() : undefined
}

export const identityOf = (
  provider: ExternalIdentity['provider'],
  { iss, sub, claims, verified_email }: UpstreamUser,
): ExternalIdentity => ({ provider, authority: iss, id: sub, claims, verified_email })
