/** Responds to the client with a redirect or with a form that the browser posts (RFC 6749 §4.1.2, §4.1.2.1). */

import { errorText } from '@tessera/protocol/errors'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Refusal } from '@tessera/protocol/result'
import type { ResponseTarget } from '../../authorization-request/authorization-request.ts'
import {
  type AuthorizationResponsePorts,
  authorizationResponse,
  type ResponseMembers,
} from '../../authorization-request/authorization-response.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Step } from '../../model/steps.ts'
import { createPageRefuser, logRefusal } from '../../pages/flow/refused-page.ts'
import type { Pages } from '../../pages/ui/pages.ts'
import type { PageContext } from '../../pages/ui/render.ts'
import type { Log } from '../../runtime/ports.ts'

export type ResponderPorts = AuthorizationResponsePorts & { readonly pages: Pages; readonly log: Log }

export type ResponseOptions = {
  /** Options of an error page, or of the page that posts the form. */
  readonly page?: Pick<PageContext, 'ui_locales' | 'display'>
  /** Sent with the error. */
  readonly session_state?: string | undefined
  readonly cookies?: readonly (string | undefined)[]
  /** The step that refuses. Default: `target` without a target, otherwise `decide`. */
  readonly step?: Step
  /** False shows an error page even if the target is proven. */
  readonly redirects?: boolean
}

export type Responder = {
  readonly send: (
    request: HttpRequest,
    target: ResponseTarget,
    members: ResponseMembers,
    options?: ResponseOptions,
  ) => Promise<HttpResponse>
  /**
   * Sends the error to the client if the target is proven and trusted, otherwise shows an error page. Never redirects
   * to an untrusted URI.
   */
  readonly refuse: (
    request: HttpRequest,
    refusal: Refusal,
    target: ResponseTarget | undefined,
    options?: ResponseOptions,
  ) => Promise<HttpResponse>
}

export function createResponder({ pages, log, ...ports }: ResponderPorts): Responder {
  const refusePage = createPageRefuser('authorize', { pages, log })

  const send: Responder['send'] = async (request, target, members, { cookies = [], page = {} } = {}) => {
    const response = await authorizationResponse(target, members, ports)
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
    async refuse(request, refusal, target, options = {}) {
      const step = options.step ?? (target ? 'decide' : 'target')
      if (!target) return refusePage(request, refusal, { ...options.page, step })
      const { error, description } = refusal
      const error_description = description === undefined ? undefined : errorText(description)
      const { session_state, redirects = true } = options
      const client_id = target.client.client_id
      const logged = { ...refusal, log: { client_id, ...refusal.log } }
      if (!redirects) return refusePage(request, logged, { ...options.page, step })
      logRefusal(log, 'authorize', request, logged, step)
      return send(request, target, { error, error_description, session_state }, options)
    },
  }
}
