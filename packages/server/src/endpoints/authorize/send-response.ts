/** Answers the client: by a redirect, or by a form that the browser posts (RFC 6749 §4.1.2, §4.1.2.1). */

import { errorText } from '@tessera/protocol/errors'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Refusal } from '@tessera/protocol/result'
import type { ResponseTarget } from '../../authorization-request/authorization-request.ts'
import {
  authorizationResponse,
  type ResponseMembers,
} from '../../authorization-request/authorization-response.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import { createPageRefuser, logRefusal } from '../../pages/flow/refused-page.ts'
import type { Pages } from '../../pages/ui/pages.ts'
import type { PageContext } from '../../pages/ui/render.ts'
import type { Log } from '../../runtime/ports.ts'

export type ResponderPorts = { readonly issuer: string; readonly pages: Pages; readonly log: Log }

export type ResponseOptions = {
  /** How a page looks that stands for the answer, or leads to the client. */
  readonly page?: Pick<PageContext, 'ui_locales' | 'display'>
  /** What a refusal brings beside its error. */
  readonly session_state?: string | undefined
  readonly cookies?: readonly (string | undefined)[]
  /** false: an error page tells of it, though the target is proven. */
  readonly redirects?: boolean
}

export type Responder = {
  readonly send: (
    request: HttpRequest,
    target: ResponseTarget,
    members: ResponseMembers,
    options?: ResponseOptions,
  ) => HttpResponse | Promise<HttpResponse>
  /** To the client where a target is proven and trusted, else an error page: an untrusted URI is never redirected to. */
  readonly refuse: (
    request: HttpRequest,
    refusal: Refusal,
    target: ResponseTarget | undefined,
    options?: ResponseOptions,
  ) => HttpResponse | Promise<HttpResponse>
}

export function createResponder({ issuer, pages, log }: ResponderPorts): Responder {
  const refusePage = createPageRefuser('authorize', { pages, log })

  const send: Responder['send'] = (request, target, members, { cookies = [], page = {} } = {}) => {
    const response = authorizationResponse(target, members, issuer)
    if (response.kind === 'redirect') return redirectResponse(request, response.location, cookies)
    const { action, fields } = response
    return pages.formPost(
      request,
      { action, fields },
      { ...page, client: target.client, cookies, formsLeave: true },
    )
  }

  return {
    send,
    refuse(request, refusal, target, options = {}) {
      if (!target) return refusePage(request, refusal, options.page)
      const { error, description } = refusal
      const error_description = description === undefined ? undefined : errorText(description)
      const { session_state, redirects = true } = options
      const client_id = target.client.client_id
      const logged = { ...refusal, log: { client_id, ...refusal.log } }
      if (!redirects) return refusePage(request, logged, options.page)
      logRefusal(log, 'authorize', request, logged)
      return send(request, target, { error, error_description, session_state }, options)
    },
  }
}
