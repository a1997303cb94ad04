/** Hides sessions whose user signed in before everything of the tenant was revoked. They are ended soon afterwards. */

import type { Session } from '../model/authorization.ts'
import type { Sessions, Stores } from '../model/ports/stores.ts'

/** Returns the stores with sessions of which none that is revoked is found. Everything else is that of the stores. */
export function withoutRevoked(
  stores: Stores,
  isRevoked: (session: Pick<Session, 'tenant' | 'auth_time' | 'signed_in_at'>) => boolean,
): Stores {
  const { sessions } = stores
  const active = (session: Session | undefined): Session | undefined =>
    session && !isRevoked(session) ? session : undefined
  const reads: Pick<Sessions, 'find' | 'findBySid' | 'ofUser'> = {
    find: async hash => active(await sessions.find(hash)),
    findBySid: async sid => active(await sessions.findBySid(sid)),
    ofUser: async sub => (await sessions.ofUser(sub)).filter(session => !isRevoked(session)),
  }
  return over(stores, { sessions: over(sessions, reads) })
}

/** Returns an object with these members that inherits the others, also those that are replaced later. */
const over = <Whole extends object>(whole: Whole, members: Partial<Whole>): Whole =>
  Object.assign(Object.create(whole), members)
