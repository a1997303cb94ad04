/** The page behind a mailed link that lets a user choose a new password. It ends all of the user's sessions. */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { ok, refuse } from '@tessera/protocol/result'
import { isStored, type PasswordAccount, type PasswordAccounts } from '../../identity/password-accounts.ts'
import type { KnownAccounts } from '../../identity/password-guesses.ts'
import type { AccountSettings } from '../../model/account.ts'
import { localProvider } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { KnownBrowsers } from '../flow/browser-cookies.ts'
import type { NotifyOwner } from '../flow/security-notification.ts'
import type { FieldProblem } from '../ui/field-pages.ts'
import { type LinkPage, type LinkPagePorts, linkPage } from './link-page.ts'

type ResetPorts = Omit<LinkPagePorts<PasswordAccount>, 'accounts'> & {
  readonly accounts: PasswordAccounts
  readonly accountSettings: Pick<AccountSettings, 'passwordPolicy'>
  readonly knownBrowsers: KnownBrowsers
  readonly knownAccounts: Pick<KnownAccounts, 'of'>
  readonly notifyOwner: NotifyOwner
}

/**
 * `GET` and `POST /password/reset?link=…`: `new_password`. It does not sign the user in, because a second factor may be
 * required.
 */
export function createResetEndpoint(ports: ResetPorts): Endpoint {
  const { accounts, pages } = ports
  const { min_length } = ports.accountSettings.passwordPolicy

  return linkPage('reset_password', ports, {
    show: page => show(page),
    async act(page) {
      const { request, user } = page
      const password = page.form.get('new_password') ?? ''
      const fault = accounts.passwordProblem(password, user)
      if (fault) return ok(show(page, fault === 'too_short' ? { min_length } : fault))
      // If a store does not return the hash of a password, changing it does not invalidate this link and older ones.
      if (!isStored(user) && !(await ports.mailLinks.redeem(page.opened)))
        return refuse('invalid_request', 'mail_link_invalid')
      const changed = await accounts.setPassword(user, password, { from: networkOf(request) })
      if (!changed.ok) return changed
      const { sub, username, tenant } = user
      ports.notifyOwner(request, sub, 'passwordChanged')
      const account = ports.knownAccounts.of(sub, { idp: localProvider, username, tenant })
      // The user controls the mailbox, so guesses by strangers don't lock this browser out.
      const cookies = [ports.knownBrowsers.remember(request, account)]
      const links = [{ to: 'signIn', href: page.link('/account') }] as const
      return ok(pages.notice(request, { kind: 'passwordSaved', links }, { cookies }))
    },
  })

  function show(
    page: LinkPage<'reset_password', PasswordAccount>,
    problem?: FieldProblem,
  ): Promise<HttpResponse> {
    return pages.fields(
      page.request,
      {
        kind: 'reset',
        form: page.pageForm('/password/reset'),
        link: page.linkText,
        fields: ['username', 'new_password'],
        values: { username: page.user.username },
        fixed: 'username',
        min_length,
        problem,
      },
      { ...page.formContext(), status: problem && 400 },
    )
  }
}
