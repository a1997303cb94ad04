/** The account chooser (`prompt=select_account`, OpenID Connect Core 1.0 §3.1.2.1): continue as the current user, or as another. */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import type { Users } from '../../model/user.ts'
import type { AskingPage, BrowserRequests } from '../flow/browser-request.ts'
import { userName } from '../flow/view-model.ts'
import type { Pages } from '../ui/pages.ts'

type SelectAccountPorts = {
  readonly browserRequests: BrowserRequests
  readonly users: Pick<Users, 'find'>
  readonly pages: Pages
}

/** `GET` and `POST /select-account`. */
export function createSelectAccountEndpoint({ browserRequests, users, pages }: SelectAccountPorts): Endpoint {
  return browserRequests.askingPage('selectaccount', page => {
    if (!page.posted) return show(page)
    const { before, session, form } = page
    const button = form.get('button')
    if (button === 'continue') return page.resume({ ...before, selected_sid: session.sid })
    if (button === 'cancel') return page.resume(page.refusedByUser(before, 'login'))
    if (button !== 'other') return page.refuse(refuse('invalid_request', 'button_unknown'))
    return page.resume({ ...before, another: true })
  })

  async function show(page: AskingPage): Promise<HttpResponse> {
    const { continuation, validated, session } = page
    return pages.selectAccount(
      page.request,
      { form: page.pageForm('/select-account', continuation), user: await userName(session, users) },
      page.formContext(validated, continuation),
    )
  }
}
