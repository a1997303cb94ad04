/**
 * The end-session endpoint (OpenID Connect RP-Initiated Logout 1.0 §2): reads the parameters, ignores invalid ones, and
 * redirects to the sign-out page, which receives the browser's session cookie.
 */

import type { Endpoint, HttpRequest } from '@tessera/protocol/http'
import { type Limits, type Parameters, parseParameters } from '@tessera/protocol/parameters'
import { type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { IdTokenHint, ReadIdTokenHint } from '../../authorization-request/id-token-hint.ts'
import { maxLocalesLength } from '../../authorization-request/parameter-limits.ts'
import { readForm } from '../../messages/form.ts'
import type { Client, Clients } from '../../model/client.ts'
import { isPostLogoutRedirectUriOf } from '../../model/redirect.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { BrowserRequests } from '../flow/browser-request.ts'
import { maxSealedLength, type SignOutRequest, type SignOuts, stayingHere } from '../flow/sign-out-state.ts'

type EndSessionPorts = {
  readonly browserRequests: BrowserRequests
  readonly clients: Pick<Clients, 'find'>
  readonly readIdTokenHint: ReadIdTokenHint
  readonly signOuts: SignOuts
  readonly clock: Clock
}

/** The maximum length of a request. A value that is too long is ignored, and the user is signed out anyway. */
const anyLength = [65_536, 'invalid_request'] as const
const limits: Limits = {
  client_id: anyLength,
  id_token_hint: anyLength,
  logout_hint: anyLength,
  post_logout_redirect_uri: anyLength,
  state: anyLength,
  ui_locales: [maxLocalesLength],
}

/**
 * `GET` and `POST /connect/endsession`. Invalid parameters (a hint that is not ours, a URI that is not registered) are
 * ignored and logged. The user can sign out anyway, and is never redirected to an unverified URI.
 */
export function createEndSessionEndpoint(ports: EndSessionPorts): Endpoint {
  const { requests } = ports.signOuts
  return async request => {
    const page = ports.browserRequests.open('endsession', request)
    const read = readRequest(request)
    if (!read.ok) return page.refuse(read)
    const { asked, ignored } = await readSignOut(read.value, ports)
    const sealed = requests.seal(asked)
    const fits = sealed.length <= maxSealedLength
    const refusal = fits ? ignored : tooLong(asked)
    if (refusal) page.logRefusal(refusal)
    // Browsers don't send our SameSite=Lax cookies with a client's form post, but with the GET that follows.
    return page.redirect(page.link('/logout', fits ? sealed : requests.seal(stayingHere(asked))))
  }
}

const readRequest = (request: HttpRequest): Result<Parameters> =>
  request.method === 'POST' ? readForm(request, limits) : parseParameters(request.query, limits)

type ReadSignOut = { readonly asked: SignOutRequest; readonly ignored?: Refusal }

/**
 * §2.1: the client expects its `state` back. If it is too long, the browser does not return to the client, because the
 * state must not be truncated or omitted.
 */
const tooLong = ({ client_id }: SignOutRequest): Refusal =>
  refuse('invalid_request', 'sign_out_state_too_long', { log: { client_id } })

async function readSignOut(parameters: Parameters, ports: EndSessionPorts): Promise<ReadSignOut> {
  const valid = await readValid(parameters, ports)
  const returns = valid.asked.post_logout_redirect_uri !== undefined
  const wanted = parameters.get('post_logout_redirect_uri') !== undefined
  return wanted && !returns ? { ...valid, asked: stayingHere(valid.asked) } : valid
}

async function readValid(parameters: Parameters, ports: EndSessionPorts): Promise<ReadSignOut> {
  const ui_locales =
    parameters
      .get('ui_locales')
      ?.split(' ')
      .filter(tag => tag !== '') ?? []
  const nothing: SignOutRequest = { asked_at: ports.clock.now(), ui_locales }
  const token = parameters.get('id_token_hint')
  const hint = token === undefined ? undefined : ports.readIdTokenHint(token)
  if (token !== undefined && !hint) return ignore(nothing, 'id_token_hint_invalid')
  const named = parameters.get('client_id')
  // §2: the two must be the same client.
  if (hint && named !== undefined && hint.client_id !== named) {
    return ignore(nothing, 'id_token_hint_of_another_client', named)
  }
  const clientId = hint?.client_id ?? named
  const uri = parameters.get('post_logout_redirect_uri')
  if (clientId === undefined) {
    return uri === undefined ? { asked: nothing } : ignore(nothing, 'post_logout_redirect_uri_without_client')
  }
  const client = await ports.clients.find(clientId, 'if_reachable')
  if (!client?.enabled) return ignore(nothing, client ? 'client_disabled' : 'client_unknown', clientId)
  const asked = { ...nothing, client_id: client.client_id, hint: hint && sessionOf(hint) }
  return withTarget(asked, client, uri, parameters.get('state'))
}

const sessionOf = ({ sub, sid }: IdTokenHint) => ({ sub, sid })

/** §2.1, §3: accepts only a URI that the client registered. */
function withTarget(
  asked: SignOutRequest,
  client: Client,
  uri: string | undefined,
  state: string | undefined,
): ReadSignOut {
  if (uri === undefined) return { asked }
  if (!isPostLogoutRedirectUriOf(client, uri)) {
    return ignore(asked, 'post_logout_redirect_uri_not_registered', client.client_id)
  }
  return { asked: { ...asked, post_logout_redirect_uri: uri, state } }
}

const ignore = (asked: SignOutRequest, reason: string, client_id?: string): ReadSignOut => ({
  asked,
  ignored: refuse('invalid_request', reason, client_id === undefined ? {} : { log: { client_id } }),
})
