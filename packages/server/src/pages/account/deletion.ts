/** The page on which users delete their account, if the operator allows it. */

import type { Endpoint } from '@tessera/protocol/http'
import type { Accounts } from '../../identity/accounts.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import type { SendAccountMail } from '../flow/account-mail.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import { type AccountPagePorts, storedUserPage } from './account-page.ts'

type DeletionPorts = AccountPagePorts & {
  readonly accounts: Pick<Accounts, 'remove'>
  readonly sessions: Pick<BrowserSessions, 'end'>
  readonly sendAccountMail: SendAccountMail
}

/** `GET` and `POST /account/delete`: requires a recent sign-in, with the second factor of users who have one. */
export function createDeletionEndpoint(ports: DeletionPorts): Endpoint {
  return storedUserPage(ports, {
    path: '/account/delete',
    section: 'profile',
    guard: { strict: true },
    form: ({ username }) => ({
      kind: 'deleteAccount',
      fields: ['username'],
      values: { username },
      fixed: 'username',
    }),
    async act({ request, owner: stored }) {
      const removed = await ports.accounts.remove(stored.sub, stored.sub)
      // If another request was faster, the account is deleted anyway.
      if (removed.ok) ports.sendAccountMail(request, async () => mailTo(stored))
      const { cookie } = await ports.sessions.end(request)
      return ports.pages.notice(request, { kind: 'accountDeleted' }, { cookies: [cookie] })
    },
  })
}

/** The mail is sent only to a verified address. */
const mailTo = ({ email, email_verified_at }: StoredUser) =>
  email !== undefined && email_verified_at !== undefined
    ? ({ to: email, kind: 'accountDeleted', path: '/' } as const)
    : undefined
