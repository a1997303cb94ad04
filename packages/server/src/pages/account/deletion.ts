/** The page on which users delete their account, where the operator lets them. */

import type { Endpoint } from '@tessera/protocol/http'
import type { Accounts } from '../../identity/accounts.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import type { SendLetter } from '../flow/account-mail.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import { type StoredUserPagePorts, storedUserPage } from './stored-user-page.ts'

export type DeletionPorts = StoredUserPagePorts & {
  readonly accounts: Pick<Accounts, 'find' | 'remove'>
  readonly sessions: Pick<BrowserSessions, 'end'>
  readonly sendLetter: SendLetter
}

/** `GET` and `POST /account/delete`: asks for a recent sign-in, with the second factor of who has one. */
export function createDeletionEndpoint(ports: DeletionPorts): Endpoint {
  return storedUserPage(ports, {
    path: '/account/delete',
    section: 'profile',
    strict: true,
    form: ({ username }) => ({
      kind: 'deleteAccount',
      ...{ fields: ['username'], values: { username }, fixed: 'username' },
    }),
    async act({ request, stored }) {
      const removed = await ports.accounts.remove(stored.sub)
      // Another request of theirs was faster: it is gone all the same.
      if (removed.ok) ports.sendLetter(request, async () => letterTo(stored))
      const { cookie } = await ports.sessions.end(request)
      return ports.pages.notice(request, { kind: 'accountDeleted' }, { cookies: [cookie] })
    },
  })
}

/** To an address that is known to have been theirs. */
const letterTo = ({ email, email_verified_at }: StoredUser) =>
  email !== undefined && email_verified_at !== undefined
    ? ({ to: email, kind: 'accountDeleted', path: '/' } as const)
    : undefined
