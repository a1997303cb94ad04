/** Where the mail leads that invites a new user: their address is verified by the link, which makes one account. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { AccountSettings } from '../../model/account.ts'
import { hashHandle } from '../../model/handle.ts'
import type { Users } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import type { Csrf } from '../flow/csrf.ts'
import { fieldProblem } from '../flow/form-problem.ts'
import type { LinkOf, MailLinks } from '../flow/mail-link.ts'
import { browserOf, readPage } from '../flow/page-form.ts'
import type { Paths } from '../flow/page-paths.ts'
import { createPageRefuser, logRefusal } from '../flow/refused-page.ts'
import { formContextOf } from '../flow/requester.ts'
import type { FieldProblem } from '../ui/field-pages.ts'
import type { Pages } from '../ui/pages.ts'
import type { Waiting, WaitingPorts } from './waiting.ts'
import { createWelcome, type WelcomePorts } from './welcome.ts'

export type CompletePorts = WaitingPorts &
  WelcomePorts & {
    readonly accountSettings: Pick<AccountSettings, 'passwordPolicy'>
    readonly users: Pick<Users, 'isNameTaken'>
    readonly mailLinks: MailLinks
    readonly csrf: Csrf
    readonly pages: Pages
    readonly paths: Paths
    readonly log: Log
  }

/** `GET` and `POST /register/complete?link=…`: `full_name` and `new_password`. */
export function createCompleteEndpoint(ports: CompletePorts): Endpoint {
  const { pages, paths } = ports
  const refusePage = createPageRefuser('signup', ports)
  const welcome = createWelcome(ports)
  const min_length = ports.accountSettings.passwordPolicy.min_length

  return async request => {
    const posted = request.method === 'POST'
    const form = readPage(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const link = form.value.get('link') ?? ''
    const invited = ports.mailLinks.open(link, 'sign_up')
    if (!invited || (await isUsed(invited)))
      return invalid(request, refuse('invalid_request', 'mail_link_invalid'))
    // The mail may be older than the configuration.
    if (!ports.offered.signUpIn(invited.tenant))
      return invalid(request, refuse('invalid_request', 'sign_up_not_offered'))
    const full_name = form.value.get('full_name')?.trim() ?? ''
    if (!posted) return show(request, link, invited, full_name)
    const { sub, email, tenant } = invited
    const added = await welcome.add({
      ...{ sub, username: email, email, verified: true, full_name, from: networkOf(request) },
      password: form.value.get('new_password') ?? '',
      ...(tenant !== undefined && { tenant }),
    })
    if (added.ok)
      return welcome.signIn(request, added.user, await waitingFor(invited, hashHandle(browserOf(form.value))))
    if (added.problem === 'username_taken' || added.problem === 'username_malformed')
      return invalid(request, added.refusal)
    const problem = added.problem === 'too_short' ? { min_length } : added.problem
    return show(request, link, invited, full_name, problem)
  }

  /** Whether it made its account, or the address has become another account's since. */
  async function isUsed({ sub, email, tenant }: LinkOf<'sign_up'>): Promise<boolean> {
    return (await ports.accounts.find(sub)) !== undefined || ports.users.isNameTaken(email, tenant)
  }

  /** What waits, if it waits in this browser; else the account page: a client's request is of no use elsewhere. */
  async function waitingFor(
    { continuation, browser, tenant }: LinkOf<'sign_up'>,
    here: string,
  ): Promise<Waiting> {
    const requester = browser === here && continuation ? await ports.findRequester(continuation) : undefined
    if (continuation && requester?.ok) return { continuation, requester: requester.value }
    const now = ports.clock.now()
    return {
      continuation: { kind: 'account', to: '/account', asked_at: now, prior_handle: null },
      requester: { ...(tenant !== undefined && { tenant }), ui_locales: [] },
    }
  }

  async function show(
    request: HttpRequest,
    link: string,
    { email, continuation }: LinkOf<'sign_up'>,
    full_name: string,
    problem?: FieldProblem,
  ): Promise<HttpResponse> {
    const { token, cookie } = ports.csrf.token(request)
    const { said, context } = fieldProblem(problem)
    const requester = continuation && (await ports.findRequester(continuation))
    return pages.fields(
      request,
      {
        kind: 'complete',
        form: { action: paths('/register/complete'), csrf: token },
        ...{ link, fields: ['username', 'full_name', 'new_password'], fixed: 'username', min_length },
        values: { username: email, full_name },
        ...said,
      },
      {
        cookies: [cookie],
        ...(continuation && requester?.ok && formContextOf(requester.value, continuation, cookie)),
        ...context,
      },
    )
  }

  function invalid(request: HttpRequest, refusal: Refusal): Promise<HttpResponse> {
    logRefusal(ports.log, 'signup', request, refusal)
    return pages.notice(request, { kind: 'linkInvalid' }, { status: 400 })
  }
}
