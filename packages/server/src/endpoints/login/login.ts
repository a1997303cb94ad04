/** The login page (OpenID Connect Core 1.0 §3.1.2.3): a user name and a password, checked here or by a provider that can. */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { Log } from '../../core/runtime.ts'
import { type IdentityProvider, localProvider } from '../../core/user.ts'
import { networkOf } from '../../identity/attempts.ts'
import { mayUseProvider, type SignIn } from '../../identity/sign-in.ts'
import type { Continuation, Continuations } from '../../interaction/continuation.ts'
import type { Csrf } from '../../interaction/csrf.ts'
import { readPageForm, readPageQuery } from '../../interaction/form.ts'
import type { Paths } from '../../interaction/paths.ts'
import { createPageRefuser, logRefusal } from '../../interaction/refused-page.ts'
import type { FindRequester, Requester } from '../../interaction/requester.ts'
import type { Resume } from '../../interaction/resume.ts'
import type { BrowserSessions } from '../../interaction/session.ts'
import { redirectResponse } from '../../ui/page.ts'
import type { Pages } from '../../ui/pages.ts'

export type LoginPorts = {
  readonly continuations: Continuations
  readonly findRequester: FindRequester
  readonly resume: Resume
  readonly signIn: SignIn
  readonly sessions: BrowserSessions
  readonly csrf: Csrf
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  readonly pages: Pages
  readonly paths: Paths
  readonly log: Log
}

/** `GET` and `POST /login`. */
export function createLoginEndpoint(ports: LoginPorts): Endpoint {
  const { continuations, paths } = ports
  const refusePage = createPageRefuser('login', ports)

  return async request => {
    const form = request.method === 'POST' ? readPageForm(request, ports.csrf) : readPageQuery(request)
    if (!form.ok) return refusePage(request, form)
    const continuation = continuations.open(form.value.get('continue'))
    if (!continuation) return refusePage(request, refuse('invalid_request', 'continuation_invalid'))
    const requester = await ports.findRequester(continuation)
    // What no longer holds is told by the endpoint that the request came from.
    if (!requester.ok) return resume(request, continuation)
    if (request.method !== 'POST') return show(request, continuation, requester.value)

    const button = form.value.get('button') ?? 'login'
    if (button === 'cancel') return resume(request, { ...continuation, refused: 'login' })
    if (button !== 'login') return refusePage(request, refuse('invalid_request', 'button_unknown'))
    const username = form.value.get('username') ?? ''
    const password = form.value.get('password') ?? ''
    return signIn(request, continuation, requester.value, username, password)
  }

  async function signIn(
    request: HttpRequest,
    continuation: Continuation,
    requester: Requester,
    username: string,
    password: string,
  ): Promise<HttpResponse> {
    const { client, tenant, acr_values } = requester
    const idp = currentProvider(continuation, requester)
    const acr = { acr: [], ...(idp !== undefined && { idp }), ...(tenant !== undefined && { tenant }) }
    const signedIn = await ports.signIn({
      ...{ username, password, acr, acr_values },
      ...(client && { client }),
      from: networkOf(request),
    })
    if (!signedIn.ok) {
      const log = { client_id: client?.client_id, ...signedIn.log }
      logRefusal(ports.log, 'login', request, { ...signedIn, log })
      return show(request, continuation, requester, { username, refusal: signedIn })
    }
    const { session, cookie } = await ports.sessions.start(request, signedIn.value.subject, tenant)
    ports.log.info('signed_in', {
      request_id: request.id,
      client_id: client?.client_id,
      sub: session.sub,
      idp: session.idp,
      sid: session.sid,
    })
    return resume(request, continuation, cookie)
  }

  function resume(request: HttpRequest, continuation: Continuation, cookie?: string): HttpResponse {
    return redirectResponse(request, ports.resume(continuation), [cookie])
  }

  /** @param failed a sign-in that was refused. */
  function show(
    request: HttpRequest,
    continuation: Continuation,
    requester: Requester,
    failed?: { readonly username: string; readonly refusal: Refusal },
  ): Promise<HttpResponse> {
    const { client, login_hint, leads_to, ui_locales } = requester
    const current = currentProvider(continuation, requester)
    const provider = current === undefined || current === localProvider ? undefined : current
    const { token, cookie } = ports.csrf.token(request)
    const wait = failed?.refusal.retry_after
    const named = failed?.username ?? login_hint
    return ports.pages.login(
      request,
      {
        form: { action: paths('/login'), continue: continuations.seal(continuation), csrf: token },
        ...(client && { client: client.client_name ?? client.client_id }),
        ...(provider !== undefined && { provider: displayName(provider) }),
        withPassword: current !== undefined && canCheckPassword(current, requester),
        ...(named !== undefined && { username: named }),
        ...(failed && { problem: wait === undefined ? 'wrong' : { waitMinutes: Math.ceil(wait / 60) } }),
        others: otherProviders(requester, current).map(name => ({
          ...(name !== localProvider && { name: displayName(name) }),
          href: paths('/login', continuations.seal({ ...continuation, idp: name })),
        })),
      },
      {
        cookies: [cookie],
        ui_locales,
        ...(leads_to !== undefined && { formAction: leads_to }),
        ...(failed && { status: wait === undefined ? 400 : 429 }),
        ...(wait !== undefined && { headers: { 'retry-after': String(wait) } }),
      },
    )
  }

  function canCheckPassword(idp: string, { client }: Requester): boolean {
    const able = idp === localProvider || ports.identityProviders.get(idp)?.credentialAuthority !== undefined
    return able && mayUseProvider(client, idp)
  }

  /** Unless the client asks for one: the other providers that can check a password, and this server. */
  function otherProviders(requester: Requester, current: string | undefined): readonly string[] {
    if (requester.idp !== undefined) return []
    return [localProvider, ...ports.identityProviders.keys()].filter(
      name => name !== current && canCheckPassword(name, requester),
    )
  }

  function displayName(idp: string): string {
    return ports.identityProviders.get(idp)?.display_name ?? idp
  }
}

/** What the client asks for goes before what the user chose; without either it is this server, where the client allows that. */
const currentProvider = (continuation: Continuation, { client, idp }: Requester): string | undefined =>
  idp ?? continuation.idp ?? (mayUseProvider(client, localProvider) ? localProvider : undefined)
