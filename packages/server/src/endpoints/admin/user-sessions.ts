/** Sessions of users. */

import type { Session } from '../../model/authorization.ts'
import type { Sessions } from '../../model/ports/stores.ts'
import { type EndSession, isCurrent } from '../../model/session.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { Handlers } from './operation.ts'
import { problem } from './problem.ts'
import type { userOperations } from './user-operations.ts'

export type SessionPorts = {
  readonly sessions: Pick<Sessions, 'ofUser'>
  readonly endSession: EndSession
  /** Ends the sessions and revokes the tokens of any user. Resolves to the `sid` of each session. */
  readonly endAccess: (sub: string) => Promise<readonly string[]>
  /** Resolves to undefined if there was nothing to revoke. */
  readonly revokeSession: (sid: string) => Promise<object | undefined>
  /** Revokes everything of a tenant's users, or everything of the issuer. */
  readonly revokeTenant: (tenant: string | undefined) => Promise<void>
  /** The tenants that share the issuer. */
  readonly tenants: ReadonlySet<string>
  readonly clock: Clock
}

export function createSessionHandlers({
  sessions,
  endSession,
  endAccess,
  revokeSession,
  revokeTenant,
  tenants,
  clock,
}: SessionPorts): Pick<
  Handlers<typeof userOperations>,
  | 'listSessions'
  | 'endSessions'
  | 'endSession'
  | 'revokeUser'
  | 'revokeSession'
  | 'revokeTenant'
  | 'revokeEverything'
> {
  const currentOf = async (sub = ''): Promise<readonly Session[]> =>
    (await sessions.ofUser(sub)).filter(session => isCurrent(session, clock.now()))

  const end = async (sids: readonly string[]): Promise<readonly string[]> => {
    const ended = await Promise.all(sids.map(sid => endSession(sid, 'ended_by_operator')))
    return ended.flatMap(one => one?.session.sid ?? [])
  }

  return {
    async listSessions({ path: { sub } }) {
      return { ok: true, status: 200, body: { items: (await currentOf(sub)).map(shown) } }
    },
    async endSessions({ path: { sub = '' }, dryRun, changed }) {
      const found = (await currentOf(sub)).map(({ sid }) => sid)
      const sids = dryRun ? found : await end(found)
      if (!dryRun && sids.length > 0) changed('user', sub)
      return { ok: true, status: 200, body: { sids } }
    },
    async revokeUser({ path: { sub = '' }, dryRun, changed }) {
      const sids = dryRun ? (await currentOf(sub)).map(({ sid }) => sid) : await endAccess(sub)
      if (!dryRun) changed('user', sub)
      return { ok: true, status: 200, body: { sids } }
    },
    async revokeSession({ path: { sid = '' }, changed }) {
      if (!(await revokeSession(sid)))
        return problem('admin_entry_unknown', 'no session and no valid authorization has this sid')
      changed('session', sid)
      return { ok: true, status: 204 }
    },
    async revokeTenant({ path: { name = '' }, changed }) {
      if (!tenants.has(name))
        return problem(
          'admin_entry_unknown',
          'no tenant with this name shares the issuer; one with its own issuer has its own API',
        )
      await revokeTenant(name)
      changed('Tenant', name)
      return { ok: true, status: 204 }
    },
    async revokeEverything({ changed }) {
      await revokeTenant(undefined)
      changed('issuer', 'all')
      return { ok: true, status: 204 }
    },
    async endSession({ path: { sub = '', sid }, dryRun, changed }) {
      const session = (await currentOf(sub)).find(one => one.sid === sid)
      const sids = !session ? [] : dryRun ? [session.sid] : await end([session.sid])
      if (sids.length === 0) return problem('admin_entry_unknown', 'the user has no such session')
      if (!dryRun) changed('session', session!.sid)
      return { ok: true, status: 200, body: { sids } }
    },
  }
}

/** Omits the hash of the handle. */
const shown = ({
  sid,
  sub,
  idp,
  amr,
  acr,
  created_at,
  last_seen_at,
  idle_expires_at,
  address,
  user_agent,
}: Session) => ({
  sid,
  sub,
  idp,
  amr,
  ...(acr !== undefined && { acr }),
  created_at,
  last_seen_at,
  expires_at: idle_expires_at,
  ...(address !== undefined && { address }),
  ...(user_agent !== undefined && { user_agent }),
})
