/** Ends everything of a user at an operator's request, whichever kind of user it is. */

import type { Events } from '../model/events.ts'
import type { EndedSession, Stores } from '../model/ports/stores.ts'
import type { EndingWithin } from '../model/session.ts'
import type { Log } from '../runtime/ports.ts'
import type { AccessEndings } from './access-endings.ts'
import type { Accounts } from './accounts.ts'

type EndOfAccessPorts = {
  readonly accounts: Pick<Accounts, 'endAccess'>
  readonly stores: Pick<Stores, 'sessions'>
  readonly accessEndings: Pick<AccessEndings, 'end'>
  readonly endingWithin: EndingWithin
  readonly log: Log
  readonly events: Pick<Events, 'emit'>
}

/**
 * Returns a function that ends the sessions and the sign-ins in progress of a user and revokes every authorization with
 * its codes, refresh tokens and access tokens, in one write. It resolves to the `sid` of each ended session. It also
 * applies to users without a row in the store: those of the configuration, of a provider, or of the operator's store. They
 * can sign in again, until they are disabled where they come from.
 */
export function createEndOfAccess({
  accounts,
  stores: { sessions },
  accessEndings,
  endingWithin,
  log,
  events,
}: EndOfAccessPorts): (sub: string) => Promise<readonly string[]> {
  async function endOfOther(sub: string): Promise<readonly EndedSession[]> {
    const ended = await accessEndings.end(sub, () =>
      sessions.endOfUser(sub, { ...endingWithin.ending(), everything: true }),
    )
    endingWithin.ended(ended, 'access_revoked')
    events.emit('user.access_revoked', { sub })
    return ended
  }

  return async sub => {
    const stored = await accounts.endAccess(sub)
    // The write returns what it ended, so that a session that begins meanwhile is named too.
    const ended = stored.ok ? stored.value : await endOfOther(sub)
    log.info('user_access_revoked', { sub, sessions: ended.length })
    return ended.map(({ session }) => session.sid)
  }
}
