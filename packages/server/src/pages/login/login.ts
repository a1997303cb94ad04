/**
 * The login page (OpenID Connect Core 1.0 §3.1.2.3): a user name and a password, checked here or by a provider that can;
 * or the choice of a provider, which is not asked for where there is none.
 */

import type { Endpoint, HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { PasskeySignIn } from '../../identity/passkey-sign-in.ts'
import type { Passkeys } from '../../identity/passkeys.ts'
import type { KnownAccounts } from '../../identity/password-guesses.ts'
import type { SignIn } from '../../identity/sign-in.ts'
import { redirectResponse } from '../../messages/redirect.ts'
import type { Clients } from '../../model/client.ts'
import { type IdentityProvider, localProvider } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import type { ConcludeSignIn } from '../flow/conclude-sign-in.ts'
import type { Continuation, Continuations } from '../flow/continuation.ts'
import type { Csrf } from '../flow/csrf.ts'
import { tooMany } from '../flow/form-problem.ts'
import type { KnownBrowsers } from '../flow/known-browsers.ts'
import { createContinuationOpener } from '../flow/open-continuation.ts'
import { browserOf, readPage } from '../flow/page-form.ts'
import type { Paths } from '../flow/page-paths.ts'
import { refusedBy } from '../flow/refused-by-user.ts'
import { createPageRefuser, logRefusal } from '../flow/refused-page.ts'
import { type FindRequester, formContextOf, pageContextOf, type Requester } from '../flow/requester.ts'
import type { Resume } from '../flow/resume.ts'
import type { Way, Ways } from '../flow/sign-in-options.ts'
import type { Pages } from '../ui/pages.ts'

export type LoginPorts = {
  readonly continuations: Continuations
  readonly clients: Pick<Clients, 'find'>
  readonly findRequester: FindRequester
  readonly resume: Resume
  readonly ways: Ways
  readonly signIn: SignIn
  readonly passkeySignIn: PasskeySignIn
  readonly passkeys: Pick<Passkeys, 'request'>
  readonly concludeSignIn: ConcludeSignIn
  readonly sessions: Pick<BrowserSessions, 'keepOffered'>
  readonly knownBrowsers: KnownBrowsers
  readonly knownAccounts: KnownAccounts
  readonly csrf: Csrf
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  /** What users who are kept here may do themselves. */
  readonly offered: {
    readonly signUpIn: (tenant: string | undefined) => boolean
    readonly passwordReset: boolean
  }
  readonly pages: Pages
  readonly paths: Paths
  readonly log: Log
}

/** What the user typed, and why it did not do. */
type Typed = { readonly username: string; readonly refusal?: Refusal; readonly byPasskey?: true }

/** `GET` and `POST /login`. */
export function createLoginEndpoint(ports: LoginPorts): Endpoint {
  const { continuations, paths, ways } = ports
  const refusePage = createPageRefuser('login', ports)
  const openContinuation = createContinuationOpener('login', 'sign_in', ports)

  return async request => {
    const form = readPage(request, ports.csrf)
    if (!form.ok) return refusePage(request, form)
    const opened = await openContinuation(request, form.value.get('continue'))
    if (!opened.ok) return opened.respond()
    const continuation = opened.value
    const requester = await ports.findRequester(continuation)
    // What no longer holds is told by the endpoint that the request came from.
    if (!requester.ok) return resume(request, continuation)
    if (request.method !== 'POST') return show(request, continuation, requester.value)

    const button = form.value.get('button') ?? 'login'
    if (button === 'cancel') return resume(request, refusedBy(request, continuation, 'login', ports.csrf))
    const username = form.value.get('username') ?? ''
    if (button === 'passkey') return signInByPasskey(request, continuation, requester.value, form.value)
    if (button === 'next') return show(request, continuation, requester.value, { username })
    if (button !== 'login') return refusePage(request, refuse('invalid_request', 'button_unknown'))
    const password = form.value.get('password') ?? ''
    const wish =
      form.value.get('keep_signed_in') === 'yes' ? { ...continuation, keep: true as const } : continuation
    return signIn(request, wish, requester.value, username, password)
  }

  async function signIn(
    request: HttpRequest,
    continuation: Continuation,
    requester: Requester,
    username: string,
    password: string,
  ): Promise<HttpResponse> {
    const { client, tenant, acr_values, requested_acr } = requester
    const idp = (ways.taken(requester, continuation) ?? localWay(requester))?.idp
    const acr = { acr: [], ...(idp !== undefined && { idp }), ...(tenant !== undefined && { tenant }) }
    const named = { username, tenant, idp: idp ?? localProvider }
    const signedIn = await ports.signIn({
      ...{ username, password, acr, acr_values },
      ...(client && { client }),
      from: networkOf(request),
      known_browser: await ports.knownBrowsers.read(request, () => ports.knownAccounts.find(named)),
    })
    if (!signedIn.ok) {
      const log = { client_id: client?.client_id, ...signedIn.log }
      logRefusal(ports.log, 'login', request, { ...signedIn, log })
      return show(request, continuation, requester, { username, refusal: signedIn })
    }
    const { subject } = signedIn.value
    const account = ports.knownAccounts.of(subject.sub, named)
    const cookies = [ports.knownBrowsers.remember(request, account)]
    const proven = { subject, tenant, client, requested_acr, continuation, cookies }
    return ports.concludeSignIn(request, proven)
  }

  async function signInByPasskey(
    request: HttpRequest,
    continuation: Continuation,
    requester: Requester,
    form: Parameters,
  ): Promise<HttpResponse> {
    const { client, tenant, requested_acr } = requester
    const signedIn = await ports.passkeySignIn.signIn({
      browser: browserOf(form),
      answer: { ticket: form.get('ticket') ?? '', credential: form.get('credential') ?? '' },
      ...(client && { client }),
      ...(tenant !== undefined && { tenant }),
    })
    if (!signedIn.ok) {
      const log = { client_id: client?.client_id, ...signedIn.log }
      logRefusal(ports.log, 'login', request, { ...signedIn, log })
      return show(request, continuation, requester, { username: '', refusal: signedIn, byPasskey: true })
    }
    const subject = signedIn.value
    return ports.concludeSignIn(request, { subject, tenant, client, requested_acr, continuation })
  }

  function resume(request: HttpRequest, continuation: Continuation): HttpResponse {
    return redirectResponse(request, ports.resume(continuation))
  }

  /** The page, or where the browser is sent instead of it. */
  async function show(
    request: HttpRequest,
    { by_form, ...continuation }: Continuation,
    requester: Requester,
    typed?: Typed,
  ): Promise<HttpResponse> {
    const username = typed?.username || requester.login_hint
    // A password that was wrong was typed for the way that the page was for.
    const taken = ways.taken(requester, continuation, typed?.refusal ? undefined : username)
    if (taken?.kind === 'redirect') {
      const hint = typed?.username ? { login_hint: typed.username } : {}
      const href = wayTo(taken, { ...continuation, ...hint })
      // The forms that lead here send `form-action 'self'`, which a redirect to the provider would break in some browsers.
      return request.method === 'POST' || by_form
        ? ports.pages.leaving(request, { to: displayName(taken.idp), href }, pageContextOf(requester))
        : redirectResponse(request, href)
    }
    const discovered = taken && ways.taken(requester, continuation) === undefined
    const onward = discovered ? { ...continuation, idp: taken.idp } : continuation
    return page(request, onward, requester, taken ?? localWay(requester), { ...typed, username })
  }

  async function page(
    request: HttpRequest,
    continuation: Continuation,
    requester: Requester,
    current: Way | undefined,
    { username, refusal, byPasskey }: Partial<Typed>,
  ): Promise<HttpResponse> {
    const { client } = requester
    const others = requester.idp === undefined ? ways.all(requester) : []
    const chosen = ways.taken(requester, continuation) !== undefined
    const nameFirst = !chosen && !username && others.some(way => way.domains.length > 0)
    const provider = current === undefined || current.idp === localProvider ? undefined : current.idp
    const { token, cookie } = ports.csrf.token(request)
    const { problem, context } = refusal ? problemOf(refusal) : {}
    const passkey =
      current?.idp === localProvider && ports.passkeySignIn.isOffered(client)
        ? await ports.passkeys.request({ browser: token })
        : undefined
    return ports.pages.login(
      request,
      {
        form: { action: paths('/login'), continue: continuations.seal(continuation), csrf: token },
        ...(provider !== undefined && { provider: displayName(provider) }),
        ...(current?.idp === localProvider && localLinks(continuation, requester)),
        asks: nameFirst ? 'username' : current ? 'password' : 'nothing',
        ...(username !== undefined && { username }),
        restarted: continuation.restarted !== undefined,
        keepOffered: ports.sessions.keepOffered,
        ...(problem && { problem: byPasskey ? 'passkey' : problem }),
        ...(passkey && { passkey }),
        others: others
          .filter(way => way.idp !== current?.idp)
          .map(way => ({
            ...(way.idp !== localProvider && { name: displayName(way.idp) }),
            href: wayTo(way, continuation),
          })),
      },
      {
        ...formContextOf(requester, continuation, cookie),
        ...context,
      },
    )
  }

  /** Without anything that was asked for or chosen it is this server, where the client allows that. */
  function localWay(requester: Requester): Way | undefined {
    return ways.all(requester).find(way => way.idp === localProvider)
  }

  function localLinks(
    continuation: Continuation,
    { tenant }: Requester,
  ): { signUp?: string; forgotten?: string } {
    const { signUpIn, passwordReset } = ports.offered
    const sealed = continuations.seal(continuation)
    return {
      ...(signUpIn(tenant) && { signUp: paths('/register', sealed) }),
      ...(passwordReset && { forgotten: paths('/password/forgotten', sealed) }),
    }
  }

  function wayTo({ idp, kind }: Way, continuation: Continuation): string {
    const sealed = continuations.seal({ ...continuation, idp })
    return paths(kind === 'redirect' ? '/federation/login' : '/login', sealed)
  }

  function displayName(idp: string): string {
    return ports.identityProviders.get(idp)?.display_name ?? idp
  }
}

function problemOf({ error, retry_after }: Refusal) {
  if (retry_after !== undefined) return tooMany(retry_after)
  return error === 'temporarily_unavailable'
    ? ({ problem: 'away', context: { status: 503 } } as const)
    : ({ problem: 'wrong', context: { status: 400 } } as const)
}
