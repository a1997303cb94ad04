/** How a user reaches each page. Elements are found by field name, because pages are viewed in several languages. */

import type { Page } from 'playwright-core'
import { appOf } from '../support/factors.ts'
import { authorizePath, pagesWorld } from '../support/sign-in.ts'

export type Person = {
  readonly page: Page
  /** Of the server. */
  readonly url: string
  /** Of the client application. */
  readonly app: string
  readonly locale: string
}

export type PageCase = {
  readonly name: string
  readonly template: string
  /** Whether it changes its tab for good. */
  readonly ownTab?: boolean
  readonly open: (person: Person) => Promise<void>
}

/** Languages in which pages are viewed. */
export const locales = ['en', 'ar'] as const

/** The pages' world, with an application at this origin as client, and a mock as provider. */
export const worldOf = (app: string, provider: string) => ({
  ...pagesWorld,
  api_scopes: [
    {
      name: 'api1',
      display_name: 'Read your orders',
      description: 'What you bought, when, and for how much',
    },
    { name: 'api2', display_name: 'Pay in your name', emphasize: true },
  ],
  accounts: { sign_up: true, email_verification: 'optional', self_deletion: true },
  branding: { support_url: 'https://help.example/', privacy_url: 'https://id.example/privacy' },
  outbound: { allowed_private_networks: ['127.0.0.0/8', '::1'] },
  identity_providers: pagesWorld.identity_providers.map(one =>
    one.name === 'corp'
      ? { ...one, display_name: 'Corp', issuer: provider, domains: ['corp.example'] }
      : { display_name: 'Partner', ...one },
  ),
  // One for each case and language, because their setup persists and cases run concurrently.
  users: [
    ...pagesWorld.users,
    ...['mia', 'ida', 'zoe', 'lea', 'ben', 'max'].flatMap(name =>
      locales.map(locale => ({
        sub: `${name}-${locale}`,
        username: `${name}-${locale}`,
        password: 'secret',
        claims: {},
      })),
    ),
  ],
  clients: [
    ...pagesWorld.clients,
    {
      ...pagesWorld.clients[0]!,
      client_id: 'strict',
      client_name: 'Strict',
      mfa: { mode: 'required', methods: ['totp'] },
    },
  ].map(client => ({
    ...client,
    ...(client.client_id === 'asking' && {
      policy_uri: 'https://asking.example/privacy',
      tos_uri: 'https://asking.example/terms',
    }),
    ...('redirect_uris' in client && {
      redirect_uris: [`${app}/cb`],
      post_logout_redirect_uris: [`${app}/`],
    }),
  })),
})

const authorize = ({ url, app }: Person, changes: Record<string, string> = {}) =>
  url + authorizePath({ redirect_uri: `${app}/cb`, ...changes })

/** Fills in the form and presses the button with this value. */
async function submit(
  { page }: Person,
  fields: Readonly<Record<string, string>>,
  button?: string,
): Promise<void> {
  for (const [name, value] of Object.entries(fields)) await page.locator(`main [name="${name}"]`).fill(value)
  const named = button === undefined ? 'main form button' : `main button[value="${button}"]`
  await page.locator(named).first().click()
}

const alice = { username: 'alice', password: 'wonderland' }

/** The name first, because it may redirect; then the password. */
async function logIn(person: Person, { username, password }: typeof alice): Promise<void> {
  await submit(person, { username }, 'next')
  await submit(person, { password }, 'login')
}

async function signIn(person: Person): Promise<void> {
  await person.page.goto(`${person.url}/account`)
  await logIn(person, alice)
  await person.page.waitForURL('**/account')
}

async function startDevice({ url }: Person): Promise<Record<string, string>> {
  const response = await fetch(`${url}/connect/deviceauthorization`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'tv' }),
  })
  return (await response.json()) as Record<string, string>
}

async function confirmDevice(person: Person): Promise<void> {
  await signIn(person)
  const { user_code = '', verification_uri = '' } = await startDevice(person)
  await person.page.goto(verification_uri)
  await submit(person, { user_code })
  await person.page.locator('button[value="yes"]').waitFor()
}

/** Signs in where a second factor is required: the page that sets it up. */
async function startEnrolment(person: Person, name: string): Promise<void> {
  await person.page.goto(authorize(person, { client_id: 'strict' }))
  await logIn(person, { username: `${name}-${person.locale}`, password: 'secret' })
}

async function enrol(person: Person, name: string): Promise<void> {
  await startEnrolment(person, name)
  const secret = (await person.page.locator('.secret').textContent()) ?? ''
  const clock = { now: () => Math.floor(Date.now() / 1000), advance: () => {} }
  await submit(person, { code: appOf(secret, { clock }).code() }, 'enrol')
}

/** Signs in as a user who set up an app in another browser: the page that asks for its code. */
async function startSecondFactor(person: Person, name: string): Promise<void> {
  await enrol(person, name)
  await person.page.locator('body[data-page="recovery-codes"]').waitFor()
  await person.page.context().clearCookies()
  await startEnrolment(person, name)
}

let signedUp = 0

/** With a new name each time. */
async function signUp(person: Person, password: string): Promise<void> {
  signedUp += 1
  // Before the first await: another case may sign up meanwhile.
  const username = `new${signedUp}`
  await person.page.goto(`${person.url}/register`)
  await submit(person, { username, email: `${username}@example.com`, new_password: password })
}

/** Signs up and requests a passkey. */
async function startPasskey(person: Person): Promise<void> {
  await signUp(person, 'a quiet harbour at dusk')
  await person.page.waitForURL('**/account')
  await person.page.goto(`${person.url}/account/security`)
  await person.page.locator('a[href$="passkey"]').click()
  await person.page.locator('button[value="passkey_enrol"]').waitFor()
}

/** An authenticator that always confirms. */
async function plugIn({ page }: Person): Promise<void> {
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true },
      ...{ hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    },
  })
}

/** Stops the browser on a page that would redirect by itself. */
const stay = ({ page }: Person, address: string) => page.route(address, route => route.abort('aborted'))

/** Pages that a person sees while signing in at an application or out. */
export const signInPages: readonly PageCase[] = [
  { name: 'home', template: 'home', open: async ({ page, url }) => void (await page.goto(`${url}/`)) },
  {
    name: 'not-found',
    template: 'message',
    open: async ({ page, url }) => void (await page.goto(`${url}/nowhere`)),
  },
  {
    name: 'error',
    template: 'message',
    open: async person =>
      void (await person.page.goto(authorize(person, { redirect_uri: 'https://x.example/' }))),
  },
  {
    name: 'login',
    template: 'login',
    open: async person => void (await person.page.goto(authorize(person, { client_id: 'asking' }))),
  },
  {
    name: 'login-password',
    template: 'login',
    async open(person) {
      await person.page.goto(authorize(person))
      await submit(person, { username: 'alice' }, 'next')
      await person.page.locator('[name="password"]').waitFor()
    },
  },
  {
    name: 'login-wrong',
    template: 'login',
    async open(person) {
      await person.page.goto(authorize(person))
      await logIn(person, { ...alice, password: 'wrong' })
      await person.page.getByRole('alert').waitFor()
    },
  },
  {
    name: 'login-home-realm',
    template: 'login',
    open: async person => void (await person.page.goto(authorize(person, { client_id: 'nolocal' }))),
  },
  {
    name: 'login-popup',
    template: 'login',
    open: async person =>
      void (await person.page.goto(authorize(person, { client_id: 'asking', display: 'popup' }))),
  },
  {
    name: 'login-touch',
    template: 'login',
    open: async person =>
      void (await person.page.goto(authorize(person, { client_id: 'asking', display: 'touch' }))),
  },
  {
    name: 'consent-wap',
    template: 'consent',
    async open(person) {
      await signIn(person)
      await person.page.goto(
        authorize(person, { client_id: 'asking', prompt: 'consent', display: 'wap', scope: 'openid api2' }),
      )
    },
  },
  {
    name: 'consent',
    template: 'consent',
    async open(person) {
      await signIn(person)
      await person.page.goto(
        authorize(person, { client_id: 'asking', prompt: 'consent', scope: 'openid profile api1 api2' }),
      )
    },
  },
  {
    name: 'device',
    template: 'device',
    open: async ({ page, url }) => void (await page.goto(`${url}/device`)),
  },
  {
    name: 'device-wrong',
    template: 'device',
    async open(person) {
      await person.page.goto(`${person.url}/device`)
      await submit(person, { user_code: 'bbbb bbbb' })
      await person.page.getByRole('alert').waitFor()
    },
  },
  { name: 'device-confirm', template: 'device-confirm', open: confirmDevice },
  {
    name: 'device-connected',
    template: 'message',
    async open(person) {
      await confirmDevice(person)
      await submit(person, {}, 'yes')
      await person.page.locator('.sign.approved').waitFor()
    },
  },
  {
    name: 'form-post',
    template: 'form-post',
    async open(person) {
      await signIn(person)
      await stay(person, `${person.app}/**`)
      await person.page.goto(authorize(person, { response_mode: 'form_post' }), { waitUntil: 'commit' })
      await person.page.locator('form').waitFor()
    },
  },
  {
    name: 'sign-out',
    template: 'sign-out',
    async open(person) {
      await signIn(person)
      await person.page.goto(`${person.url}/connect/endsession`)
    },
  },
  {
    name: 'still-signed-in',
    template: 'message',
    async open(person) {
      await signIn(person)
      await person.page.goto(`${person.url}/connect/endsession?client_id=web`)
      await submit(person, {}, 'no')
      await person.page.locator('.sign.approved').waitFor()
    },
  },
  {
    name: 'signed-out',
    template: 'signed-out',
    async open(person) {
      await signIn(person)
      await person.page.goto(`${person.url}/connect/endsession`)
      await submit(person, {}, 'yes')
      await person.page.locator('.sign').waitFor()
    },
  },
  {
    name: 'leaving',
    template: 'leaving',
    async open(person) {
      await stay(person, '**/federation/**')
      await person.page.goto(authorize(person))
      await person.page.locator('[name="username"]').fill('ada@corp.example')
      await person.page.locator('button[value="next"]').click({ noWaitAfter: true })
      await person.page.locator('a.button.primary').waitFor()
    },
  },
  {
    name: 'federation-problem',
    template: 'federation-problem',
    open: async person => void (await person.page.goto(authorize(person, { acr_values: 'idp:other' }))),
  },
]

/** The second step of a sign-in, and what belongs to an account. */
export const accountPages: readonly PageCase[] = [
  { name: 'enrolment', template: 'enrolment', open: person => startEnrolment(person, 'mia') },
  { name: 'recovery-codes', template: 'recovery-codes', open: person => enrol(person, 'ida') },
  {
    name: 'second-factor',
    template: 'second-factor',
    open: person => startSecondFactor(person, 'zoe'),
  },
  {
    name: 'second-factor-wrong',
    template: 'second-factor',
    async open(person) {
      await startSecondFactor(person, 'lea')
      await submit(person, { code: '000000' }, 'verify')
      await person.page.getByRole('alert').waitFor()
    },
  },
  {
    name: 'second-factor-recovery',
    template: 'second-factor',
    async open(person) {
      await startSecondFactor(person, 'ben')
      await person.page.locator('a[href$="method=recovery_code"]').click()
      await submit(person, { code: 'AAAAA-AAAAA' }, 'verify')
      await person.page.getByRole('alert').waitFor()
    },
  },
  {
    name: 'sign-up',
    template: 'fields',
    open: async ({ page, url }) => void (await page.goto(`${url}/register`)),
  },
  {
    name: 'sign-up-weak',
    template: 'fields',
    async open(person) {
      await signUp(person, 'password')
      await person.page.getByRole('alert').waitFor()
    },
  },
  {
    name: 'password-forgotten',
    template: 'fields',
    open: async ({ page, url }) => void (await page.goto(`${url}/password/forgotten`)),
  },
  {
    name: 'mail-sent',
    template: 'message',
    async open(person) {
      await person.page.goto(`${person.url}/password/forgotten`)
      await submit(person, { username: 'nobody' })
      await person.page.locator('.sign').waitFor()
    },
  },
  {
    name: 'account-own',
    template: 'account-profile',
    async open(person) {
      await signUp(person, 'a quiet harbour at dusk')
      await person.page.waitForURL('**/account')
    },
  },
  {
    name: 'account-password',
    template: 'fields',
    async open(person) {
      await signUp(person, 'a quiet harbour at dusk')
      await person.page.waitForURL('**/account')
      await person.page.goto(`${person.url}/account/password`)
    },
  },
  {
    name: 'account-delete',
    template: 'fields',
    async open(person) {
      await signUp(person, 'a quiet harbour at dusk')
      await person.page.waitForURL('**/account')
      await person.page.goto(`${person.url}/account/delete`)
    },
  },
  {
    name: 'outbox',
    template: 'outbox',
    open: async ({ page, url }) => void (await page.goto(`${url}/dev/mail`)),
  },
  {
    name: 'select-account',
    template: 'select-account',
    async open(person) {
      await signIn(person)
      await person.page.goto(authorize(person, { prompt: 'select_account' }))
    },
  },
  {
    name: 'account-security',
    template: 'account-security',
    async open(person) {
      await enrol(person, 'max')
      await person.page.locator('a.button.primary').click()
      await person.page.waitForURL(`${person.app}/**`)
      await person.page.goto(`${person.url}/account/security`)
    },
  },
  {
    name: 'enrolment-passkey',
    template: 'enrolment',
    open: startPasskey,
  },
  {
    name: 'account-security-passkey',
    template: 'account-security',
    ownTab: true,
    async open(person) {
      await plugIn(person)
      await startPasskey(person)
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
      await person.page.goto(`${person.url}/account/connections`)
    },
  },
  {
    name: 'account-consents',
    template: 'account-consents',
    async open(person) {
      await signIn(person)
      await person.page.goto(
        authorize(person, { client_id: 'asking', prompt: 'consent', scope: 'openid profile api1' }),
      )
      await submit(person, {}, 'yes')
      await person.page.waitForURL(`${person.app}/**`)
      await person.page.goto(`${person.url}/account/consents`)
    },
  },
  {
    name: 'account-sessions',
    template: 'account-sessions',
    async open(person) {
      await signIn(person)
      await person.page.goto(`${person.url}/account/sessions`)
    },
  },
  { name: 'account-profile', template: 'account-profile', open: signIn },
]
