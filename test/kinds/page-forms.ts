/** Every form of the pages: how a user reaches it, what they fill in, and whether it can end at a client. */

import { addUser, doraSignsIn, newestMail } from '../support/accounts.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { appOf, enrolApp, finishEnrolment, secretOn } from '../support/factors.ts'
import { formsOf } from '../support/forms.ts'
import { alice, authorizePath, callback, pagesWorld, signIn } from '../support/sign-in.ts'
import type { TestServer } from '../support/tessera.ts'

export type At = { readonly server: TestServer; readonly browser: Browser }

export type PageForm = {
  readonly name: string
  /** The page's template; for the template `fields`, `fields/` and which of its forms. */
  readonly form: string
  /** Whether it can end at a client, wherever that redirects to: such a page sends no `form-action`. */
  readonly leaves: boolean
  readonly mfa?: object
  readonly accounts?: object
  readonly open: (at: At) => Promise<Page>
  /** The fields and the button that a user uses. */
  readonly answer: Readonly<Record<string, string>> | ((at: At, page: Page) => Record<string, string>)
}

const bye = 'https://app.example/bye'

export const worldOf = ({ mfa = {}, accounts = {} }: Pick<PageForm, 'mfa' | 'accounts'>) => ({
  ...pagesWorld,
  mail: { from: 'login@id.example', smtp: { host: 'mail.id.example' } },
  accounts: { sign_up: true, self_deletion: true, ...accounts },
  mfa,
  clients: pagesWorld.clients.map(client =>
    client.client_id === 'web' ? { ...client, post_logout_redirect_uris: [bye] } : client,
  ),
})

const oneApp = { mode: 'if_enrolled', methods: ['totp'] }
const everyone = { mode: 'required', methods: ['totp'] }
const namedFirst = { email_verification: 'optional' }
const newPassword = { new_password: 'nine orange lamps here' }
const newcomer = { username: 'newcomer', email: 'new@example.com', ...newPassword }
const apps = new WeakMap<TestServer, ReturnType<typeof appOf>>()

const codeOf = (button: string) => (at: At, page: Page) => ({
  code: (apps.get(at.server) ?? appOf(secretOn(page), at.server)).code(),
  button,
})

/** Signs in where an app is set up. */
async function withSecondFactor({ server, browser }: At, target: string): Promise<Page> {
  const { app } = await enrolApp(server, createBrowser(server), authorizePath())
  apps.set(server, app)
  server.clock.advance(60)
  return signIn(browser, target)
}

async function enterDevice({ server, browser }: At): Promise<Page> {
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'tv' } })
  return browser.submit(await browser.visit('/device'), { user_code: json.user_code })
}

/** Dora is a stored user; configured users can change nothing. */
async function asDora({ server, browser }: At, page: string): Promise<Page> {
  await addUser(server)
  await signIn(browser, '/account', doraSignsIn)
  return browser.visit(page)
}

/** Follows the link of the mail that a form sends. */
async function byMail(at: At, page: Page, fields: Record<string, string>): Promise<Page> {
  await at.browser.submit(page, fields)
  return at.browser.visit((await newestMail(at.server)).path)
}

const asks =
  (changes: Record<string, string>) =>
  async ({ browser }: At) => {
    await signIn(browser, authorizePath())
    return browser.visit(authorizePath(changes))
  }

const visits =
  (path: string) =>
  ({ browser }: At) =>
    browser.visit(path)
const signsIn =
  (path: string) =>
  ({ browser }: At) =>
    signIn(browser, path)

const consent = { client_id: 'asking', scope: 'openid profile' }

const signInForms: readonly PageForm[] = [
  { name: 'login, for a client', form: 'login', leaves: true, open: visits(authorizePath()), answer: alice },
  {
    name: 'login, for an account page',
    form: 'login',
    leaves: false,
    open: visits('/account'),
    answer: alice,
  },
  { name: 'login, for a device', form: 'login', leaves: false, open: enterDevice, answer: alice },
  {
    ...{ name: 'the choice of an account', form: 'select-account', leaves: true },
    open: asks({ prompt: 'select_account' }),
    answer: { button: 'continue' },
  },
  {
    ...{ name: 'consent', form: 'consent', leaves: true },
    open: signsIn(authorizePath(consent)),
    answer: { button: 'yes', scope: 'profile' },
  },
  {
    ...{ name: 'form_post', form: 'form-post', leaves: true },
    open: asks({ response_mode: 'form_post' }),
    answer: {},
  },
  {
    ...{ name: 'a second factor, for a client', form: 'second-factor', leaves: true, mfa: everyone },
    open: at => withSecondFactor(at, authorizePath()),
    answer: codeOf('verify'),
  },
  {
    ...{ name: 'a second factor, for an account page', form: 'second-factor', leaves: false, mfa: everyone },
    open: at => withSecondFactor(at, '/account'),
    answer: codeOf('verify'),
  },
  {
    // Shows recovery codes first, unless the user has some already.
    ...{ name: 'setting up a factor, for a client', form: 'enrolment', leaves: true, mfa: everyone },
    open: signsIn(authorizePath()),
    answer: { button: 'cancel' },
  },
  {
    ...{ name: 'setting up a factor, for an account page', form: 'enrolment', leaves: false, mfa: everyone },
    open: signsIn('/account'),
    answer: codeOf('enrol'),
  },
  { name: 'the code of a device', form: 'device', leaves: false, open: visits('/device'), answer: {} },
  {
    ...{ name: 'approving a device', form: 'device-confirm', leaves: false },
    open: async at => {
      await signIn(at.browser, authorizePath())
      return enterDevice(at)
    },
    answer: { button: 'yes' },
  },
]

const signOutForms: readonly PageForm[] = [
  {
    ...{ name: 'signing out, and back to a client', form: 'sign-out', leaves: true },
    open: async ({ browser }) => {
      await signIn(browser, authorizePath())
      return browser.visit(`/connect/endsession?client_id=web&post_logout_redirect_uri=${bye}`)
    },
    answer: { button: 'yes' },
  },
  {
    ...{ name: 'signing out', form: 'sign-out', leaves: false },
    open: async ({ browser }) => {
      await signIn(browser, authorizePath())
      return browser.visit('/connect/endsession?client_id=web')
    },
    answer: { button: 'yes' },
  },
]

const signUpForms: readonly PageForm[] = [
  {
    ...{ name: 'signing up by an address', form: 'fields/signUpAddress', leaves: false },
    open: visits(authorizePath({ prompt: 'create' })),
    answer: { email: 'new@example.com' },
  },
  {
    ...{ name: 'an account by mail, for a client', form: 'fields/complete', leaves: true },
    open: async at =>
      byMail(at, await at.browser.visit(authorizePath({ prompt: 'create' })), { email: 'new@example.com' }),
    answer: newPassword,
  },
  {
    ...{ name: 'an account by mail', form: 'fields/complete', leaves: false },
    open: async at => byMail(at, await at.browser.visit('/register'), { email: 'new@example.com' }),
    answer: newPassword,
  },
  {
    ...{ name: 'signing up, for a client', form: 'fields/signUp', leaves: true, accounts: namedFirst },
    open: visits(authorizePath({ prompt: 'create' })),
    answer: newcomer,
  },
  {
    ...{ name: 'signing up', form: 'fields/signUp', leaves: false, accounts: namedFirst },
    open: visits('/register'),
    answer: newcomer,
  },
  {
    ...{ name: 'a forgotten password, for a client', form: 'fields/forgotten', leaves: false },
    open: async ({ browser }) => {
      const { body } = await browser.visit(authorizePath())
      const [, href = ''] = /href="(\/password\/forgotten[^"]*)"/.exec(body) ?? []
      return browser.visit(href)
    },
    answer: { username: 'dora' },
  },
  {
    ...{ name: 'a new password by mail', form: 'fields/reset', leaves: false },
    open: async at => {
      await addUser(at.server)
      return byMail(at, await at.browser.visit('/password/forgotten'), { username: 'dora' })
    },
    answer: newPassword,
  },
]

const ofAccount = (form: string, page: string, answer: PageForm['answer']): PageForm => ({
  ...{ name: `${page}, ${form}`, form, leaves: false, answer },
  open: at => asDora(at, page),
})

const accountForms: readonly PageForm[] = [
  ofAccount('fields/password', '/account/password', { password: 'seven purple kettles', ...newPassword }),
  ofAccount('fields/names', '/account/name', { full_name: 'Someone else' }),
  ofAccount('fields/changeEmail', '/account/email', { email: 'other@example.com' }),
  ofAccount('fields/deleteAccount', '/account/delete', {}),
  {
    ...{ name: 'confirming an address', form: 'fields/confirmEmail', leaves: false },
    open: async at => byMail(at, await asDora(at, '/account/email'), { email: 'other@example.com' }),
    answer: {},
  },
  ofAccount('account-connections', '/account/connections', { button: 'connect', provider: 'corp' }),
  {
    ...{ name: 'signing out on an account page', form: 'layout', leaves: false },
    async open({ browser }) {
      const page = await signIn(browser, '/account')
      // On every account page, and not what a user opens the page for.
      const [form] = formsOf(page.body).filter(({ action }) => action === '/logout')
      return { ...page, form: form && { action: form.action, fields: form.hidden, ticked: {} } }
    },
    answer: { button: 'yes' },
  },
  {
    ...{ name: 'consents', form: 'account-consents', leaves: false },
    open: async ({ browser }) => {
      await browser.submit(await signIn(browser, authorizePath(consent)), { button: 'yes' })
      return browser.visit('/account/consents')
    },
    answer: { button: 'revoke' },
  },
  {
    ...{ name: 'sessions', form: 'account-sessions', leaves: false },
    open: async ({ server, browser }) => {
      await signIn(createBrowser(server), authorizePath())
      return signIn(browser, '/account/sessions')
    },
    answer: { button: 'end' },
  },
  {
    ...{ name: 'factors', form: 'account-security', leaves: false, mfa: oneApp },
    open: async ({ server, browser }) => {
      await signIn(browser, '/account')
      await finishEnrolment(server, browser, await browser.visit('/account/security?add=totp'))
      return browser.visit('/account/security')
    },
    answer: { button: 'codes' },
  },
]

export const pageForms = [...signInForms, ...signOutForms, ...signUpForms, ...accountForms]

/** Where forms that redirect away may end. */
export const ends: readonly string[] = [callback, bye]
