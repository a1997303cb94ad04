/** Creates the endpoints of account pages: GET shows the page, and POST handles its form. */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import type { PagePath } from '../../model/routes.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import type { Awaitable } from '../../runtime/ports.ts'
import type { AccountGuard, AccountSession, RequireAccountSession } from '../flow/account-session.ts'
import type { BrowserRequest, BrowserRequests } from '../flow/browser-request.ts'
import { type FormProblem, fieldProblem } from '../flow/form-problem.ts'
import { type AccountSection, accountPaths } from '../flow/page-paths.ts'
import type { FieldsPage } from '../ui/field-pages.ts'
import type { Pages } from '../ui/pages.ts'

export type AccountPagePorts = {
  readonly browserRequests: BrowserRequests
  readonly requireAccountSession: RequireAccountSession
  readonly pages: Pages
}

/** A request of a signed-in user. */
export type AccountPage = BrowserRequest & AccountSession

type AccountPageSteps = {
  readonly show: (page: AccountPage) => Awaitable<HttpResponse>
  /** Omitted for pages without a form. */
  readonly act?: (page: AccountPage, form: Parameters) => Awaitable<HttpResponse>
}

/** @param guard returns the requirements of a request, depending on whether it posts a form. */
export const accountPage =
  (
    { browserRequests, requireAccountSession }: AccountPagePorts,
    section: AccountSection,
    { show, act }: AccountPageSteps,
    guard: (posted: boolean) => AccountGuard = () => ({}),
  ): Endpoint =>
  async request => {
    const opened = browserRequests.open('account', request)
    const required = await requireAccountSession(opened, section, guard(opened.posted))
    if (!required.ok) return required.respond()
    const page = { ...opened, ...required }
    if (!opened.posted || !act) return show(page)
    const form = opened.readForm()
    return form.ok ? act(page, form.value) : opened.refuse(form)
  }

/** The page with a form that changes this user. */
type UserPage<User> = AccountPage & { readonly owner: User }

/** Shows the form again, with the values that were entered. */
type ShowAgain = (problem: FormProblem, filledIn?: FieldsPage['values']) => Promise<HttpResponse>

/** Returns the link back to the account, for a page that concludes a task. */
export const backTo = (page: BrowserRequest) => [{ to: 'account', href: page.link('/account') }] as const

type UserSteps<User> = {
  readonly path: PagePath
  readonly section: AccountSection
  readonly guard?: AccountGuard
  /** Returns the user that the form changes; undefined if it has nothing to change for them. */
  readonly ownerOf: (page: AccountSession) => User | undefined
  readonly form: (user: User) => Omit<FieldsPage, 'form' | 'problem'>
  readonly act: (page: UserPage<User>, form: Parameters, again: ShowAgain) => Awaitable<HttpResponse>
}

/** Creates the endpoint of a form that changes a stored user. */
export const storedUserPage = (
  ports: AccountPagePorts,
  steps: Omit<UserSteps<StoredUser>, 'ownerOf'>,
): Endpoint => userPage(ports, { ...steps, ownerOf: ({ stored }) => stored })

/** Creates the endpoint of a form that changes a user. Other users see a message that they can't change anything here. */
export function userPage<User>(
  ports: AccountPagePorts,
  { path, section, guard, ownerOf, form: formOf, act }: UserSteps<User>,
): Endpoint {
  const { pages } = ports

  return async request => {
    const opened = ports.browserRequests.open('account', request)
    const required = await ports.requireAccountSession(opened, section, guard)
    if (!required.ok) return required.respond()
    const { frame } = required
    const owner = ownerOf(required)
    const page = owner && { ...opened, ...required, owner }
    if (!page) return pages.notice(request, { kind: 'notHere', links: backTo(opened) }, frame)
    if (!page.posted) return show(page)
    const form = page.readForm()
    if (!form.ok) return page.refuse(form)
    return act(page, form.value, (problem, filledIn) => show(page, problem, filledIn))
  }

  function show(
    page: UserPage<User>,
    problem?: FormProblem,
    filledIn?: FieldsPage['values'],
  ): Promise<HttpResponse> {
    const { text, context } = fieldProblem(problem)
    return pages.fields(
      page.request,
      {
        ...formOf(page.owner),
        ...(filledIn && { values: filledIn }),
        problem: text,
        form: page.pageForm(path),
        cancel: path === accountPaths[section] ? undefined : page.link('/account'),
      },
      { ...page.frame, ...context },
    )
  }
}
