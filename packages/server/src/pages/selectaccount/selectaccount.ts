/** The account page (`prompt=select_account`, OpenID Connect Core 1.0 §3.1.2.1): go on as who is signed in, or as another. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Session } from '../../model/authorization.ts'
import type { Clients } from '../../model/client.ts'
import type { Users } from '../../model/user.ts'
import type { Log } from '../../runtime/ports.ts'
import { openAskingPage } from '../flow/asking-page.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import type { Continuation, Continuations } from '../flow/continuation.ts'
import type { Csrf } from '../flow/csrf.ts'
import { createContinuationOpener } from '../flow/open-continuation.ts'
import type { Paths } from '../flow/page-paths.ts'
import { refusedBy } from '../flow/refused-by-user.ts'
import { createPageRefuser } from '../flow/refused-page.ts'
import { type FindRequester, formContextOf, type Requester } from '../flow/requester.ts'
import type { Resume } from '../flow/resume.ts'
import { userName } from '../flow/view-model.ts'
import type { Pages } from '../ui/pages.ts'

export type SelectAccountPorts = {
  readonly continuations: Continuations
  readonly clients: Pick<Clients, 'find'>
  readonly findRequester: FindRequester
  readonly sessions: BrowserSessions
  readonly users: Pick<Users, 'find'>
  readonly csrf: Csrf
  readonly resume: Resume
  readonly pages: Pages
  readonly paths: Paths
  readonly log: Log
}

/** `GET` and `POST /select-account`. */
export function createSelectAccountEndpoint(ports: SelectAccountPorts): Endpoint {
  const { continuations, paths } = ports
  const refusePage = createPageRefuser('selectaccount', ports)
  const openContinuation = createContinuationOpener('selectaccount', 'elsewhere', ports)

  return async request => {
    const opened = await openAskingPage(request, { ...ports, openContinuation })
    if (!opened.ok) return opened.respond ? opened.respond() : refusePage(request, opened)
    const { form, continuation, asking_sid, before } = opened.value
    const requester = await ports.findRequester(continuation)
    const session = await ports.sessions.read(request)
    // The page asks one session's user; for any other it is decided anew what comes next.
    if (!requester.ok || session?.sid !== asking_sid) return goOn(request, before)
    if (request.method !== 'POST') return show(request, continuation, requester.value, session)

    const button = form.get('button')
    if (button === 'continue') return goOn(request, { ...before, selected_sid: session.sid })
    if (button === 'cancel') return goOn(request, refusedBy(request, before, 'login', ports.csrf))
    if (button !== 'other') return refusePage(request, refuse('invalid_request', 'button_unknown'))
    return goOn(request, { ...before, another: true })
  }

  function goOn(request: HttpRequest, continuation: Continuation): HttpResponse {
    return redirectResponse(request, ports.resume(continuation))
  }

  async function show(
    request: HttpRequest,
    continuation: Continuation,
    requester: Requester,
    session: Session,
  ): Promise<HttpResponse> {
    const { token, cookie } = ports.csrf.token(request)
    return ports.pages.selectAccount(
      request,
      {
        form: { action: paths('/select-account'), continue: continuations.seal(continuation), csrf: token },
        user: await userName(session, ports.users),
      },
      formContextOf(requester, continuation, cookie),
    )
  }
}
