/** The sign-out page (OpenID Connect RP-Initiated Logout 1.0 §2): it asks the user, unless the client's ID token proves that it means this very session. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Result, refuse } from '@tessera/protocol/result'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Session } from '../../model/authorization.ts'
import { type Clients, isVouchedFor } from '../../model/client.ts'
import type { EndedSession } from '../../model/ports/stores.ts'
import type { UpstreamSignOut } from '../../model/session.ts'
import type { Users } from '../../model/user.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { SubjectIdentifiers } from '../../tokens/subject-identifier.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import type { BrowserState } from '../flow/browser-state.ts'
import type { Csrf } from '../flow/csrf.ts'
import { readPage } from '../flow/page-form.ts'
import type { Paths } from '../flow/page-paths.ts'
import { createPageRefuser, logRefusal } from '../flow/refused-page.ts'
import {
  maxSealedLength,
  postLogoutUri,
  type SignedOut,
  type SignOutRequest,
  type SignOuts,
  stayingHere,
} from '../flow/sign-out-state.ts'
import { userName } from '../flow/view-model.ts'
import type { Pages } from '../ui/pages.ts'

export type LogoutPorts = {
  readonly issuer: string
  readonly signOuts: SignOuts
  readonly sessions: BrowserSessions
  readonly browserState: BrowserState
  readonly clients: Pick<Clients, 'find'>
  readonly subjects: SubjectIdentifiers
  readonly users: Pick<Users, 'find'>
  readonly upstreamSignOut: UpstreamSignOut
  readonly csrf: Csrf
  readonly pages: Pages
  readonly paths: Paths
  readonly clock: Clock
  readonly log: Log
}

const mostFrames = 50
/** The most characters of a sealed value that goes to another provider and back as `state`. */
const maxUpstreamState = 6000

/** `GET` and `POST /logout`. */
export function createLogoutEndpoint(ports: LogoutPorts): Endpoint {
  const { signOuts, paths, sessions, csrf, pages } = ports
  const refusePage = createPageRefuser('logout', ports)

  return async request => {
    const form = readPage(request, csrf)
    if (!form.ok) return refusePage(request, form)
    const opened = openRequest(form.value)
    if (!opened.ok) return refusePage(request, opened)
    const session = await sessions.read(request)
    const asked = session ? await forSession(opened.value, session, ports) : opened.value
    // A session that expired may have left its state behind.
    if (!session) return goOn(request, asked, undefined, [ports.browserState.clear()])
    if (request.method !== 'POST') {
      return isProven(asked) ? end(request, asked) : show(request, asked, session)
    }
    const button = form.value.get('button')
    if (button === 'no')
      return pages.stillSignedIn(request, { account: paths('/account') }, { ui_locales: asked.ui_locales })
    if (button !== 'yes') return refusePage(request, refuse('invalid_request', 'button_unknown'))
    return end(request, asked)
  }

  function openRequest(parameters: Parameters): Result<SignOutRequest> {
    const text = parameters.get('continue')
    // Whoever comes by a link of ours, or types the address.
    if (text === undefined) return { ok: true, value: { asked_at: ports.clock.now(), ui_locales: [] } }
    const value = signOuts.requests.open(text)
    return value ? { ok: true, value } : refuse('invalid_request', 'continuation_invalid')
  }

  async function end(request: HttpRequest, asked: SignOutRequest): Promise<HttpResponse> {
    const { ended, cookie } = await sessions.end(request)
    return goOn(request, asked, ended, [cookie, ports.browserState.clear()])
  }

  /** To the page that tells the clients, and from there to where the client wants the browser. */
  async function goOn(
    request: HttpRequest,
    asked: SignOutRequest,
    ended: EndedSession | undefined,
    cookies: readonly string[],
  ): Promise<HttpResponse> {
    const { client_id, hint, post_logout_redirect_uri: uri, state, return_refused, ui_locales } = asked
    const client = client_id === undefined ? undefined : await ports.clients.find(client_id)
    // RFC 9700 §4.11.2: no address of ours leads to a client that anybody may have registered, but for whoever signs out.
    const trusted = !client || isVouchedFor(client)
    const { token, cookie } = csrf.token(request)
    const whole: SignedOut = {
      asked_at: ports.clock.now(),
      ui_locales,
      ...(client_id !== undefined && { client_id }),
      ...(uri !== undefined && { leads_to: postLogoutUri(uri, state) }),
      ...(return_refused && { return_refused }),
      by_form: request.method === 'POST',
      // §3: without a hint the client is proven by the user's confirmation alone.
      goes_on: ended !== undefined || (hint !== undefined && trusted),
      ...(!trusted && { browser: token }),
    }
    const done = fitting(
      request,
      whole,
      ended?.session.upstream === undefined ? maxSealedLength : maxUpstreamState,
    )
    const back = { uri: `${ports.issuer}/logout/done`, state: signOuts.done.seal(done) }
    const upstream = ended && (await ports.upstreamSignOut(ended.session, back))
    const first: SignedOut = {
      ...done,
      ...(ended && { ended: { sid: ended.session.sid, clients: await framedOf(ended.clients) } }),
      ...(upstream !== undefined && { upstream }),
    }
    return redirectResponse(request, paths('/logout/done', signOuts.done.seal(fitting(request, first))), [
      ...cookies,
      ...(!trusted && cookie !== undefined ? [cookie] : []),
    ])
  }

  /** Returns the sign-out as it fits into an address: without the way back to the client where that is too long. */
  function fitting(request: HttpRequest, signedOut: SignedOut, most = maxSealedLength): SignedOut {
    const { leads_to, ...others } = signedOut
    if (leads_to === undefined || signOuts.done.seal(signedOut).length <= most) return signedOut
    const log = { client_id: signedOut.client_id }
    logRefusal(ports.log, 'logout', request, refuse('invalid_request', 'sign_out_state_too_long', { log }))
    return { ...others, return_refused: true }
  }

  /** Those with a front channel, as many as a page can load and an address can name. */
  async function framedOf(clientIds: readonly string[]): Promise<readonly string[]> {
    const found = await Promise.all(clientIds.map(id => ports.clients.find(id)))
    return found
      .flatMap(client => (client?.frontchannel_logout_uri === undefined ? [] : client.client_id))
      .slice(0, mostFrames)
  }

  async function show(request: HttpRequest, asked: SignOutRequest, session: Session): Promise<HttpResponse> {
    const { token, cookie } = csrf.token(request)
    const { post_logout_redirect_uri: uri } = asked
    const client = asked.client_id === undefined ? undefined : await ports.clients.find(asked.client_id)
    return pages.signOut(
      request,
      {
        form: { action: paths('/logout'), continue: signOuts.requests.seal(asked), csrf: token },
        user: await userName(session, ports.users),
      },
      {
        ...(client && { client }),
        cookies: [cookie],
        ui_locales: asked.ui_locales,
        formsLeave: uri !== undefined,
      },
    )
  }
}

/** A hint at another session than this browser's: the user may sign out, and nothing else of the request counts. */
async function forSession(
  asked: SignOutRequest,
  session: Session,
  { clients, subjects }: Pick<LogoutPorts, 'clients' | 'subjects'>,
): Promise<SignOutRequest> {
  const { hint, client_id, asked_at, ui_locales, post_logout_redirect_uri: uri, return_refused } = asked
  if (!hint) return asked
  const client = client_id === undefined ? undefined : await clients.find(client_id)
  const means =
    client !== undefined &&
    hint.sub === subjects.subjectFor(client, session.sub) &&
    (hint.sid === undefined || hint.sid === subjects.sessionIdFor(client, session.sid))
  if (means) return asked
  const nothing = { asked_at, ui_locales }
  return uri === undefined && !return_refused ? nothing : stayingHere(nothing)
}

/** A hint that is left is of this session's user; one with a `sid` is of this very session. */
const isProven = ({ hint }: SignOutRequest): boolean => hint?.sid !== undefined
