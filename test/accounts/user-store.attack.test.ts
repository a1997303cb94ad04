/** Attacks on users of the operator's own store: what they keep when their row is gone, and what a slow store leaves open. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineGrant, type UserStore, type UserStoreUser } from '../../packages/server/src/server.ts'
import { createBrowser } from '../support/browser.ts'
import { appOf, secretOn } from '../support/factors.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { federatedWorld, foreignProvider, signInByProvider, startFederated } from '../support/upstream.ts'

const pat: UserStoreUser = { sub: 'pat-1', username: 'pat' }

/** A store with Pat. */
function storeOfPat(more: Partial<UserStore> = {}) {
  const rows = new Map([[pat.sub, pat]])
  const userStore: UserStore = {
    findBySub: ({ sub }) => rows.get(sub),
    findByUsername: ({ username }) => [...rows.values()].find(row => row.username === username),
    checkPassword: ({ sub, password }) => sub !== undefined && password === `password of ${sub}`,
    ...more,
  }
  return { rows, userStore }
}

const provider = foreignProvider()

const badge = defineGrant({
  grantType: 'urn:example:badge',
  parameters: { badge: { required: true }, idp: {} },
  decide: ({ parameters }) => ({
    ok: true,
    subject: { sub: parameters.get('badge') ?? '', amr: ['hwk'], idp: parameters.get('idp') ?? 'local' },
    scope: ['api1', 'offline_access'],
  }),
})

const world = {
  clients: [
    {
      client_id: 'direct',
      client_secrets: [{ value: 'secret of direct' }],
      grant_types: ['password', 'refresh_token', 'urn:example:badge'],
      scope: 'openid api1 offline_access',
    },
  ],
  api_scopes: [{ name: 'api1' }],
}
const client = ['direct', 'secret of direct'] as const
const typed = { username: 'pat', password: 'password of pat-1' }

test('user store attack: a deleted user has no access, also if an extension grant vouches for users', async () => {
  const { rows, userStore } = storeOfPat()
  const server = await createTestServer({ ...world, userStore, grants: [badge] })
  const browser = createBrowser(server)
  await signIn(browser, '/account', { ...typed, button: 'login' })
  assert.equal((await browser.visit('/account')).status, 200)
  const token = (form: Record<string, string>) => server.token(form, { client: [...client] })
  const { json } = await token({ grant_type: 'password', ...typed, scope: 'openid api1 offline_access' })
  const { json: byBadge } = await token({ grant_type: 'urn:example:badge', badge: 'pat-1' })
  // As the built-in grant for JWT assertions does.
  const { json: byOther } = await token({
    ...{ grant_type: 'urn:example:badge', badge: 'pat-1', idp: 'https://issuer.example' },
  })
  assert.ok(json.refresh_token && byBadge.refresh_token && byOther.refresh_token)
  rows.delete(pat.sub)
  assert.ok((await browser.visit('/account')).target.startsWith('/login'))
  for (const { refresh_token } of [json, byBadge, byOther])
    assertRefused(
      await token({ grant_type: 'refresh_token', refresh_token }),
      'invalid_grant',
      'user_inactive',
    )
  assertRefused(
    await token({ grant_type: 'urn:example:badge', badge: 'pat-1' }),
    'invalid_grant',
    'user_inactive',
  )
})

test('user store attack: a deleted user has no access, also if they signed in by a linked provider', async () => {
  const address = { email: 'pat@corp.example', email_verified: true }
  const { rows, userStore } = storeOfPat()
  rows.set(pat.sub, { ...pat, claims: address })
  const world = federatedWorld(provider, { linking: 'verified_email' })
  const { server, browser } = await startFederated({
    ...world,
    userStore: { ...userStore, findByEmail: () => rows.get(pat.sub) },
  })
  provider.claims = { sub: '7', ...address }
  const path = authorizePath({ acr_values: 'idp:corp', scope: 'openid profile' })
  assert.ok(answerOf(await signInByProvider(browser, path)).get('code'))
  assert.equal((await browser.visit('/account')).status, 200)
  rows.delete(pat.sub)
  assert.ok((await browser.visit('/account')).target.startsWith('/login'))
  const again = answerOf(await browser.visit(authorizePath({ prompt: 'none', scope: 'openid profile' })))
  assert.equal(again.get('error'), 'login_required')
  // Users of the provider alone still have a session: they have no row.
  provider.claims = { sub: '8' }
  const other = createBrowser(server)
  assert.ok(answerOf(await signInByProvider(other, path)).get('code'))
  assert.equal((await other.visit('/account')).status, 200)
})

test('user store attack: a new password ends the sessions, also if the store responds too late', async () => {
  const written: string[] = []
  const { userStore } = storeOfPat({
    setPassword: ({ password }) => {
      written.push(password)
      return new Promise(() => {})
    },
  })
  const server = await createTestServer({ ...world, userStore, grants: [badge], hook_timeout: 1 })
  const [thief, browser] = [createBrowser(server), createBrowser(server)]
  for (const one of [thief, browser]) await signIn(one, '/account', { ...typed, button: 'login' })
  const { json } = await server.token(
    { grant_type: 'password', ...typed, scope: 'openid api1 offline_access' },
    { client: [...client] },
  )
  const form = await browser.visit('/account/password')
  const late = await browser.submit(form, { password: typed.password, new_password: 'eleven green bottles' })
  assert.equal(late.status, 503)
  assert.equal(written.length, 1)
  assert.ok((await thief.visit('/account')).target.startsWith('/login'))
  assert.equal((await browser.visit('/account')).status, 200)
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token: json.refresh_token },
    { client: [...client] },
  )
  assert.equal(refreshed.status, 400)
})

const better = 'eleven green bottles'

/** A store with one password. While it holds, each check returns only when its function in `held` is called. */
function storeWithPassword() {
  let stored = typed.password
  const held: (() => void)[] = []
  let holds = false
  const { userStore } = storeOfPat({
    async checkPassword({ sub, password }) {
      const fits = sub !== undefined && password === stored
      if (holds) await new Promise<void>(resolve => held.push(resolve))
      return fits
    },
    setPassword({ password }) {
      stored = password
      return true
    },
  })
  return {
    userStore,
    held,
    hold(now: boolean) {
      holds = now
    },
  }
}

/** Runs this when the first write of a sign-in begins: all checks are done by then. */
function beforeWriting({ stores }: TestServer, act: () => Promise<unknown>): void {
  let acted: Promise<unknown> | undefined
  for (const [port, method] of [
    [stores.sessions, 'create'],
    [stores.pendingSignIns, 'create'],
    [stores, 'commit'],
  ] as const) {
    const write: (...given: unknown[]) => unknown = Reflect.get(port, method)
    Object.assign(port, {
      [method]: async (...given: unknown[]) => {
        acted ??= act()
        await acted
        return write(...given)
      },
    })
  }
}

for (const mode of ['off', 'required'])
  for (const moment of ['while it is checked', 'before it is stored'])
    test(`user store attack: a sign-in is refused if the password changes ${moment}, with second factors ${mode}`, async () => {
      const { userStore, held, hold } = storeWithPassword()
      const mfa = { mode, password_grant: 'allow' }
      const server = await createTestServer({ ...world, userStore, mfa, grants: [badge] })
      const [thief, owner] = [createBrowser(server), createBrowser(server)]
      const asked = await signIn(owner, '/account', { ...typed, button: 'login' })
      if (mode === 'required')
        await owner.submit(asked, { code: appOf(secretOn(asked), server).code(), button: 'enrol' })
      const [form, login] = [await owner.visit('/account/password'), await thief.visit('/account')]
      const change = () => owner.submit(form, { password: typed.password, new_password: better })
      const tokens = (password: string) =>
        server.token(
          { grant_type: 'password', username: 'pat', password, scope: 'openid api1 offline_access' },
          { client: [...client] },
        )
      const checked = moment === 'while it is checked'
      hold(checked)
      if (!checked) beforeWriting(server, change)
      const late = [thief.submit(login, { ...typed, button: 'login' }), tokens(typed.password)] as const
      if (checked) {
        await until('both are being checked', () => held.length === 2)
        hold(false)
        assert.equal((await change()).status, 200)
        for (const release of held) release()
      }
      assert.match((await late[0]).target, /^\/login/)
      assertRefused(await late[1], 'invalid_grant', checked ? 'credentials_refused' : 'no_longer_valid')
      assert.ok((await thief.visit('/account')).target.startsWith('/login'))
      // Within the same second, the new password is accepted.
      assert.equal((await tokens(better)).status, 200)
      const again = await signIn(thief, '/account', { username: 'pat', password: better, button: 'login' })
      assert.match(again.target, mode === 'off' ? /^\/account$/ : /^\/mfa/)
    })

test('user store attack: a new password invalidates remembered browsers, and ends a waiting second factor', async () => {
  const { userStore } = storeWithPassword()
  const mfa = { mode: 'required', remember_browser_days: 30 }
  const server = await createTestServer({ ...world, userStore, mfa, grants: [badge] })
  const [owner, thief, waiting] = [createBrowser(server), createBrowser(server), createBrowser(server)]
  const asked = await signIn(owner, '/account', { ...typed, button: 'login' })
  const app = appOf(secretOn(asked), server)
  await owner.submit(asked, { code: app.code(), button: 'enrol' })
  server.clock.advance(60)
  const verify = { code: app.code(), remember: 'yes', button: 'verify' }
  await thief.submit(await signIn(thief, '/account', { ...typed, button: 'login' }), verify)
  thief.cookies.delete('__Host-tessera_session')
  assert.equal((await signIn(thief, '/account', { ...typed, button: 'login' })).target, '/account')
  const late = await signIn(waiting, '/account', { ...typed, button: 'login' })
  await owner.submit(await owner.visit('/account/password'), {
    password: typed.password,
    new_password: better,
  })
  server.clock.advance(60)
  await waiting.submit(late, { code: app.code(), button: 'verify' })
  assert.ok((await waiting.visit('/account')).target.startsWith('/login'))
  const again = await signIn(thief, '/account', { username: 'pat', password: better, button: 'login' })
  assert.match(again.target, /^\/mfa/)
})

test('user store attack: a user who was moved to another tenant loses access in the former one', async () => {
  const { rows, userStore } = storeOfPat()
  rows.set(pat.sub, { ...pat, tenant: 'acme' })
  const server = await createTestServer({
    ...{ ...world, userStore, grants: [badge], tenants: [{ name: 'acme' }, { name: 'globex' }] },
  })
  const { json } = await server.token(
    { grant_type: 'password', ...typed, scope: 'openid api1 offline_access', acr_values: 'tenant:acme' },
    { client: [...client] },
  )
  assert.ok(json.refresh_token)
  const browser = createBrowser(server)
  await signIn(browser, '/account?tenant=acme', { ...typed, button: 'login' })
  assert.equal((await browser.visit('/account?tenant=acme')).status, 200)
  rows.set(pat.sub, { ...pat, tenant: 'globex' })
  assert.ok((await browser.visit('/account?tenant=acme')).target.startsWith('/login'))
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token: json.refresh_token },
    { client: [...client] },
  )
  assertRefused(refreshed, 'invalid_grant', 'user_inactive')
})

test('user store attack: a network that has reached its limit of guesses causes no more look-ups', async () => {
  const asked: string[] = []
  const { userStore } = storeOfPat({ findByUsername: ({ username }) => void asked.push(username) })
  const from = '192.0.2.7'
  const server = await createTestServer({ ...world, userStore, grants: [badge] })
  const guess = (index: number) => {
    const form = { grant_type: 'password', username: `user ${index}`, password: 'wrong', scope: 'api1' }
    return server.token(form, { client: [...client], from })
  }
  for (let index = 0; index < 1000; index++) await guess(index)
  const before = asked.length
  assertRefused(await guess(1000), 'invalid_grant', 'password_guessed_too_often')
  assert.equal(asked.length, before)
})
