/** Ends sessions and notifies the clients that took part in them. */

import type { Configuration } from '../configuration/configuration.ts'
import { nodeSkew } from '../operations/principals.ts'
import { receiverLimit } from '../runtime/async/claim-loop.ts'
import { settlesWithin } from '../runtime/async/promises.ts'
import { createLogoutDelivery } from '../sessions/logout-delivery.ts'
import { createEndings, type Endings } from '../sessions/session-end.ts'
import { createLogoutTokens } from '../tokens/logout-token.ts'
import type { ClientServices } from './client-services.ts'
import type { IssuerContext } from './issuer-context.ts'
import type { TokenServices } from './token-services.ts'

export type SessionServices = Pick<Endings, 'endSession' | 'endingWithin' | 'revokeSession'> & {
  /**
   * Revokes everything that was issued to users of the tenant, or everything of the issuer without one: tokens and
   * sessions at once, their ends and notices in the background.
   */
  readonly revokeTenant: (tenant: string | undefined) => Promise<void>
  /** Ends expired sessions, if configured, and sends the logout tokens that are due, for a few seconds at most. */
  readonly run: () => Promise<void>
  /** Resolves when no logout token is being sent. */
  readonly settled: () => Promise<void>
  /** Sends as many logout tokens as possible within a few seconds. */
  readonly close: () => Promise<void>
}

export function createSessionServices(
  { issuer, sessions: { endRevokes, endOnExpiry } }: Configuration,
  { stores, keys, clock, random, log, events, outbound, principals }: IssuerContext,
  {
    clients: { lookup },
    tokens: { subjects },
  }: { readonly clients: ClientServices; readonly tokens: TokenServices },
): SessionServices {
  const logoutTokens = createLogoutTokens({ issuer, keys, subjects, clock, random })
  const delivery = createLogoutDelivery({ stores, clients: lookup, logoutTokens, outbound, clock, log })
  // Not awaited: users who sign out don't wait for clients.
  const onNotices = () => void delivery.deliver()
  const { endSession, endingWithin, endExpired, revokeSession, endOfTenants } = createEndings({
    revokedTenants: principals.revokedTenants,
    stores,
    clock,
    log,
    events,
    endRevokes,
    onNotices,
  })
  return {
    endSession,
    endingWithin,
    revokeSession,
    async revokeTenant(tenant) {
      const until = clock.now() + nodeSkew
      await principals.revokeTenant(tenant, until)
      log.info('tenant_access_revoked', { tenant, until })
      events.emit('tenant.access_revoked', { ...(tenant !== undefined && { tenant }) })
    },
    async run() {
      await endOfTenants()
      if (endOnExpiry) await endExpired()
      await settlesWithin(receiverLimit, delivery.deliver())
    },
    settled: delivery.settled,
    close: delivery.close,
  }
}
