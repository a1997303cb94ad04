/**
 * The end-session endpoint (OpenID Connect RP-Initiated Logout 1.0 §2): read → keep what holds → send on to the sign-out
 * page, which sees the browser's session.
 */

import type { Endpoint, HttpRequest } from '@tessera/protocol/http'
import { type Limits, type Parameters, parseParameters } from '@tessera/protocol/parameters'
import { type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { IdTokenHint, ReadIdTokenHint } from '../../authorization-request/id-token-hint.ts'
import { maxLocalesLength } from '../../authorization-request/parameter-limits.ts'
import { readForm } from '../../messages/form.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Client, Clients } from '../../model/client.ts'
import { isPostLogoutRedirectUriOf } from '../../model/redirect.ts'
import type { Clock, Log } from '../../runtime/ports.ts'
import type { Paths } from '../flow/page-paths.ts'
import { createPageRefuser, logRefusal } from '../flow/refused-page.ts'
import { maxSealedLength, type SignOutRequest, type SignOuts, stayingHere } from '../flow/sign-out-state.ts'
import type { Pages } from '../ui/pages.ts'

export type EndSessionPorts = {
  readonly clients: Pick<Clients, 'find'>
  readonly readIdTokenHint: ReadIdTokenHint
  readonly signOuts: SignOuts
  readonly pages: Pages
  readonly paths: Paths
  readonly clock: Clock
  readonly log: Log
}

/** As long as a request can be: a value that is too long to be used is dropped, and the user is signed out all the same. */
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
 * `GET` and `POST /connect/endsession`. What does not hold (a hint that is not ours, a URI that is not registered) is
 * dropped and logged with its reason; the user can sign out all the same, and goes nowhere that is not proven.
 */
export function createEndSessionEndpoint(ports: EndSessionPorts): Endpoint {
  const refusePage = createPageRefuser('endsession', ports)
  return async request => {
    const read = readRequest(request)
    if (!read.ok) return refusePage(request, read)
    const { asked, dropped } = await keepWhatHolds(read.value, ports)
    const sealed = ports.signOuts.requests.seal(asked)
    const fits = sealed.length <= maxSealedLength
    const refused = fits ? dropped : tooLong(asked)
    if (refused) logRefusal(ports.log, 'endsession', request, refused)
    // A client's form post comes without our SameSite=Lax cookies; the GET that follows brings them.
    const onward = fits ? sealed : ports.signOuts.requests.seal(stayingHere(asked))
    return redirectResponse(request, ports.paths('/logout', onward))
  }
}

const readRequest = (request: HttpRequest): Result<Parameters> =>
  request.method === 'POST' ? readForm(request, limits) : parseParameters(request.query, limits)

type Kept = { readonly asked: SignOutRequest; readonly dropped?: Refusal }

/** §2.1: the client expects its `state` back. It is not cut short or left out: the browser does not return at all. */
const tooLong = ({ client_id }: SignOutRequest): Refusal =>
  refuse('invalid_request', 'sign_out_state_too_long', { log: { client_id } })

async function keepWhatHolds(parameters: Parameters, ports: EndSessionPorts): Promise<Kept> {
  const kept = await holding(parameters, ports)
  const returns = kept.asked.post_logout_redirect_uri !== undefined
  const wanted = parameters.get('post_logout_redirect_uri') !== undefined
  return wanted && !returns ? { ...kept, asked: stayingHere(kept.asked) } : kept
}

async function holding(parameters: Parameters, ports: EndSessionPorts): Promise<Kept> {
  const ui_locales =
    parameters
      .get('ui_locales')
      ?.split(' ')
      .filter(tag => tag !== '') ?? []
  const nothing: SignOutRequest = { asked_at: ports.clock.now(), ui_locales }
  const token = parameters.get('id_token_hint')
  const hint = token === undefined ? undefined : ports.readIdTokenHint(token)
  if (token !== undefined && !hint) return drop(nothing, 'id_token_hint_invalid')
  const named = parameters.get('client_id')
  // §2: the two must be one and the same.
  if (hint && named !== undefined && hint.client_id !== named) {
    return drop(nothing, 'id_token_hint_of_another_client', named)
  }
  const clientId = hint?.client_id ?? named
  const uri = parameters.get('post_logout_redirect_uri')
  if (clientId === undefined) {
    return uri === undefined ? { asked: nothing } : drop(nothing, 'post_logout_redirect_uri_without_client')
  }
  const client = await ports.clients.find(clientId)
  if (!client?.enabled) return drop(nothing, client ? 'client_disabled' : 'client_unknown', clientId)
  const asked = { ...nothing, client_id: client.client_id, ...(hint && { hint: sessionOf(hint) }) }
  return withTarget(asked, client, uri, parameters.get('state'))
}

const sessionOf = ({ sub, sid }: IdTokenHint) => ({ sub, ...(sid !== undefined && { sid }) })

/** §2.1, §3: only a URI that the client registered. */
function withTarget(
  asked: SignOutRequest,
  client: Client,
  uri: string | undefined,
  state: string | undefined,
): Kept {
  if (uri === undefined) return { asked }
  if (!isPostLogoutRedirectUriOf(client, uri)) {
    return drop(asked, 'post_logout_redirect_uri_not_registered', client.client_id)
  }
  return { asked: { ...asked, post_logout_redirect_uri: uri, ...(state !== undefined && { state }) } }
}

const drop = (asked: SignOutRequest, reason: string, client_id?: string): Kept => ({
  asked,
  dropped: refuse('invalid_request', reason, client_id === undefined ? {} : { log: { client_id } }),
})
