/** An account page with a form about a stored user: GET shows it, POST acts. Other users are told that there is nothing to change. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import type { PagePath } from '../../model/routes.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import type { Log } from '../../runtime/ports.ts'
import type { AccountVisit, EnterAccount } from '../flow/account-session.ts'
import type { Csrf } from '../flow/csrf.ts'
import { type FormProblem, fieldProblem } from '../flow/form-problem.ts'
import { readPageForm } from '../flow/page-form.ts'
import { type AccountSection, accountPaths, type Paths } from '../flow/page-paths.ts'
import { createPageRefuser } from '../flow/refused-page.ts'
import type { FieldsPage } from '../ui/field-pages.ts'
import type { Pages } from '../ui/pages.ts'

export type StoredUserPagePorts = {
  readonly enterAccount: EnterAccount
  readonly csrf: Csrf
  readonly pages: Pages
  readonly paths: Paths
  readonly log: Log
}

type StoredUserVisit = AccountVisit & {
  readonly request: HttpRequest
  readonly stored: StoredUser
}

/** Shows the form once more, as it was filled in. */
type Again = (problem: FormProblem, filledIn?: FieldsPage['values']) => Promise<HttpResponse>

/** For a page that ends a task: the way back to the account. */
export const backTo = (paths: Paths) => [{ to: 'account', href: paths('/account') }] as const

type StoredUserPage = {
  readonly path: PagePath
  readonly section: AccountSection
  /** Requires a recent sign-in, with a second factor if the user has one; `recent: false` requires the second factor only. */
  readonly strict?: boolean | { readonly recent: false }
  /** Whether there is something to change for this user; there is for everyone unless said otherwise. */
  readonly isFor?: (visit: StoredUserVisit) => boolean
  readonly form: (user: StoredUser) => Omit<FieldsPage, 'form' | 'problem'>
  readonly act: (
    visit: StoredUserVisit,
    form: Parameters,
    again: Again,
  ) => Promise<HttpResponse> | HttpResponse
}

export function storedUserPage(
  ports: StoredUserPagePorts,
  { path, section, strict = false, isFor = () => true, form: formOf, act }: StoredUserPage,
): Endpoint {
  const { csrf, pages } = ports
  const refusePage = createPageRefuser('account', ports)

  return async request => {
    const options = typeof strict === 'boolean' ? { strict } : { strict: true, ...strict }
    const entered = await ports.enterAccount(request, section, options)
    if (!entered.ok) return entered.response
    const { stored, frame } = entered
    const visit = stored && { ...entered, request, stored }
    if (!visit || !isFor(visit))
      return pages.notice(request, { kind: 'notHere', links: backTo(ports.paths) }, frame)
    if (request.method !== 'POST') return show(visit)
    const form = readPageForm(request, csrf)
    if (!form.ok) return refusePage(request, form)
    return act(visit, form.value, (problem, filledIn) => show(visit, problem, filledIn))
  }

  function show(
    { request, stored, csrf: token, frame }: StoredUserVisit,
    problem?: FormProblem,
    filledIn?: FieldsPage['values'],
  ): Promise<HttpResponse> {
    const { said, context } = fieldProblem(problem)
    return pages.fields(
      request,
      {
        ...formOf(stored),
        ...(filledIn && { values: filledIn }),
        ...said,
        form: { action: ports.paths(path), csrf: token },
        ...(path !== accountPaths[section] && { cancel: ports.paths('/account') }),
      },
      { ...frame, ...context },
    )
  }
}
