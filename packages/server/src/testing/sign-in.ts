/**
 * Signs users in without a browser: at the login page it starts the user's session, and it submits the forms of the
 * other pages. The authorization endpoint therefore makes all decisions, as with a browser: which page comes next,
 * consent, and the code.
 */

import type { User } from '../model/user.ts'
import { createNavigator, type Navigator, type Visit } from './browser.ts'
import type { TestCookie } from './cookie-jar.ts'
import { type Authentication, findUser, readSession, startSession } from './people.ts'
import type { Running } from './running.ts'

export type SignInOptions = Authentication & {
  /** A user name or `sub`. Default: the first configured user, or the user who is signed in at this browser. */
  readonly user?: string
  /**
   * The user's decision on the consent page: allows everything, allows only some scopes, or denies. With `deny`, a user
   * who is asked to sign in first cancels there. Default: `allow`.
   */
  readonly consent?: 'allow' | 'deny' | readonly string[]
}

export type SignedIn = {
  /** The URL that the server redirected the browser to: the redirect URI, with the response to the client. */
  readonly url: URL
  /** The method of that request: `POST` with `response_mode=form_post`. */
  readonly method: 'GET' | 'POST'
  /** The parameters of the response: `code`, `state` and `iss`, or `error`. */
  readonly params: URLSearchParams
  /**
   * The last response of the application, if the sign-in began at its address. Otherwise the server's response that leads
   * to the application.
   */
  readonly response: Response
  /** The browser, which is signed in now. */
  readonly browser: TestBrowser
}

/** A simulated browser, which stores the cookies of the server and of the application. */
export type TestBrowser = Pick<Navigator, 'fetch'> & {
  /** Returns all cookies, in the form that Playwright's `context.addCookies` takes. */
  readonly cookies: () => TestCookie[]
  /**
   * Signs in at an authorization URL, or at an address of the application that leads to one. Throws if the server shows
   * an error, or asks for input that the options don't provide, such as a second factor.
   */
  readonly signIn: (url: string | URL, options?: SignInOptions) => Promise<SignedIn>
  /** Signs in at the server alone. Later requests of any client are signed in. Returns the session's `sid`. */
  readonly startSession: (user?: string, authentication?: Authentication) => Promise<string>
  /** Enters a user code (RFC 8628 §3.3), signs in if necessary, and allows or denies. */
  readonly approveDevice: (userCode: string, options?: SignInOptions) => Promise<void>
}

const mostSteps = 40

/** @param lastReason returns the reason that was logged last for a refusal. */
export function createTestBrowser(running: () => Running, lastReason: () => string | undefined): TestBrowser {
  const navigator = createNavigator(running)

  const browser: TestBrowser = {
    cookies: navigator.cookies,
    fetch: navigator.fetch,
    async startSession(name, authentication = {}) {
      const user = await findUser(running(), name)
      return (await startSession(running(), navigator.jar, user, authentication)).sid
    },
    async signIn(start, options = {}) {
      await requireSameUser(options)
      const first = new URL(start)
      const fromApplication = !navigator.isOurs(first)
      const answer = createAnswers('signIn', '/connect/authorize/callback', options)
      let page = await navigator.send(first)
      let left: Leaving | undefined
      for (let steps = 0; steps < mostSteps; steps++) {
        const leaving = leavingOf(page)
        left = leaving ?? left
        if (leaving && !fromApplication) return { ...leaving, response: page.response, browser }
        if (!page.isOurs && !page.location) {
          if (left) return { ...left, response: page.response, browser }
          throw new Error(`signIn: ${first.href} did not lead to ${running().tessera.issuer}`)
        }
        page =
          leaving?.method === 'POST' ? await navigator.send(leaving.url, leaving.params) : await answer(page)
      }
      throw new Error(`signIn: ${first.href} leads to no end; the last page was ${page.url.href}`)
    },
    async approveDevice(userCode, options = {}) {
      await requireSameUser(options)
      const answer = createAnswers('approveDevice', '/device', options)
      const entered = await navigator.submit(await navigator.send(pageAt('/device')), { user_code: userCode })
      if (!entered.location) throw refused('approveDevice', entered)
      let page = entered
      for (let steps = 0; steps < mostSteps && (page.location || page.form); steps++)
        page = await answer(page)
      if (page.status >= 400 || page.form) throw refused('approveDevice', page)
    },
  }
  return browser

  /** Returns the URL outside the server that a page leads to; undefined if it stays on the server. */
  function leavingOf({ isOurs, location, form, url }: Visit): Leaving | undefined {
    if (!isOurs) return undefined
    const to = location ?? (form && new URL(form.action, url))
    if (!to || navigator.isOurs(to)) return undefined
    return location
      ? { url: to, method: 'GET', params: paramsOf(to) }
      : { url: to, method: 'POST', params: new URLSearchParams(form?.fields) }
  }

  /**
   * Returns a function that submits one page after the other, for one sign-in. @param resumed where the login page
   * leads.
   */
  function createAnswers(
    verb: string,
    resumed: '/connect/authorize/callback' | '/device',
    options: SignInOptions,
  ): (page: Visit) => Promise<Visit> {
    let signedIn: User | undefined

    /** Signs in, and continues where the login page would. */
    async function logIn(login: URL): Promise<Visit> {
      if (options.consent === 'deny' && resumed !== '/device')
        return navigator.submit(await navigator.send(login), { button: 'cancel' })
      if (signedIn)
        throw new Error(
          `${verb}: the server does not accept the sign-in of "${signedIn.username}" for this request: they may be inactive or of another tenant, or the client expects another user or provider (idp)`,
        )
      signedIn = await findUser(running(), options.user)
      await startSession(running(), navigator.jar, signedIn, options)
      return navigator.send(Object.assign(pageAt(resumed), { search: login.search }))
    }

    /** The account chooser continues with the current user, unless the test named another one. */
    async function chooseAccount(page: Visit): Promise<Visit> {
      const session = await readSession(running(), navigator.jar)
      const wanted = options.user === undefined ? undefined : await findUser(running(), options.user)
      const button = wanted === undefined || wanted.sub === session?.sub ? 'continue' : 'other'
      return navigator.submit(page, { button })
    }

    return async page => {
      const { location, url, status } = page
      if (location) return isPage(location, '/login') ? logIn(location) : navigator.send(location)
      if (status >= 400) throw refused(verb, page)
      if (isPage(url, '/consent') || isPage(url, '/device'))
        return navigator.submit(page, decisionOf(options))
      if (isPage(url, '/select-account')) return chooseAccount(page)
      if (isPage(url, '/mfa'))
        throw new Error(
          `${verb}: the server asks for a second factor: pass { acr: "2" } to sign in with one, or { acr: "phr" } with a passkey`,
        )
      throw refused(verb, page)
    }
  }

  /** Throws if another user is signed in than the test names. With `prompt` the page that follows decides. */
  async function requireSameUser({ user }: SignInOptions): Promise<void> {
    const session = user === undefined ? undefined : await readSession(running(), navigator.jar)
    if (!session || session.sub === (await findUser(running(), user)).sub) return
    throw new Error(
      `this browser is signed in as "${session.sub}", not as "${user}": use another browser, or omit the user`,
    )
  }

  function pageAt(path: string): URL {
    const url = new URL(running().tessera.issuer)
    url.pathname = url.pathname.replace(/\/$/, '') + path
    return url
  }

  function isPage(url: URL, path: string): boolean {
    return navigator.isOurs(url) && url.pathname === pageAt(path).pathname
  }

  function refused(verb: string, { url, status, text }: Visit): Error {
    const reason = lastReason()
    return new Error(
      `${verb}: ${url.pathname} responded ${status}${reason === undefined ? '' : ` (${reason})`}: ${text.slice(0, 300)}`,
    )
  }
}

type Leaving = Pick<SignedIn, 'url' | 'method' | 'params'>

/** Returns the parameters of a response in the query or in the fragment. */
const paramsOf = ({ search, hash }: URL): URLSearchParams =>
  new URLSearchParams(hash.length > 1 ? hash.slice(1) : search)

const decisionOf = ({
  consent = 'allow',
}: SignInOptions): Readonly<Record<string, string | readonly string[]>> => {
  if (typeof consent === 'string') return { button: consent === 'allow' ? 'yes' : 'no' }
  return { button: 'yes', scope: consent }
}
