/** `tessera sessions list`, `tessera sessions end` and `tessera sessions revoke`. The server may run meanwhile; it notifies the clients. */

import { writeError, writeOutput } from '../operations/output/standard-output.ts'
import type { ExitCode, IssuerFlags, SessionFlags } from './command.ts'
import { lineOf, withOpened } from './issuer.ts'

type OpenSessions = Awaited<ReturnType<typeof import('../app/administration.ts').openSessions>>
type Row = Awaited<ReturnType<OpenSessions['ofUser']>>[number]

export const list = (flags: SessionFlags): Promise<ExitCode> =>
  withSessions(flags, async sessions => {
    const rows = flags.user === undefined ? [] : await sessions.ofUser(flags.user)
    for (const row of rows) writeOutput(`${lineOf(shown(row))}\n`)
    return 0
  })

export async function end(flags: SessionFlags): Promise<ExitCode> {
  const { user, sid } = flags
  if ((user === undefined) === (sid === undefined)) {
    writeError('tessera: specify either --sid or --user\n')
    return 2
  }
  return withSessions(flags, async sessions => {
    const sids = user === undefined ? [sid ?? ''] : (await sessions.ofUser(user)).map(row => row.sid)
    const ended = (await Promise.all(sids.map(sessions.end))).filter(done => done !== undefined)
    for (const { session, clients } of ended) {
      writeOutput(`ended sid=${session.sid} sub=${session.sub} clients=${clients.join(',')}\n`)
    }
    if (ended.length > 0) return 0
    writeError('tessera: no such session\n')
    return 1
  })
}

export const revoke = (flags: IssuerFlags & { readonly sid: string }): Promise<ExitCode> =>
  withSessions(flags, async sessions => {
    const revoked = await sessions.revoke(flags.sid)
    if (!revoked) {
      writeError('tessera: no session and no valid authorization has this sid\n')
      return 1
    }
    const { ended, authorizations } = revoked
    writeOutput(
      `revoked sid=${flags.sid} authorizations=${authorizations} clients=${ended?.clients.join(',') ?? ''}\n`,
    )
    return 0
  })

const withSessions = (
  flags: IssuerFlags,
  use: (sessions: OpenSessions) => Promise<ExitCode>,
): Promise<ExitCode> =>
  withOpened(
    flags,
    'sessions',
    async (...issuer) => (await import('../app/administration.ts')).openSessions(...issuer),
    use,
  )

/** Omits the handle's hash, which is of no use to an operator. */
const shown = ({ sid, sub, idp, created_at, last_seen_at, idle_expires_at, address, user_agent }: Row) => ({
  sid,
  sub,
  idp,
  created_at,
  last_seen_at,
  expires_at: idle_expires_at,
  address,
  user_agent: user_agent && JSON.stringify(user_agent),
})
