/**
 * The request of a browser: its form or query, its session, its anti-forgery token, and functions for the response.
 * Every page endpoint uses it, so that endpoints contain only their own logic.
 */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { ValidatedAuthorizationRequest } from '../../authorization-request/authorization-request.ts'
import { parseRequest } from '../../authorization-request/parameter-limits.ts'
import type { ValidateAuthorizationRequest } from '../../authorization-request/validation.ts'
import { redirectResponse, type SetCookies } from '../../messages/redirect.ts'
import type { Session } from '../../model/authorization.ts'
import type { PagePath } from '../../model/routes.ts'
import type { Awaitable } from '../../runtime/ports.ts'
import type { PageContext, PageForm } from '../ui/render.ts'
import type { BrowserSessions } from './browser-session.ts'
import type { Continuation, Progress } from './continuation.ts'
import type { Csrf } from './csrf.ts'
import {
  createContinuationOpener,
  type NotOpened,
  type OpenContinuationPorts,
  type Resume,
} from './open-continuation.ts'
import { readPage, readPageForm } from './page-form.ts'
import { createPageRefuser, logRefusal } from './refused-page.ts'
import { type FindRequester, pageContextOf, type Requester } from './requester.ts'

export type BrowserRequest = {
  readonly request: HttpRequest
  readonly posted: boolean
  /** Reads the posted form, and checks its anti-forgery token. */
  readonly readForm: () => Result<Parameters>
  /** Reads the posted form, or else the query. */
  readonly readPage: () => Result<Parameters>
  /** Returns the browser's session, which is read only once. */
  readonly readSession: () => Promise<Session | undefined>
  /** Returns the token for a form, and the cookie to set if the browser has none yet. Created only once. */
  readonly csrf: () => ReturnType<Csrf['token']>
  /** Opens a sealed continuation. {@link Progress.restarted} determines where an expired page restarts. */
  readonly openContinuation: (
    sealed: string | undefined,
    restarted: NonNullable<Progress['restarted']>,
  ) => Promise<Ok<Continuation> | NotOpened>

  /** Returns the form of a page: its action, the sealed continuation and the anti-forgery token. */
  readonly pageForm: (path: PagePath, continuation?: Continuation | Sealed) => PageForm
  /**
   * Returns the context of a page with a form: the requester's, and the cookie of the form's token. With the
   * continuation of an authorization request, submitting the form can lead to a client. Forms for devices and account
   * pages stay on this server.
   */
  readonly formContext: (
    requester?: Partial<Pick<Requester, 'client' | 'ui_locales' | 'display'>>,
    continuation?: Pick<Continuation, 'kind'>,
  ) => PageContext & { readonly cookies: SetCookies }
  /** Returns the URL of a page, with the sealed continuation. */
  readonly link: (path: PagePath, continuation?: Continuation | Sealed) => string
  readonly redirect: (location: string, cookies?: SetCookies) => HttpResponse
  /** Returns a continuation in sealed form, for a URL or a form. */
  readonly seal: (continuation: Continuation) => Sealed
  /** Returns the URL at which the pending request continues. */
  readonly resumeLink: (continuation: Continuation) => string
  /** Redirects to the pending request. */
  readonly resume: (continuation: Continuation, cookies?: SetCookies) => HttpResponse
  /** Records that the user of this browser refused (RFC 9700 §4.11.2). */
  readonly refusedByUser: <Waiting extends Progress>(
    continuation: Waiting,
    refused: NonNullable<Progress['refused']>,
  ) => Waiting
  /** Logs a refusal and shows an error page. */
  readonly refuse: (refusal: Refusal) => Promise<HttpResponse>
  readonly logRefusal: (refusal: Refusal, log?: Refusal['log']) => void
}

/** A sealed value, for a URL or a form. */
type Sealed = string

/** A request whose form or query has been read. */
export type PageRequest = BrowserRequest & { readonly form: Parameters }

/** A request with a continuation whose requester is still valid. */
export type ContinuedPage = PageRequest & {
  readonly continuation: Continuation
  readonly requester: Requester
}

type AuthorizationContinuation = Continuation & { readonly kind: 'authorization' }

/** A request that asks the user of one session about an authorization request. */
export type AskingPage = PageRequest & {
  readonly continuation: AuthorizationContinuation
  /** The continuation as it was before the page was shown. */
  readonly before: AuthorizationContinuation
  readonly validated: ValidatedAuthorizationRequest
  readonly session: Session
}

type Respond<Page> = (page: Page) => Awaitable<HttpResponse>

export type BrowserRequests = {
  /** @param endpoint its name in the log. */
  readonly open: (endpoint: string, request: HttpRequest) => BrowserRequest
  /** Creates an endpoint that refuses forms without a valid anti-forgery token, and malformed queries. */
  readonly page: (endpoint: string, respond: Respond<PageRequest>) => Endpoint
  /** Creates an endpoint for a page with a continuation. If the requester is no longer valid, the requester's own endpoint shows the error. */
  readonly continuedPage: (
    endpoint: string,
    restarted: NonNullable<Progress['restarted']>,
    respond: Respond<ContinuedPage>,
  ) => Endpoint
  /**
   * Creates an endpoint for a page that asks the user of one session. For any other session, the next page is
   * determined again.
   */
  readonly askingPage: (endpoint: string, respond: Respond<AskingPage>) => Endpoint
}

type BrowserRequestPorts = OpenContinuationPorts & {
  readonly csrf: Csrf
  readonly sessions: Pick<BrowserSessions, 'read'>
  readonly findRequester: FindRequester
  readonly validate: ValidateAuthorizationRequest
  readonly resume: Resume
}

export function createBrowserRequests(ports: BrowserRequestPorts): BrowserRequests {
  const { csrf, continuations, paths, log } = ports

  const sealed = (continuation: Continuation | Sealed | undefined): Sealed | undefined =>
    typeof continuation === 'object' ? continuations.seal(continuation) : continuation

  function open(endpoint: string, request: HttpRequest): BrowserRequest {
    let token: ReturnType<Csrf['token']> | undefined
    let session: Promise<Session | undefined> | undefined
    const refusePage = createPageRefuser(endpoint, ports)
    const getToken = () => (token ??= csrf.token(request))
    const redirect: BrowserRequest['redirect'] = (location, cookies) =>
      redirectResponse(request, location, cookies)
    return {
      request,
      posted: request.method === 'POST',
      readForm: () => readPageForm(request, csrf),
      readPage: () => readPage(request, csrf),
      readSession: () => (session ??= ports.sessions.read(request)),
      csrf: getToken,
      openContinuation: (sealed, restarted) =>
        createContinuationOpener(endpoint, restarted, ports)(request, sealed),
      pageForm: (path, continuation) => ({
        action: paths(path),
        continue: sealed(continuation),
        csrf: getToken().token,
      }),
      formContext: (requester = {}, continuation) => ({
        ...pageContextOf(requester),
        cookies: [getToken().cookie],
        formsLeave: continuation?.kind === 'authorization',
      }),
      link: (path, continuation) => paths(path, sealed(continuation)),
      redirect,
      seal: continuations.seal,
      resumeLink: ports.resume,
      resume: (continuation, cookies) => redirect(ports.resume(continuation), cookies),
      refusedByUser: (continuation, refused) => ({
        ...continuation,
        refused,
        refused_by: getToken().token,
      }),
      refuse: refusal => refusePage(request, refusal),
      logRefusal: (refusal, more) =>
        logRefusal(log, endpoint, request, more ? { ...refusal, log: { ...more, ...refusal.log } } : refusal),
    }
  }

  const page: BrowserRequests['page'] = (endpoint, respond) => request => {
    const opened = open(endpoint, request)
    const form = opened.readPage()
    return form.ok ? respond({ ...opened, form: form.value }) : opened.refuse(form)
  }

  return {
    open,
    page,
    continuedPage: (endpoint, restarted, respond) =>
      page(endpoint, async page => {
        const opened = await page.openContinuation(page.form.get('continue'), restarted)
        if (!opened.ok) return opened.respond()
        const continuation = opened.value
        const requester = await ports.findRequester(continuation)
        return requester.ok
          ? respond({ ...page, continuation, requester: requester.value })
          : page.resume(continuation)
      }),
    askingPage: (endpoint, respond) =>
      page(endpoint, async page => {
        const opened = await page.openContinuation(page.form.get('continue'), 'elsewhere')
        if (!opened.ok) return opened.respond()
        const continuation = opened.value
        if (continuation.kind !== 'authorization' || continuation.asking_sid === undefined) {
          return page.refuse(refuse('invalid_request', 'continuation_invalid'))
        }
        const { asking_sid, ...before } = continuation
        const parameters = parseRequest(continuation.parameters)
        const validated = parameters.ok
          ? await ports.validate(parameters.value, continuation.hint)
          : parameters
        const session = await page.readSession()
        if (!validated.ok || session?.sid !== asking_sid) return page.resume(before)
        return respond({ ...page, continuation, before, validated: validated.value, session })
      }),
  }
}

/** Returns a refusal that responds with an error page. */
export const notOpened = (page: Pick<BrowserRequest, 'refuse'>, refusal: Refusal): NotOpened => ({
  ...refusal,
  respond: () => page.refuse(refusal),
})
