/** The page behind the mailed link that invites a new user. The link verifies the address and creates one account. */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { AccountSettings } from '../../model/account.ts'
import { hashHandle } from '../../model/handle.ts'
import type { Users } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { BrowserRequest, BrowserRequests, PageRequest } from '../flow/browser-request.ts'
import { fieldProblem } from '../flow/form-problem.ts'
import type { LinkOf, MailLinks } from '../flow/mail-link.ts'
import { browserOf } from '../flow/page-form.ts'
import type { FieldProblem } from '../ui/field-pages.ts'
import type { Pages } from '../ui/pages.ts'
import { createNewAccounts, type NewAccountPorts } from './new-account.ts'
import { toAccount, type Waiting, type WaitingPorts } from './waiting.ts'

type CompletePorts = WaitingPorts &
  NewAccountPorts & {
    readonly browserRequests: BrowserRequests
    readonly accountSettings: Pick<AccountSettings, 'passwordPolicy'>
    readonly users: Pick<Users, 'isNameTaken'>
    readonly mailLinks: MailLinks
    readonly pages: Pages
  }

type InvitedPage = PageRequest & { readonly linkText: string; readonly invited: LinkOf<'sign_up'> }

/** `GET` and `POST /register/complete?link=…`: `full_name` and `new_password`. */
export function createCompleteEndpoint(ports: CompletePorts): Endpoint {
  const { pages } = ports
  const newAccounts = createNewAccounts(ports)
  const { min_length } = ports.accountSettings.passwordPolicy

  return ports.browserRequests.page('signup', async opened => {
    const { request, form } = opened
    const linkText = form.get('link') ?? ''
    const invited = ports.mailLinks.open(linkText, 'sign_up')
    if (!invited || (await isUsed(invited))) {
      return invalid(opened, refuse('invalid_request', 'mail_link_invalid'))
    }
    // The mail may be older than the configuration.
    if (!ports.offered.signUpIn(invited.tenant)) {
      return invalid(opened, refuse('invalid_request', 'sign_up_not_offered'))
    }
    const page = { ...opened, linkText, invited }
    const full_name = form.get('full_name')?.trim() ?? ''
    if (!page.posted) return show(page, full_name)
    const { sub, email, tenant } = invited
    const password = form.get('new_password') ?? ''
    const from = networkOf(request)
    const added = await newAccounts.add({
      sub,
      username: email,
      email,
      verified: true,
      full_name,
      password,
      from,
      tenant,
      redeem: () => ports.mailLinks.redeem(invited),
    })
    if (added.ok) return newAccounts.signIn(request, added.user, await waitingFor(page))
    if (added.problem === 'username_taken' || added.problem === 'username_malformed') {
      return invalid(page, added.refusal)
    }
    return show(page, full_name, added.problem === 'too_short' ? { min_length } : added.problem)
  })

  /** Returns whether the link has created its account, or the address now belongs to another account. */
  async function isUsed({ sub, email, tenant }: LinkOf<'sign_up'>): Promise<boolean> {
    return (await ports.accounts.find(sub)) !== undefined || ports.users.isNameTaken(email, tenant)
  }

  /** Returns the pending request of this browser, otherwise the account page, because a client's request can't continue in another browser. */
  async function waitingFor({ invited, form }: InvitedPage): Promise<Waiting> {
    const { continuation, browser, tenant } = invited
    const here = hashHandle(browserOf(form))
    const requester = browser === here && continuation ? await ports.findRequester(continuation) : undefined
    if (continuation && requester?.ok) return { continuation, requester: requester.value }
    return { continuation: toAccount(ports.clock), requester: { tenant, ui_locales: [] } }
  }

  async function show(page: InvitedPage, full_name: string, problem?: FieldProblem): Promise<HttpResponse> {
    const { email, continuation } = page.invited
    const { text, context } = fieldProblem(problem)
    const requester = continuation && (await ports.findRequester(continuation))
    return pages.fields(
      page.request,
      {
        kind: 'complete',
        form: page.pageForm('/register/complete'),
        link: page.linkText,
        fields: ['username', 'full_name', 'new_password'],
        fixed: 'username',
        min_length,
        values: { username: email, full_name },
        problem: text,
      },
      {
        ...(requester?.ok ? page.formContext(requester.value, continuation) : page.formContext()),
        ...context,
      },
    )
  }

  function invalid(page: BrowserRequest, refusal: Refusal): Promise<HttpResponse> {
    page.logRefusal(refusal)
    return pages.notice(page.request, { kind: 'linkInvalid' }, { status: 400 })
  }
}
