/**
 * The login page (OpenID Connect Core 1.0 §3.1.2.3). It asks for a user name and a password, which this server or a
 * provider checks, and offers other providers. If only one option exists, the user is not asked to choose.
 */

import type { Endpoint, HttpResponse } from '@tessera/protocol/http'
import { type Refusal, refuse } from '@tessera/protocol/result'
import type { PasskeySignIn } from '../../identity/passkey-sign-in.ts'
import type { Passkeys } from '../../identity/passkeys.ts'
import type { KnownAccounts } from '../../identity/password-guesses.ts'
import type { SignIn } from '../../identity/sign-in.ts'
import { type IdentityProvider, localProvider } from '../../model/user.ts'
import { networkOf } from '../../runtime/network.ts'
import type { KnownBrowsers } from '../flow/browser-cookies.ts'
import type { BrowserRequests, ContinuedPage } from '../flow/browser-request.ts'
import type { BrowserSessions } from '../flow/browser-session.ts'
import type { ConcludeSignIn } from '../flow/conclude-sign-in.ts'
import type { Continuation } from '../flow/continuation.ts'
import { tooManyAttempts } from '../flow/form-problem.ts'
import { browserOf, passkeyAnswerOf } from '../flow/page-form.ts'
import { pageContextOf } from '../flow/requester.ts'
import type { SignInOption, SignInOptions } from '../flow/sign-in-options.ts'
import type { Pages } from '../ui/pages.ts'

type LoginPorts = {
  readonly browserRequests: BrowserRequests
  readonly signInOptions: SignInOptions
  readonly signIn: SignIn
  readonly passkeySignIn: PasskeySignIn
  readonly passkeys: Pick<Passkeys, 'request'>
  readonly concludeSignIn: ConcludeSignIn
  readonly sessions: Pick<BrowserSessions, 'keepOffered'>
  readonly knownBrowsers: KnownBrowsers
  readonly knownAccounts: KnownAccounts
  readonly identityProviders: ReadonlyMap<string, IdentityProvider>
  /** Changes that users with an account here can make themselves. */
  readonly offered: {
    readonly signUpIn: (tenant: string | undefined) => boolean
    readonly passwordReset: boolean
  }
  readonly pages: Pages
}

/** The user name that was entered, and the refusal if the sign-in failed. */
type Attempt = { readonly username?: string; readonly refusal?: Refusal; readonly byPasskey?: true }

/** `GET` and `POST /login`. */
export function createLoginEndpoint(ports: LoginPorts): Endpoint {
  const { signInOptions } = ports

  return ports.browserRequests.continuedPage('login', 'sign_in', page => {
    const { continuation, form } = page
    if (!page.posted) return show(page)
    const button = form.get('button') ?? 'login'
    if (button === 'cancel') return page.resume(page.refusedByUser(continuation, 'login'))
    const username = form.get('username') ?? ''
    if (button === 'passkey') return signInByPasskey(page)
    if (button === 'next') return show(page, { username })
    if (button !== 'login') return page.refuse(refuse('invalid_request', 'button_unknown'))
    return signIn(page, username, form.get('password') ?? '')
  })

  async function signIn(page: ContinuedPage, username: string, password: string): Promise<HttpResponse> {
    const { request, requester } = page
    const { client, tenant, acr_values, requested_acr } = requester
    const keep = page.form.get('keep_signed_in') === 'yes'
    const continuation: Continuation = keep ? { ...page.continuation, keep: true } : page.continuation
    const idp = (signInOptions.chosen(requester, continuation) ?? localOption(page))?.idp
    const named = { username, tenant, idp: idp ?? localProvider }
    const signedIn = await ports.signIn({
      username,
      password,
      acr: { acr: [], idp, tenant },
      acr_values,
      client,
      from: networkOf(request),
      known_browser: await ports.knownBrowsers.read(request, () => ports.knownAccounts.find(named)),
    })
    if (!signedIn.ok) {
      page.logRefusal(signedIn, { client_id: client?.client_id })
      return show({ ...page, continuation }, { username, refusal: signedIn })
    }
    const { subject } = signedIn.value
    const account = ports.knownAccounts.of(subject.sub, named)
    const cookies = [ports.knownBrowsers.remember(request, account)]
    return ports.concludeSignIn(request, { subject, tenant, client, requested_acr, continuation, cookies })
  }

  async function signInByPasskey(page: ContinuedPage): Promise<HttpResponse> {
    const { form, continuation } = page
    const { client, tenant, requested_acr } = page.requester
    const signedIn = await ports.passkeySignIn.signIn({
      browser: browserOf(form),
      answer: passkeyAnswerOf(page.request, form),
      client,
      tenant,
    })
    if (!signedIn.ok) {
      page.logRefusal(signedIn, { client_id: client?.client_id })
      return show(page, { username: '', refusal: signedIn, byPasskey: true })
    }
    const subject = signedIn.value
    return ports.concludeSignIn(page.request, { subject, tenant, client, requested_acr, continuation })
  }

  /** Shows the page, or redirects the browser to the provider that the user signs in with. */
  async function show(page: ContinuedPage, attempt?: Attempt): Promise<HttpResponse> {
    const { requester } = page
    const { by_form, ...continuation } = page.continuation
    const username = attempt?.username || requester.login_hint
    // A wrong password was entered for the option that the page showed.
    const chosen = signInOptions.chosen(requester, continuation, attempt?.refusal ? undefined : username)
    if (chosen?.kind === 'redirect') {
      const hint = attempt?.username ? { login_hint: attempt.username } : {}
      const href = linkTo(chosen, { ...page, continuation: { ...continuation, ...hint } })
      // The forms that lead here send `form-action 'self'`, which a redirect to the provider would break in some browsers.
      return page.posted || by_form
        ? ports.pages.leaving(page.request, { to: displayName(chosen.idp), href }, pageContextOf(requester))
        : page.redirect(href)
    }
    const discovered = chosen && signInOptions.chosen(requester, continuation) === undefined
    const next = { ...page, continuation: discovered ? { ...continuation, idp: chosen.idp } : continuation }
    return showForm(next, chosen ?? localOption(page), { ...attempt, username })
  }

  async function showForm(
    page: ContinuedPage,
    current: SignInOption | undefined,
    { username, refusal, byPasskey }: Attempt,
  ): Promise<HttpResponse> {
    const { continuation, requester } = page
    const others = requester.idp === undefined ? signInOptions.list(requester) : []
    const isChosen = signInOptions.chosen(requester, continuation) !== undefined
    const nameFirst = !isChosen && !username && others.some(option => option.domains.length > 0)
    const provider = current === undefined || current.idp === localProvider ? undefined : current.idp
    const { problem, context } = refusal ? problemOf(refusal) : {}
    const passkey =
      current?.idp === localProvider && ports.passkeySignIn.isOffered(requester.client)
        ? await ports.passkeys.request({ browser: page.csrf().token })
        : undefined
    return ports.pages.login(
      page.request,
      {
        form: page.pageForm('/login', continuation),
        provider: provider === undefined ? undefined : displayName(provider),
        ...(current?.idp === localProvider && localLinks(page)),
        asks: nameFirst ? 'username' : current ? 'password' : 'nothing',
        username,
        restarted: continuation.restarted !== undefined,
        keepOffered: ports.sessions.keepOffered,
        problem: problem && byPasskey ? 'passkey' : problem,
        passkey,
        others: others
          .filter(option => option.idp !== current?.idp)
          .map(option => ({
            name: option.idp === localProvider ? undefined : displayName(option.idp),
            href: linkTo(option, page),
          })),
      },
      { ...page.formContext(requester, continuation), ...context },
    )
  }

  /** The default is this server, if the client allows it. */
  function localOption({ requester }: Pick<ContinuedPage, 'requester'>): SignInOption | undefined {
    return signInOptions.list(requester).find(option => option.idp === localProvider)
  }

  function localLinks({ continuation, requester, link }: ContinuedPage) {
    const { signUpIn, passwordReset } = ports.offered
    return {
      signUp: signUpIn(requester.tenant) ? link('/register', continuation) : undefined,
      forgotten: passwordReset ? link('/password/forgotten', continuation) : undefined,
    }
  }

  function linkTo({ idp, kind }: SignInOption, { continuation, link }: ContinuedPage): string {
    return link(kind === 'redirect' ? '/federation/login' : '/login', { ...continuation, idp })
  }

  function displayName(idp: string): string {
    return ports.identityProviders.get(idp)?.display_name ?? idp
  }
}

function problemOf({ error, retry_after }: Refusal) {
  if (retry_after !== undefined) return tooManyAttempts(retry_after)
  return error === 'temporarily_unavailable'
    ? ({ problem: 'away', context: { status: 503 } } as const)
    : ({ problem: 'wrong', context: { status: 400 } } as const)
}
