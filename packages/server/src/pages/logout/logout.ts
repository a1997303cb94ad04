/**
 * The sign-out page (OpenID Connect RP-Initiated Logout 1.0 §2). It asks the user for confirmation, unless the client's
 * ID token identifies this session.
 */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Result, refuse } from '@tessera/protocol/result'
import type { Session } from '../../model/authorization.ts'
import { type Clients, isTrusted } from '../../model/client.ts'
import type { EndedSession } from '../../model/ports/stores.ts'
import type { UpstreamSignOut } from '../../model/session.ts'
import type { Users } from '../../model/user.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { SubjectIdentifiers } from '../../tokens/subject-identifier.ts'
import type { BrowserRequest, BrowserRequests } from '../flow/browser-request.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import type { BrowserState } from '../flow/browser-state.ts'
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

type LogoutPorts = {
  readonly browserRequests: BrowserRequests
  readonly issuer: string
  readonly signOuts: SignOuts
  readonly sessions: Pick<BrowserSessions, 'end'>
  readonly browserState: BrowserState
  readonly clients: Pick<Clients, 'find'>
  readonly subjects: SubjectIdentifiers
  readonly users: Pick<Users, 'find'>
  readonly upstreamSignOut: UpstreamSignOut
  readonly pages: Pages
  readonly clock: Clock
}

const mostFrames = 50
/** The maximum number of characters of a sealed value that is sent to another provider as `state`. */
const maxUpstreamState = 6000

/** `GET` and `POST /logout`. */
export function createLogoutEndpoint(ports: LogoutPorts): Endpoint {
  const { signOuts, sessions, pages } = ports

  return ports.browserRequests.page('logout', async page => {
    const { request, form } = page
    const opened = openRequest(form)
    if (!opened.ok) return page.refuse(opened)
    const session = await page.readSession()
    const asked = session ? await forSession(opened.value, session, ports) : opened.value
    // An expired session may have left its state cookie behind.
    if (!session) return finish(page, asked, undefined, [ports.browserState.clear()])
    if (!page.posted) return isProven(asked) ? end(page, asked) : show(page, asked, session)
    const button = form.get('button')
    if (button === 'no') {
      const { ui_locales } = asked
      return pages.stillSignedIn(request, { account: page.link('/account') }, { ui_locales })
    }
    if (button !== 'yes') return page.refuse(refuse('invalid_request', 'button_unknown'))
    return end(page, asked)
  })

  function openRequest(parameters: Parameters): Result<SignOutRequest> {
    const text = parameters.get('continue')
    // The user followed one of our links, or entered the URL.
    if (text === undefined) return { ok: true, value: { asked_at: ports.clock.now(), ui_locales: [] } }
    const value = signOuts.requests.open(text)
    return value ? { ok: true, value } : refuse('invalid_request', 'continuation_invalid')
  }

  async function end(page: BrowserRequest, asked: SignOutRequest): Promise<HttpResponse> {
    const { ended, cookie } = await sessions.end(page.request)
    return finish(page, asked, ended, [cookie, ports.browserState.clear()])
  }

  /** Redirects to the page that notifies the clients and then continues at the client's URI. */
  async function finish(
    page: BrowserRequest,
    asked: SignOutRequest,
    ended: EndedSession | undefined,
    cookies: readonly string[],
  ): Promise<HttpResponse> {
    const { client_id, hint, post_logout_redirect_uri: uri, state, return_refused, ui_locales } = asked
    const client = client_id === undefined ? undefined : await ports.clients.find(client_id, 'if_reachable')
    // RFC 9700 §4.11.2: a URL of this server redirects to a client that anyone may have registered only in the browser
    // that signed out.
    const trusted = !client || isTrusted(client)
    const whole: SignedOut = {
      asked_at: ports.clock.now(),
      ui_locales,
      client_id,
      leads_to: uri === undefined ? undefined : postLogoutUri(uri, state),
      return_refused,
      by_form: page.posted,
      // §3: without a hint, only the user's confirmation shows that the request is legitimate.
      goes_on: ended !== undefined || (hint !== undefined && trusted),
      browser: trusted ? undefined : page.csrf().token,
    }
    const most = ended?.session.upstream === undefined ? maxSealedLength : maxUpstreamState
    const done = fitting(page, whole, most)
    const back = { uri: `${ports.issuer}/logout/done`, state: signOuts.done.seal(done) }
    const upstream = ended && (await ports.upstreamSignOut(ended.session, back))
    const first: SignedOut = {
      ...done,
      ended: ended && { sid: ended.session.sid, clients: await framedOf(ended.clients) },
      upstream,
    }
    const location = page.link('/logout/done', signOuts.done.seal(fitting(page, first)))
    return page.redirect(location, trusted ? cookies : [...cookies, page.csrf().cookie])
  }

  /** Returns the sign-out so that it fits into a URL: without the redirect to the client if that is too long. */
  function fitting(page: BrowserRequest, signedOut: SignedOut, most = maxSealedLength): SignedOut {
    const { leads_to, ...others } = signedOut
    if (leads_to === undefined || signOuts.done.seal(signedOut).length <= most) return signedOut
    const log = { client_id: signedOut.client_id }
    page.logRefusal(refuse('invalid_request', 'sign_out_state_too_long', { log }))
    return { ...others, return_refused: true }
  }

  /** Returns the clients with a front channel, limited to the number that a page can load and a URL can contain. */
  async function framedOf(clientIds: readonly string[]): Promise<readonly string[]> {
    const found = await Promise.all(clientIds.map(id => ports.clients.find(id, 'at_hand')))
    return found
      .flatMap(client => (client?.frontchannel_logout_uri === undefined ? [] : client.client_id))
      .slice(0, mostFrames)
  }

  async function show(page: BrowserRequest, asked: SignOutRequest, session: Session): Promise<HttpResponse> {
    const { client_id, ui_locales, post_logout_redirect_uri: uri } = asked
    const client = client_id === undefined ? undefined : await ports.clients.find(client_id, 'if_reachable')
    return pages.signOut(
      page.request,
      {
        form: page.pageForm('/logout', signOuts.requests.seal(asked)),
        user: await userName(session, ports.users),
      },
      { ...page.formContext({ client, ui_locales }), formsLeave: uri !== undefined },
    )
  }
}

/**
 * Returns the parts of the request that apply to the session. If its hint identifies another session, the user may sign
 * out, but the rest of the request is ignored.
 */
async function forSession(
  asked: SignOutRequest,
  session: Session,
  { clients, subjects }: Pick<LogoutPorts, 'clients' | 'subjects'>,
): Promise<SignOutRequest> {
  const { hint, client_id, asked_at, ui_locales, post_logout_redirect_uri: uri, return_refused } = asked
  if (!hint) return asked
  const client = client_id === undefined ? undefined : await clients.find(client_id, 'if_reachable')
  const means =
    client !== undefined &&
    hint.sub === subjects.subjectFor(client, session.sub) &&
    (hint.sid === undefined || hint.sid === subjects.sessionIdFor(client, session.sid))
  if (means) return asked
  const nothing = { asked_at, ui_locales }
  return uri === undefined && !return_refused ? nothing : stayingHere(nothing)
}

/** Returns whether the hint identifies this session. {@link forSession} has removed hints for other users. */
const isProven = ({ hint }: SignOutRequest): boolean => hint?.sid !== undefined
