/** Ends sessions and notifies the clients that took part in them. */

import type { Configuration } from '../configuration/configuration.ts'
import { createLogoutDelivery } from '../sessions/logout-delivery.ts'
import { createEndings, type Endings } from '../sessions/session-end.ts'
import { createLogoutTokens } from '../tokens/logout-token.ts'
import type { ClientServices } from './client-services.ts'
import type { IssuerContext } from './issuer-context.ts'
import type { TokenServices } from './token-services.ts'

export type SessionServices = Pick<Endings, 'endSession' | 'endingWithin'> & {
  /** Ends expired sessions, if configured, and sends the logout tokens that are due. */
  readonly run: () => Promise<void>
  /** Resolves when no logout token is being sent. */
  readonly settled: () => Promise<void>
  /** Sends as many logout tokens as possible within a few seconds. */
  readonly close: () => Promise<void>
}

export function createSessionServices(
  { issuer, sessions: { endRevokes, endOnExpiry } }: Configuration,
  { stores, keys, clock, random, log, events, outbound }: IssuerContext,
  {
    clients: { lookup },
    tokens: { subjects },
  }: { readonly clients: ClientServices; readonly tokens: TokenServices },
): SessionServices {
  const logoutTokens = createLogoutTokens({ issuer, keys, subjects, clock, random })
  const delivery = createLogoutDelivery({ stores, clients: lookup, logoutTokens, outbound, clock, log })
  // Not awaited: users who sign out don't wait for clients.
  const onNotices = () => void delivery.deliver()
  const { endSession, endingWithin, endExpired } = createEndings({
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
    async run() {
      if (endOnExpiry) await endExpired()
      await delivery.deliver()
    },
    settled: delivery.settled,
    close: delivery.close,
  }
}
