/**
 * Chooses which sessions of a user end when there are too many. The network with the most sessions loses the one that was used
 * longest ago: a script that signs in again and again ends its own sessions, not those of the user's browsers elsewhere.
 */

import type { Session } from '../../model/authorization.ts'
import { networkOfAddress, networkPath } from '../../runtime/network.ts'

/** @param sessions of one user, the most recently used first. */
export function surplusSessions(sessions: readonly Session[], most: number): readonly Session[] {
  if (sessions.length <= most) return []
  const networks = [...Map.groupBy(sessions, networkOfSession).values()]
  return Array.from({ length: sessions.length - most }, () => networks.reduce(fuller).pop()!)
}

/** IPv6 by the widest network that one customer holds. Sessions of earlier versions have no address. */
const networkOfSession = ({ address = '' }: Session): string | undefined =>
  networkPath(networkOfAddress(address))[0]

/** Of two with as many, the one with the session that was used longest ago. */
function fuller(one: Session[], other: Session[]): Session[] {
  if (one.length !== other.length) return one.length > other.length ? one : other
  return (one.at(-1)?.last_seen_at ?? 0) <= (other.at(-1)?.last_seen_at ?? 0) ? one : other
}
