/** Every form that changes something, with each hidden field and each relevant cookie modified: nothing changes. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addUser, doraSignsIn, newestMail } from '../support/accounts.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { appOf, enrolApp, finishEnrolment, secretOn } from '../support/factors.ts'
import { formsOf } from '../support/forms.ts'
import { alice, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

type World = { readonly server: TestServer; readonly browser: Browser }

type Case = {
  readonly name: string
  readonly mfa?: object
  /** Brings a browser to the page with the form. */
  readonly arrive: (world: World) => Promise<Page>
  /** Which form of the page, identified by a button or a field. */
  readonly form: string
  /** The fields and the button that a user uses. */
  readonly answer: Readonly<Record<string, string>> | ((world: World, page: Page) => Record<string, string>)
  /** The log event that shows success; or where the browser is afterwards. */
  readonly done: string | ((world: World, page: Page) => unknown)
  /** Fields and cookies that may be modified without harm, in every way or in one: a user may choose as much. */
  readonly free?: readonly string[]
}

const world = (mfa: object = {}) => ({
  ...pagesWorld,
  mail: { from: 'login@id.example', smtp: { host: 'mail.id.example' } },
  accounts: { sign_up: true },
  mfa,
})

const oneApp = { mode: 'if_enrolled', methods: ['totp'] }
const everyone = { mode: 'required', methods: ['totp'] }

/** Dora is a stored user; configured users can change nothing. */
async function asDora({ server, browser }: World, target: string): Promise<Page> {
  await addUser(server)
  return signIn(browser, target, doraSignsIn)
}

async function withApp({ server, browser }: World, target: string): Promise<Page> {
  await signIn(browser, '/account')
  await finishEnrolment(server, browser, await browser.visit('/account/security?add=totp'))
  return browser.visit(target)
}

const leadsToClient = (_: World, page: Page) => page.location?.startsWith('https://app.example/')

const cases: readonly Case[] = [
  {
    name: 'login',
    arrive: ({ browser }) => browser.visit(authorizePath()),
    form: 'login',
    answer: alice,
    done: 'signed_in',
  },
  {
    name: 'login, cancelled',
    arrive: ({ browser }) => browser.visit(authorizePath()),
    form: 'login',
    answer: { button: 'cancel' },
    done: leadsToClient,
  },
  {
    name: 'choice of an account',
    async arrive({ browser }) {
      await signIn(browser, authorizePath())
      return browser.visit(authorizePath({ prompt: 'select_account' }))
    },
    form: 'continue',
    answer: { button: 'continue' },
    done: 'authorization_issued',
  },
  {
    name: 'consent',
    arrive: ({ browser }) =>
      signIn(browser, authorizePath({ client_id: 'asking', scope: 'openid profile api1' })),
    form: 'remember',
    answer: { button: 'yes', scope: 'profile' },
    done: 'authorization_issued',
  },
  {
    name: 'second factor',
    mfa: everyone,
    async arrive({ server, browser }) {
      const { app } = await enrolApp(server, createBrowser(server), authorizePath())
      apps.set(server, app)
      server.clock.advance(60)
      return signIn(browser, authorizePath())
    },
    form: 'verify',
    answer: ({ server }) => ({ code: apps.get(server)?.code() ?? '', button: 'verify' }),
    done: 'signed_in',
    free: ['method'],
  },
  {
    name: 'second factor, set up on the way',
    mfa: everyone,
    arrive: ({ browser }) => signIn(browser, authorizePath()),
    form: 'enrol',
    answer: ({ server }, page) => ({ code: appOf(secretOn(page), server).code(), button: 'enrol' }),
    done: 'second_factor_added',
  },
  {
    name: 'device, its code',
    arrive: ({ browser }) => browser.visit('/device'),
    form: 'user_code',
    answer: ({ server }) => ({ user_code: userCodes.get(server) ?? '' }),
    done: (_, page) => page.target.startsWith('/login'),
  },
  {
    name: 'device, connected',
    async arrive({ server, browser }) {
      await signIn(browser, authorizePath())
      const page = await browser.visit('/device')
      return browser.submit(page, { user_code: userCodes.get(server) ?? '' })
    },
    form: 'yes',
    answer: { button: 'yes' },
    done: 'device_approved',
  },
  {
    name: 'sign-out',
    async arrive({ browser }) {
      await signIn(browser, authorizePath())
      return browser.visit('/connect/endsession?client_id=web')
    },
    form: 'yes',
    answer: { button: 'yes' },
    done: 'session_ended',
    // The user confirms: without the client's request it is an ordinary sign-out.
    free: ['continue missing', 'continue empty'],
  },
  {
    name: 'another session of mine',
    async arrive({ server, browser }) {
      await signIn(createBrowser(server), authorizePath())
      return signIn(browser, '/account/sessions')
    },
    form: 'end',
    answer: { button: 'end' },
    done: 'session_ended',
  },
  {
    name: 'all other sessions of mine',
    async arrive({ server, browser }) {
      await signIn(createBrowser(server), authorizePath())
      return signIn(browser, '/account/sessions')
    },
    form: 'end_others',
    answer: { button: 'end_others' },
    done: 'session_ended',
  },
  {
    name: 'an application, removed',
    async arrive({ browser }) {
      const target = authorizePath({ client_id: 'asking', scope: 'openid profile' })
      await browser.submit(await signIn(browser, target), { button: 'yes' })
      return browser.visit('/account/consents')
    },
    form: 'revoke',
    answer: { button: 'revoke' },
    done: 'consent_revoked',
  },
  {
    name: 'a connection, removed',
    async arrive({ server, browser }) {
      const { clock, stores } = server
      const link = { provider: 'corp', identity: 'i'.repeat(43), sub: '1', created_at: clock.now() }
      await stores.identityLinks.add(link)
      return signIn(browser, '/account/connections')
    },
    form: 'disconnect',
    answer: { button: 'disconnect' },
    done: 'identity_unlinked',
  },
  {
    name: 'an app, set up',
    mfa: oneApp,
    async arrive({ browser }) {
      await signIn(browser, '/account')
      return browser.visit('/account/security?add=totp')
    },
    form: 'enrol',
    answer: ({ server }, page) => ({ code: appOf(secretOn(page), server).code(), button: 'enrol' }),
    done: 'second_factor_added',
    // The button selects the action; without a passkey response the field is useless.
    free: ['method'],
  },
  {
    name: 'an app, removed',
    mfa: oneApp,
    arrive: world => withApp(world, '/account/security'),
    form: 'remove',
    answer: { button: 'remove' },
    done: 'second_factor_removed',
  },
  {
    name: 'a passkey, removed',
    mfa: { mode: 'if_enrolled', methods: ['totp', 'passkey'] },
    async arrive(world) {
      const { stores, clock } = world.server
      await withApp(world, '/account/security')
      await stores.passkeys.add(
        {
          ...{
            id: 'a-passkey',
            sub: '1',
            public_key: new Uint8Array(77),
            counter: 0,
            transports: [],
            name: '',
          },
          ...{ backup_eligible: false, backed_up: false, created_at: clock.now() },
        },
        10,
      )
      return world.browser.visit('/account/security')
    },
    form: 'rename',
    answer: { button: 'remove' },
    done: 'second_factor_removed',
  },
  {
    name: 'recovery codes, replaced',
    mfa: oneApp,
    arrive: world => withApp(world, '/account/security'),
    form: 'codes',
    answer: { button: 'codes' },
    done: 'recovery_codes_made',
  },
  {
    name: 'a new account, its address',
    arrive: ({ browser }) => browser.visit('/register'),
    form: 'email',
    answer: { email: 'new@example.com' },
    done: async ({ server }) => (await server.mails()).length > 0,
    // Without a waiting request, the account page follows.
    free: ['continue'],
  },
  {
    name: 'a new account, created',
    async arrive({ server, browser }) {
      await browser.submit(await browser.visit('/register'), { email: 'new@example.com' })
      return browser.visit((await newestMail(server)).path)
    },
    form: 'new_password',
    answer: { full_name: 'New', new_password: 'nine orange lamps here' },
    done: 'user_added',
  },
  {
    name: 'a forgotten password',
    async arrive({ server, browser }) {
      await addUser(server)
      return browser.visit('/password/forgotten')
    },
    form: 'username',
    answer: { username: 'dora' },
    done: async ({ server }) => (await server.mails()).length > 0,
  },
  {
    name: 'a new password by mail',
    async arrive({ server, browser }) {
      await addUser(server)
      await browser.submit(await browser.visit('/password/forgotten'), { username: 'dora' })
      return browser.visit((await newestMail(server)).path)
    },
    form: 'new_password',
    answer: { new_password: 'nine orange lamps here' },
    done: 'password_changed',
  },
  {
    name: 'a new password with the old one',
    arrive: world => asDora(world, '/account/password'),
    form: 'new_password',
    answer: { password: 'seven purple kettles', new_password: 'nine orange lamps here' },
    done: 'password_changed',
  },
  {
    name: 'names',
    arrive: async world => {
      await asDora(world, '/account')
      return world.browser.visit('/account/name')
    },
    form: 'full_name',
    answer: { full_name: 'Someone else' },
    done: async ({ server }) =>
      (await server.stores.storedUsers.findByName('dora', undefined))?.claims.name === 'Someone else',
  },
  {
    name: 'another address',
    arrive: async world => {
      await asDora(world, '/account')
      return world.browser.visit('/account/email')
    },
    form: 'email',
    answer: { email: 'other@example.com' },
    done: async ({ server }) => (await server.mails()).length > 0,
  },
  {
    name: 'another address, confirmed',
    arrive: async world => {
      const { server, browser } = world
      await asDora(world, '/account')
      await browser.submit(await browser.visit('/account/email'), { email: 'other@example.com' })
      return browser.visit((await newestMail(server)).path)
    },
    form: 'email',
    answer: {},
    done: 'email_verified',
  },
]

/** The state that a world sets up before a browser arrives. */
const apps = new WeakMap<TestServer, ReturnType<typeof appOf>>()
const userCodes = new WeakMap<TestServer, string>()

async function start({ mfa, arrive, form: which }: Case) {
  const server = await createTestServer(world(mfa))
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'tv' } })
  userCodes.set(server, json.user_code)
  const at: World = { server, browser: createBrowser(server) }
  const page = await arrive(at)
  const form = formsOf(page.body).find(({ seen, buttons }) => [...seen, ...buttons].includes(which))
  assert.ok(form, `no such form: ${page.status} ${page.text}`)
  return { ...at, page, form }
}

type Arrived = Awaited<ReturnType<typeof start>>
type Fields = Readonly<Record<string, string | readonly string[] | undefined>>

/** Posts the form as a user would, except for the modified value, and follows redirects. */
async function post(one: Case, at: Arrived, changes: Fields = {}) {
  const { browser, form, page } = at
  const filled = typeof one.answer === 'function' ? one.answer(at, page) : one.answer
  const before = at.server.logged.length
  const answer = await browser.request('POST', form.action, {
    form: { ...form.hidden, ...filled, ...changes },
  })
  const followed = answer.location?.startsWith('/') ? await browser.visit(answer.location) : answer
  await at.server.settled()
  const events = at.server.logged.slice(before).map(({ event }) => event)
  return { answer, followed, events }
}

async function wasDone(one: Case, at: Arrived, { followed, events }: Awaited<ReturnType<typeof post>>) {
  return typeof one.done === 'string' ? events.includes(one.done) : Boolean(await one.done(at, followed))
}

const flip = (text: string, at: number): string =>
  text.slice(0, at) + (text.at(at) === 'A' ? 'B' : 'A') + (at === -1 ? '' : text.slice(at + 1))

/** Values that an attacker may send instead. */
const tampered = (value: string): Readonly<Record<string, Fields[string]>> => ({
  missing: undefined,
  empty: '',
  'changed at its beginning': flip(value, 0),
  'changed at its end': flip(value, -1),
  'with more after it': `${value}A`,
  twice: [value, value],
  'too long': 'A'.repeat(20_000),
  'of another kind': 'constructor',
})

for (const one of cases)
  test(`forms: ${one.name}: a modified hidden value has no effect, and the original form still works`, async () => {
    const at = await start(one)
    const { hidden } = at.form
    assert.ok(hidden.csrf)
    const jar = new Map(at.browser.cookies)
    const attempt = async (what: string, changes: Fields = {}, browser = at.browser) => {
      const outcome = await post(one, { ...at, browser }, changes)
      assert.ok(!(await wasDone(one, at, outcome)), what)
      assertHarmless(outcome, what)
      at.browser.cookies.clear()
      for (const [name, value] of jar) at.browser.cookies.set(name, value)
    }

    for (const [name, value] of Object.entries(hidden))
      for (const [how, changed] of Object.entries(tampered(value)))
        if (!one.free?.includes(name) && !one.free?.includes(`${name} ${how}`))
          await attempt(`${name} ${how}`, { [name]: changed })

    const stranger = createBrowser(at.server)
    await stranger.visit('/device')
    await attempt('from another browser', {}, stranger)

    for (const [name, value] of jar) {
      if (!/_(csrf|session|pending)$/.test(name) || one.free?.includes(name)) continue
      for (const [how, change] of Object.entries(cookieChanges)) {
        const changed = change(value)
        if (changed === undefined) at.browser.cookies.delete(name)
        else at.browser.cookies.set(name, changed)
        await attempt(`cookie ${name} ${how}`)
      }
    }
    assert.ok(await wasDone(one, at, await post(one, at)), 'the unmodified form does nothing')
  })

const cookieChanges: Readonly<Record<string, (value: string) => string | undefined>> = {
  missing: () => undefined,
  'changed at its end': value => flip(value, -1),
  'with more after it': value => `${value}A`,
  'of another kind': () => 'constructor',
}

type Outcome = Awaited<ReturnType<typeof post>>

/** No sign-in, nothing issued, and no server error. */
function assertHarmless({ answer, followed, events }: Outcome, what: string): void {
  for (const { status, location = '' } of [answer, followed]) {
    assert.ok(status < 500, `${what}: ${status}`)
    assert.doesNotMatch(location, /[?&#](code|access_token|id_token)=/, what)
  }
  for (const event of ['signed_in', 'authorization_issued', 'stepped_up', 'user_added', 'password_changed'])
    assert.ok(!events.includes(event), `${what}: ${event}`)
}

test('forms: the list contains every page with a form', async () => {
  const { server } = await start(cases[0]!)
  const covered = new Set<string>()
  for (const one of cases) covered.add((await start(one)).form.action)
  const protocol = /^\/(connect|federation)\//
  const pages = server.routes.filter(({ methods, path }) => methods.includes('POST') && !protocol.test(path))
  assert.ok(pages.length > 10)
  assert.deepEqual(
    pages.map(({ path }) => path).filter(path => !covered.has(path)),
    [],
  )
})
