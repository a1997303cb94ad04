/** Where a mail leads that lets a user choose a new password: it ends every session of theirs. */

import type { Endpoint } from '@tessera/protocol/http'
import { ok } from '@tessera/protocol/result'
import type { KnownAccounts } from '../../identity/password-guesses.ts'
import type { AccountSettings } from '../../model/account.ts'
import { localProvider } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { KnownBrowsers } from '../flow/known-browsers.ts'
import type { TellOwner } from '../flow/security-notification.ts'
import type { FieldProblem } from '../ui/field-pages.ts'
import { type LinkPorts, linkPage } from './link-page.ts'

export type ResetPorts = LinkPorts & {
  readonly accountSettings: Pick<AccountSettings, 'passwordPolicy'>
  readonly knownBrowsers: KnownBrowsers
  readonly knownAccounts: Pick<KnownAccounts, 'of'>
  readonly tellOwner: TellOwner
}

/** `GET` and `POST /password/reset?link=…`: `new_password`. Nobody is signed in by it: a second factor may be due. */
export function createResetEndpoint(ports: ResetPorts): Endpoint {
  const { accounts, pages, paths } = ports
  const min_length = ports.accountSettings.passwordPolicy.min_length

  return linkPage('reset_password', ports, {
    show: (request, linked) => page(request, linked),
    async act(request, linked, form) {
      const { user } = linked
      const password = form.get('new_password') ?? ''
      const fault = accounts.passwordFault(password, user)
      if (fault) return ok(page(request, linked, fault === 'too_short' ? { min_length } : fault))
      const changed = await accounts.setPassword(user, password, { from: networkOf(request) })
      if (!changed.ok) return changed
      const { sub, username, tenant } = user
      ports.tellOwner(request, sub, 'passwordChanged')
      const account = ports.knownAccounts.of(sub, { idp: localProvider, username, tenant })
      // Who holds the mailbox is let in here, however much strangers guess.
      const cookies = [ports.knownBrowsers.remember(request, account)]
      const links = [{ to: 'signIn', href: paths('/account') }] as const
      return ok(pages.notice(request, { kind: 'passwordSaved', links }, { cookies }))
    },
  })

  function page(
    request: Parameters<typeof pages.fields>[0],
    {
      link,
      user: { username },
      form,
    }: {
      link: string
      user: { username: string }
      form: { csrf: string; cookies: readonly (string | undefined)[] }
    },
    problem?: FieldProblem,
  ) {
    return pages.fields(
      request,
      {
        kind: 'reset',
        form: { action: paths('/password/reset'), csrf: form.csrf },
        ...{
          link,
          fields: ['username', 'new_password'],
          values: { username },
          fixed: 'username',
          min_length,
        },
        ...(problem && { problem }),
      },
      { cookies: form.cookies, ...(problem && { status: 400 }) },
    )
  }
}
