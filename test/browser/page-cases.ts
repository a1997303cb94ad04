/**
 * How a user reaches each page. What comes before the page is requested over HTTP: a rendered page costs a hundred times
 * as much, and other tests take each of these paths in Chromium. Elements are found by field name, because pages are
 * viewed in several languages.
 */

import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { type Browser, createBrowser, type Page as RequestedPage } from '../support/browser.ts'
import { appOf, finishEnrolment } from '../support/factors.ts'
import { remote } from '../support/remote.ts'
import { authorizePath, signIn as signInAt } from '../support/sign-in.ts'
import { plugIn } from './authenticator.ts'
import { shareCookies } from './share-cookies.ts'

/** Where a page is viewed. */
type Tab = {
  readonly page: Page
  /** Of the server. */
  readonly url: string
  /** Of the client application. */
  readonly app: string
  readonly locale: string
}

/** A user of a tab. */
type Person = Tab & {
  /** Keeps the cookies that the tab gets when it shows a page. */
  readonly browser: Browser
}

export type PageCase = {
  readonly name: string
  readonly template: string
  /** Whether it changes its tab for good: by a route or a device. */
  readonly ownTab?: boolean
  readonly open: (person: Person) => Promise<void>
}

/** Some pages name the browser that signed in. */
const userAgent =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

/** Opens the page in a tab without cookies. */
export function openPage({ open }: PageCase, tab: Tab): Promise<void> {
  const headers = { 'accept-language': tab.locale, 'user-agent': userAgent }
  return open({ ...tab, browser: createBrowser(remote(tab.url, headers)) })
}

/** Shows a page of the server in the tab, with the cookies of the requests so far. */
async function show(person: Person, target: string, waitUntil?: 'commit'): Promise<void> {
  await shareCookies(person.page.context(), person.url, person.browser)
  await person.page.goto(person.url + target, { waitUntil })
}

const authorize = ({ app }: Person, changes: Record<string, string> = {}) =>
  authorizePath({ redirect_uri: `${app}/cb`, ...changes })

/** Fills in the form that the tab shows and presses the button with this value. */
async function submit(
  { page }: Person,
  fields: Readonly<Record<string, string>>,
  button?: string,
): Promise<void> {
  for (const [name, value] of Object.entries(fields)) await page.locator(`main [name="${name}"]`).fill(value)
  const named = button === undefined ? 'main form button' : `main button[value="${button}"]`
  await page.locator(named).first().click()
}

const signIn = ({ browser }: Person): Promise<RequestedPage> => signInAt(browser, '/account')

async function startDevice({ url }: Person): Promise<Record<string, string>> {
  const response = await fetch(`${url}/connect/deviceauthorization`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'tv' }),
  })
  return (await response.json()) as Record<string, string>
}

async function confirmDevice(person: Person): Promise<RequestedPage> {
  await signIn(person)
  const { user_code = '', verification_uri = '' } = await startDevice(person)
  const { pathname } = new URL(verification_uri)
  return person.browser.submit(await person.browser.visit(pathname), { user_code })
}

/** Signs in where a second factor is required: the page that sets it up. */
const startEnrolment = (person: Person, name: string): Promise<RequestedPage> =>
  signInAt(person.browser, authorize(person, { client_id: 'strict' }), {
    username: `${name}-${person.locale}`,
    password: 'secret',
    button: 'login',
  })

const clock = { now: () => Math.floor(Date.now() / 1000), advance: () => {} }

const enrol = async (person: Person, name: string) =>
  finishEnrolment({ clock }, person.browser, await startEnrolment(person, name))

/** Signs in as a user who set up an app in another browser: shows the page that asks for its code. */
async function showSecondFactor(person: Person, name: string): Promise<void> {
  await enrol(person, name)
  person.browser.cookies.clear()
  await show(person, (await startEnrolment(person, name)).target)
}

let signedUp = 0

/** Signs up with a new name each time. */
async function signUp({ browser }: Person): Promise<void> {
  const fields = newAccount('a quiet harbour at dusk')
  const page = await browser.submit(await browser.visit('/register'), fields)
  assert.equal(page.target, '/account', page.text)
}

function newAccount(new_password: string) {
  signedUp += 1
  const username = `new${signedUp}`
  return { username, email: `${username}@example.com`, new_password }
}

const addPasskey = '/account/security?add=passkey'

/** Stops the browser on a page that would redirect by itself, for as long as the tab exists. */
const stay = ({ page }: Person, address: string) => page.route(address, route => route.abort('aborted'))

/** Pages that a person sees while signing in at an application or out. */
export const signInPages: readonly PageCase[] = [
  { name: 'home', template: 'home', open: person => show(person, '/') },
  { name: 'not-found', template: 'message', open: person => show(person, '/nowhere') },
  {
    name: 'error',
    template: 'message',
    open: person => show(person, authorize(person, { redirect_uri: 'https://x.example/' })),
  },
  {
    name: 'login',
    template: 'login',
    open: person => show(person, authorize(person, { client_id: 'asking' })),
  },
  {
    name: 'login-password',
    template: 'login',
    async open(person) {
      await show(person, authorize(person))
      await submit(person, { username: 'alice' }, 'next')
      await person.page.locator('[name="password"]').waitFor()
    },
  },
  {
    name: 'login-wrong',
    template: 'login',
    async open(person) {
      await show(person, authorize(person))
      // The name first, because it may redirect; then the password.
      await submit(person, { username: 'alice' }, 'next')
      await submit(person, { password: 'wrong' }, 'login')
      await person.page.getByRole('alert').waitFor()
    },
  },
  {
    name: 'login-home-realm',
    template: 'login',
    open: person => show(person, authorize(person, { client_id: 'nolocal' })),
  },
  {
    name: 'login-popup',
    template: 'login',
    open: person => show(person, authorize(person, { client_id: 'asking', display: 'popup' })),
  },
  {
    name: 'login-touch',
    template: 'login',
    open: person => show(person, authorize(person, { client_id: 'asking', display: 'touch' })),
  },
  {
    name: 'consent-wap',
    template: 'consent',
    async open(person) {
      await signIn(person)
      const request = { client_id: 'asking', prompt: 'consent', display: 'wap', scope: 'openid api2' }
      await show(person, authorize(person, request))
    },
  },
  {
    name: 'consent',
    template: 'consent',
    async open(person) {
      await signIn(person)
      const request = { client_id: 'asking', prompt: 'consent', scope: 'openid profile api1 api2' }
      await show(person, authorize(person, request))
    },
  },
  { name: 'device', template: 'device', open: person => show(person, '/device') },
  {
    name: 'device-wrong',
    template: 'device',
    async open(person) {
      await show(person, '/device')
      await submit(person, { user_code: 'bbbb bbbb' })
      await person.page.getByRole('alert').waitFor()
    },
  },
  {
    name: 'device-confirm',
    template: 'device-confirm',
    open: async person => show(person, (await confirmDevice(person)).target),
  },
  {
    name: 'device-connected',
    template: 'message',
    async open(person) {
      const connected = await person.browser.submit(await confirmDevice(person), { button: 'yes' })
      await show(person, connected.target)
      await person.page.locator('.sign.approved').waitFor()
    },
  },
  {
    name: 'form-post',
    template: 'form-post',
    ownTab: true,
    async open(person) {
      await signIn(person)
      await stay(person, `${person.app}/**`)
      await show(person, authorize(person, { response_mode: 'form_post' }), 'commit')
      await person.page.locator('form').waitFor()
    },
  },
  {
    name: 'sign-out',
    template: 'sign-out',
    async open(person) {
      await signIn(person)
      await show(person, '/connect/endsession')
    },
  },
  {
    name: 'still-signed-in',
    template: 'message',
    async open(person) {
      await signIn(person)
      await show(person, '/connect/endsession?client_id=web')
      await submit(person, {}, 'no')
      await person.page.locator('.sign.approved').waitFor()
    },
  },
  {
    name: 'signed-out',
    template: 'signed-out',
    async open(person) {
      await signIn(person)
      const asked = await person.browser.visit('/connect/endsession')
      await show(person, (await person.browser.submit(asked, { button: 'yes' })).target)
      await person.page.locator('.sign').waitFor()
    },
  },
  {
    name: 'leaving',
    template: 'leaving',
    ownTab: true,
    async open(person) {
      await stay(person, '**/federation/**')
      await show(person, authorize(person))
      await person.page.locator('[name="username"]').fill('ada@corp.example')
      await person.page.locator('button[value="next"]').click({ noWaitAfter: true })
      await person.page.locator('a.button.primary').waitFor()
    },
  },
  {
    name: 'federation-problem',
    template: 'federation-problem',
    open: person => show(person, authorize(person, { acr_values: 'idp:other' })),
  },
]

/** The second step of a sign-in, and what belongs to an account. */
export const accountPages: readonly PageCase[] = [
  {
    name: 'enrolment',
    template: 'enrolment',
    open: async person => show(person, (await startEnrolment(person, 'mia')).target),
  },
  {
    name: 'recovery-codes',
    template: 'recovery-codes',
    async open(person) {
      await show(person, (await startEnrolment(person, 'ida')).target)
      const secret = (await person.page.locator('.secret').textContent()) ?? ''
      await submit(person, { code: appOf(secret, { clock }).code() }, 'enrol')
      await person.page.locator('ol.codes').waitFor()
    },
  },
  {
    name: 'second-factor',
    template: 'second-factor',
    open: person => showSecondFactor(person, 'zoe'),
  },
  {
    name: 'second-factor-wrong',
    template: 'second-factor',
    async open(person) {
      await showSecondFactor(person, 'lea')
      await submit(person, { code: '000000' }, 'verify')
      await person.page.getByRole('alert').waitFor()
    },
  },
  {
    name: 'second-factor-recovery',
    template: 'second-factor',
    async open(person) {
      await showSecondFactor(person, 'ben')
      await person.page.locator('a[href$="method=recovery_code"]').click()
      await person.page.locator('input[name="method"][value="recovery_code"]').waitFor({ state: 'attached' })
      await submit(person, { code: 'AAAAA-AAAAA' }, 'verify')
      await person.page.getByRole('alert').waitFor()
    },
  },
  { name: 'sign-up', template: 'fields', open: person => show(person, '/register') },
  {
    name: 'sign-up-weak',
    template: 'fields',
    async open(person) {
      await show(person, '/register')
      await submit(person, newAccount('password'))
      await person.page.getByRole('alert').waitFor()
    },
  },
  { name: 'password-forgotten', template: 'fields', open: person => show(person, '/password/forgotten') },
  {
    name: 'mail-sent',
    template: 'message',
    async open(person) {
      await show(person, '/password/forgotten')
      await submit(person, { username: 'nobody' })
      await person.page.locator('.sign').waitFor()
    },
  },
  {
    name: 'account-own',
    template: 'account-profile',
    async open(person) {
      await signUp(person)
      await show(person, '/account')
    },
  },
  {
    name: 'account-password',
    template: 'fields',
    async open(person) {
      await signUp(person)
      await show(person, '/account/password')
    },
  },
  {
    name: 'account-delete',
    template: 'fields',
    async open(person) {
      await signUp(person)
      await show(person, '/account/delete')
    },
  },
  { name: 'outbox', template: 'outbox', open: person => show(person, '/dev/mail') },
  {
    name: 'select-account',
    template: 'select-account',
    async open(person) {
      await signIn(person)
      await show(person, authorize(person, { prompt: 'select_account' }))
    },
  },
  {
    name: 'account-security',
    template: 'account-security',
    async open(person) {
      await enrol(person, 'max')
      await show(person, '/account/security')
    },
  },
  {
    name: 'enrolment-passkey',
    template: 'enrolment',
    async open(person) {
      await signUp(person)
      await show(person, addPasskey)
      await person.page.locator('button[value="passkey_enrol"]').waitFor()
    },
  },
  {
    name: 'account-security-passkey',
    template: 'account-security',
    ownTab: true,
    async open(person) {
      await plugIn(await person.page.context().newCDPSession(person.page))
      await signUp(person)
      await show(person, addPasskey)
      await submit(person, { name: 'Blue key' }, 'passkey_enrol')
      await person.page.locator('a.button.primary').click()
      await person.page.waitForURL('**/account/security')
    },
  },
  {
    name: 'account-connections',
    template: 'account-connections',
    async open(person) {
      await signIn(person)
      await show(person, '/account/connections')
    },
  },
  {
    name: 'account-consents',
    template: 'account-consents',
    async open(person) {
      await signIn(person)
      const request = { client_id: 'asking', prompt: 'consent', scope: 'openid profile api1' }
      await person.browser.submit(await person.browser.visit(authorize(person, request)), { button: 'yes' })
      await show(person, '/account/consents')
    },
  },
  {
    name: 'account-sessions',
    template: 'account-sessions',
    async open(person) {
      await signIn(person)
      await show(person, '/account/sessions')
    },
  },
  {
    name: 'account-profile',
    template: 'account-profile',
    async open(person) {
      await signIn(person)
      await show(person, '/account')
    },
  },
]
