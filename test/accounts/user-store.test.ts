/** The operator's user store: its users sign in, and other users keep all features. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UserStore, UserStoreUser } from '../../packages/server/src/server.ts'
import { newestMail } from '../support/accounts.ts'
import { createAuthenticator, optionsOn } from '../support/authenticator.ts'
import { type Browser, createBrowser, type Page } from '../support/browser.ts'
import { appOf, finishEnrolment, secretOn } from '../support/factors.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath, signIn } from '../support/sign-in.ts'
import { type Answer, claimsOf, createTestServer, issuer, type TestServer } from '../support/tessera.ts'

const mail = { from: 'login@id.example', smtp: { host: 'mail.id.example' } }
const { default: example } = await import(
  new URL('../../examples/user-store/tessera.mjs', import.meta.url).href
)
const { storage: _, ...module } = example as { readonly storage: string }

const startExample = () => createTestServer({ ...module, mail })

const tokensOf = (
  server: TestServer,
  username: string,
  password: string,
  more: object = {},
): Promise<Answer> =>
  server.token(
    { grant_type: 'password', username, password, scope: 'openid email api1 offline_access', ...more },
    { client: ['direct', 'direct-secret-of-the-example'] },
  )

const refresh = (server: TestServer, refresh_token: string): Promise<Answer> =>
  server.token(
    { grant_type: 'refresh_token', refresh_token },
    { client: ['direct', 'direct-secret-of-the-example'] },
  )

const first = 'correct horse battery'
const better = 'eleven green bottles'
const as = (username: string, password: string) => ({ username, password, button: 'login' })

/** A store in memory. A test can change its rows and its functions. */
function storeOf(rows: readonly UserStoreUser[], more: Partial<UserStore> = {}) {
  const users = new Map(rows.map(row => [row.sub, row]))
  const find = (fits: (row: UserStoreUser) => boolean) => [...users.values()].find(fits)
  const userStore: UserStore = {
    findBySub: ({ sub }) => users.get(sub),
    findByUsername: ({ username, tenant }) =>
      find(row => row.username === username && (row.tenant ?? undefined) === tenant),
    findByEmail: ({ email }) => find(({ claims }) => claims?.email === email),
    checkPassword: ({ sub, password }) => sub !== undefined && password === `password of ${sub}`,
    ...more,
  }
  return { users, userStore }
}

const startWith = (userStore: UserStore, more: object = {}) =>
  createTestServer({ ...module, mail, userStore, ...more })

const pat: UserStoreUser = {
  sub: 'pat-1',
  username: 'pat',
  claims: { name: 'Pat', email: 'pat@example.com', email_verified: true },
}

test('user store: its users sign in at the page and by the password grant, with the claims of their row', async () => {
  const server = await startExample()
  const browser = createBrowser(server)
  assert.ok(answerOf(await signIn(browser, authorizePath(), as('Erin', first))).get('code'))
  for (const username of ['erin', ' ERIN ', 'Erin@example.com']) {
    const { json } = await tokensOf(server, username, first)
    assert.equal(claimsOf(json.access_token).sub, 'p-1', username)
    const told = await server.send('GET', '/connect/userinfo', {
      headers: { authorization: `Bearer ${json.access_token}` },
    })
    assert.deepEqual(told.json, { sub: 'p-1', email: 'erin@example.com', email_verified: true })
  }
  assertRefused(await tokensOf(server, 'erin', better), 'invalid_grant', 'credentials_refused')
  assertRefused(await tokensOf(server, 'nobody', first), 'invalid_grant', 'credentials_refused')
})

test('user store: users of the configuration and stored users sign in beside it', async () => {
  const server = await startExample()
  assert.equal((await tokensOf(server, 'admin', 'only-for-this-example')).status, 200)
  assert.ok((await server.accounts.add({ username: 'dora', password: better })).ok)
  assert.equal((await tokensOf(server, 'dora', better)).status, 200)
  const taken = await server.accounts.add({ username: 'ERIN', password: better })
  assert.equal(!taken.ok && taken.reason, 'username_taken')
})

test('user store: people sign up into it, with a verified address, and reset their password', async () => {
  const server = await startExample()
  const browser = createBrowser(server)
  const username = 'zoe@example.com'
  await browser.submit(await browser.visit('/register'), { email: username })
  const chosen = await browser.visit((await newestMail(server)).path)
  const signedUp = await browser.submit(chosen, { full_name: 'Zoe', new_password: better })
  assert.match(signedUp.text, /Name Zoe/)
  const { json } = await tokensOf(server, username, better)
  const { sub } = claimsOf(json.access_token)
  assert.equal(await server.stores.storedUsers.find(sub), undefined)

  await browser.submit(await browser.visit('/password/forgotten'), { username })
  const { to, path } = await newestMail(server)
  assert.equal(to, username)
  const other = createBrowser(server)
  const done = await other.submit(await other.visit(path), { new_password: 'nine silver spoons' })
  assert.match(done.text, /Your password was changed/)
  assert.ok((await browser.visit('/account')).target.startsWith('/login'))
  assert.equal((await refresh(server, json.refresh_token)).status, 400)
  assert.equal((await tokensOf(server, username, better)).status, 400)
  assert.equal((await tokensOf(server, username, 'nine silver spoons')).status, 200)
  assert.match((await other.visit(path)).text, /link/)
  assert.equal((await other.visit(path)).status, 400)

  await browser.submit(await browser.visit('/register'), { email: username })
  assert.match((await newestMail(server)).subject, /account/i)
  assert.doesNotMatch((await newestMail(server)).path, /register/)
})

test('user store: an address that is taken there, or a name, is not given to a stored user', async () => {
  const { userStore } = storeOf([pat])
  const server = await startWith(userStore, { accounts: { sign_up: true, email_verification: 'off' } })
  const browser = createBrowser(server)
  const again = await browser.submit(await browser.visit('/register'), {
    username: 'PAT',
    new_password: better,
  })
  assert.equal(again.status, 400)
  const added = await browser.submit(await browser.visit('/register'), {
    username: 'kim',
    new_password: better,
  })
  assert.equal(added.status, 200)
  // Without `create`, this server stores users who sign up.
  assert.equal((await tokensOf(server, 'kim', better)).status, 200)
  assert.ok(await server.stores.storedUsers.any())
})

test('user store: its users have an app, passkeys, consents and sessions of their own', async () => {
  const { userStore } = storeOf([pat])
  const server = await startWith(userStore)
  const browser = createBrowser(server)
  const signsIn = as('pat', 'password of pat-1')
  await signIn(browser, '/account/security', signsIn)
  const page = await browser.visit('/account/security?add=passkey')
  const authenticator = createAuthenticator(issuer)
  const credential = authenticator.create(optionsOn(page))
  const added = await browser.submit(page, { credential, name: 'Key', button: 'passkey_enrol' })
  assert.equal(added.status, 200)
  assert.equal((await server.stores.passkeys.of('pat-1')).length, 1)
  const second = createBrowser(server)
  assert.ok((await signIn(second, authorizePath(), signsIn)).target.startsWith('/mfa?'))
  assertRefused(await tokensOf(server, 'pat', 'password of pat-1'), 'invalid_grant', 'second_factor_needed')
  await server.stores.secondFactors.reset('pat-1')

  const asked = await browser.visit('/account/security?add=totp')
  const app = appOf(secretOn(asked), server)
  await finishEnrolment(server, browser, asked)
  server.clock.advance(30)
  const third = createBrowser(server)
  const stepped = await third.submit(await signIn(third, authorizePath(), signsIn), {
    code: app.code(),
    button: 'verify',
  })
  assert.ok(answerOf(stepped).get('code'))
})

test('user store: account pages show the row, and offer only what the store can change', async () => {
  const { users, userStore } = storeOf([pat])
  const setPassword = ({ sub }: { readonly sub: string }) => users.has(sub)
  const fixed = await startWith(userStore)
  const changeable = await startWith({ ...userStore, setPassword })
  const open = async (server: TestServer): Promise<[Browser, Page]> => {
    const browser = createBrowser(server)
    return [browser, await signIn(browser, '/account', as('pat', 'password of pat-1'))]
  }
  const [browser, profile] = await open(fixed)
  assert.match(profile.text, /Username pat Name Pat Email address pat@example\.com Verified/)
  assert.doesNotMatch(profile.body, /\/account\/(name|email|delete|password)"/)
  for (const path of ['/account/name', '/account/email', '/account/password'])
    assert.equal((await browser.visit(path)).form, undefined, path)
  const [other, shown] = await open(changeable)
  assert.match(shown.body, /\/account\/password/)
  const done = await other.submit(await other.visit('/account/password'), {
    password: 'password of pat-1',
    new_password: better,
  })
  assert.match(done.text, /Your password was changed/)
  assert.equal((await other.visit('/account')).status, 200)
})

test('user store: a blocked or deleted user loses access at once, and a wrong current password changes nothing', async () => {
  const { users, userStore } = storeOf([pat])
  const calls: unknown[] = []
  const server = await startWith({ ...userStore, setPassword: request => calls.push(request) > 0 })
  const browser = createBrowser(server)
  const signsIn = as('pat', 'password of pat-1')
  await signIn(browser, '/account', signsIn)
  const form = await browser.visit('/account/password')
  assert.equal((await browser.submit(form, { password: 'wrong', new_password: better })).status, 400)
  assert.deepEqual(calls, [])
  const { json } = await tokensOf(server, 'pat', 'password of pat-1')
  for (const [change, reason] of [
    [() => users.set('pat-1', { ...pat, active: false }), 'user_inactive'],
    [() => users.delete('pat-1'), 'credentials_refused'],
  ] as const) {
    change()
    assert.ok((await browser.visit('/account')).target.startsWith('/login'))
    assertRefused(await tokensOf(server, 'pat', 'password of pat-1'), 'invalid_grant', reason)
    assertRefused(await refresh(server, json.refresh_token), 'invalid_grant', 'user_inactive')
  }
})

test('user store: a store that fails is 503, and users of the configuration still sign in', async () => {
  const { userStore } = storeOf([pat])
  let fails = false
  const failing = Object.fromEntries(
    Object.entries(userStore).map(([name, hook]) => [
      name,
      (...given: readonly never[]) => {
        if (fails) throw new Error('connection refused')
        return (hook as (...given: readonly never[]) => unknown)(...given)
      },
    ]),
  ) as unknown as UserStore
  const server = await startWith(failing)
  const { json } = await tokensOf(server, 'pat', 'password of pat-1')
  fails = true
  const away = await tokensOf(server, 'pat', 'password of pat-1')
  assert.equal(away.status, 503)
  assert.equal(away.json.error, 'temporarily_unavailable')
  assert.equal(server.reason(), 'hook_failed')
  assert.equal((await refresh(server, json.refresh_token)).status, 503)
  assert.equal((await tokensOf(server, 'admin', 'only-for-this-example')).status, 200)
  const page = await signIn(createBrowser(server), '/account', as('pat', 'password of pat-1'))
  assert.equal(page.status, 503)
  fails = false
  assert.equal((await refresh(server, json.refresh_token)).status, 200)
})

test('user store: the order of names is configuration, store, stored users; a sub of two users signs in neither', async () => {
  const admin = { ...pat, sub: 'pat-2', username: 'admin' }
  const twin = { ...pat, sub: 'admin', username: 'twin', claims: {} }
  const { users, userStore } = storeOf([admin, twin])
  const server = await startWith(userStore)
  const { json } = await tokensOf(server, 'admin', 'only-for-this-example')
  assert.equal(claimsOf(json.access_token).sub, 'admin')
  assert.equal((await tokensOf(server, 'admin', 'password of pat-2')).status, 400)
  assert.equal((await tokensOf(server, 'twin', 'password of admin')).status, 500)
  assert.equal(server.reason(), 'hook_result_invalid')
  const added = await server.accounts.add({ username: 'pat', sub: 'stored-1', password: better })
  assert.ok(added.ok)
  users.set('pat-1', pat)
  const outside = await tokensOf(server, 'pat', 'password of pat-1')
  assert.equal(claimsOf(outside.json.access_token).sub, 'pat-1')
  assert.equal((await tokensOf(server, 'pat', better)).status, 400)
})

test('user store: an address that is not verified, or belongs to several users, signs in nobody', async () => {
  const { users, userStore } = storeOf([{ ...pat, claims: { email: 'pat@example.com' } }])
  const server = await startWith(userStore)
  assert.equal((await tokensOf(server, 'pat@example.com', 'password of pat-1')).status, 400)
  users.set('pat-1', pat)
  assert.equal((await tokensOf(server, 'pat@example.com', 'password of pat-1')).status, 200)
  const dora = { username: 'dora', password: better, email: 'dora@example.com', emailVerified: true }
  assert.ok((await server.accounts.add(dora)).ok)
  users.set('pat-1', { ...pat, claims: { email: dora.email, email_verified: true } })
  assert.equal((await tokensOf(server, dora.email, better)).status, 400)
  assert.equal((await tokensOf(server, dora.email, 'password of pat-1')).status, 400)
})

test('user store: a password is checked for an unknown name too, as nobody’s', async () => {
  const asked: unknown[] = []
  const { userStore } = storeOf([pat], {
    checkPassword: ({ sub, password }) => {
      asked.push(sub)
      return sub !== undefined && password === first
    },
  })
  const server = await startWith(userStore)
  for (const username of ['pat', 'nobody', 'admin']) await tokensOf(server, username, 'wrong')
  assert.deepEqual(asked, ['pat-1', undefined, undefined])
})

test('user store: guesses are counted per user, whatever name was typed', async () => {
  const { userStore } = storeOf([pat], {
    findByUsername: ({ username }) => (/^pat/.test(username) ? pat : undefined),
  })
  const server = await startWith(userStore)
  for (let tried = 0; tried < 100; tried++)
    assert.equal((await tokensOf(server, `pat${tried}`, 'wrong')).status, 400)
  assertRefused(await tokensOf(server, 'patricia', 'wrong'), 'invalid_grant', 'password_guessed_too_often')
  assert.equal((await tokensOf(server, 'nobody', 'wrong')).status, 400)
})

test('user store: users of a tenant are found in that tenant only, and a tenant’s own issuer names itself', async () => {
  const asked: unknown[] = []
  const { userStore } = storeOf([{ ...pat, tenant: 'acme' }])
  const findByUsername: UserStore['findByUsername'] = (request, context) => {
    asked.push(request.tenant)
    return userStore.findByUsername(request, context)
  }
  const own = { issuer: 'path', clients: (module as { readonly clients?: unknown }).clients }
  const server = await startWith(
    { ...userStore, findByUsername },
    { tenants: [{ name: 'acme' }, { name: 'globex', ...own }] },
  )
  const acme = { acr_values: 'tenant:acme' }
  const { json } = await tokensOf(server, 'pat', 'password of pat-1', acme)
  assert.equal(claimsOf(json.access_token).tenant, 'acme')
  assert.equal((await tokensOf(server, 'pat', 'password of pat-1')).status, 400)
  const form = { grant_type: 'password', username: 'pat', password: 'password of pat-1', scope: 'openid' }
  const authorization = `Basic ${Buffer.from('direct:direct-secret-of-the-example').toString('base64')}`
  const there = await server.send('POST', '/t/globex/connect/token', { form, headers: { authorization } })
  assert.equal(there.status, 400)
  assert.deepEqual([...new Set(asked)], ['acme', undefined, 'globex'])
})

test('user store: a reset link works once, even if the store keeps its hashes to itself', async () => {
  const { userStore } = storeOf([pat])
  const changed: string[] = []
  const server = await startWith({
    ...userStore,
    setPassword: ({ password, password_argon2id }) => {
      assert.match(password_argon2id, /^\$argon2id\$/)
      return changed.push(password) > 0
    },
  })
  const browser = createBrowser(server)
  await browser.submit(await browser.visit('/password/forgotten'), { username: 'pat' })
  const { path } = await newestMail(server)
  const page = await browser.visit(path)
  assert.equal((await browser.submit(page, { new_password: 'short' })).status, 400)
  const [one, other] = await Promise.all([1, 2].map(() => browser.submit(page, { new_password: better })))
  assert.deepEqual([one?.status, other?.status].toSorted(), [200, 400])
  assert.deepEqual(changed, [better])
})

test('user store: a redeemed reset link also redeems the older ones of the user, across hours, and later ones work', async () => {
  // The clock starts 800 s into an hour.
  for (const wait of [0, 3000]) {
    const claims = { email: 'kim@example.com', email_verified: true }
    const { userStore } = storeOf([pat, { sub: 'kim-1', username: 'kim', claims }])
    const changed: string[] = []
    const setPassword: UserStore['setPassword'] = ({ sub, password }) =>
      changed.push(`${sub} ${password}`) > 0
    const server = await startWith({ ...userStore, setPassword })
    const browser = createBrowser(server)
    const linkOf = async (username: string) => {
      await browser.submit(await browser.visit('/password/forgotten'), { username })
      return (await newestMail(server)).path
    }
    const choose = async (path: string, new_password: string) =>
      (await browser.submit(await browser.visit(path), { new_password })).status
    const [older, ofKim] = [await linkOf('pat'), await linkOf('kim')]
    server.clock.advance(wait)
    const [old, newer] = [await linkOf('pat'), await linkOf('pat')]
    assert.equal(await choose(old, better), 200)
    for (const path of [older, old, newer]) assert.equal(await choose(path, 'nine silver spoons'), 400)
    assert.equal(server.reason(), 'mail_link_invalid')
    const next = await linkOf('pat')
    server.clock.advance(500)
    assert.equal(await choose(next, 'nine silver spoons'), 200)
    assert.equal(await choose(ofKim, better), 200)
    assert.deepEqual(changed, [`pat-1 ${better}`, 'pat-1 nine silver spoons', `kim-1 ${better}`])
  }
})

test('user store: a sign-up link adds a user once, even if the store deletes that user', async () => {
  const { users, userStore } = storeOf([])
  const create: UserStore['create'] = ({ sub, username, claims }) => {
    users.set(sub, { sub, username, claims })
    return true
  }
  const server = await startWith({ ...userStore, create })
  const browser = createBrowser(server)
  await browser.submit(await browser.visit('/register'), { email: 'zoe@example.com' })
  const { path } = await newestMail(server)
  const page = await browser.visit(path)
  assert.equal((await browser.submit(page, { new_password: 'short' })).status, 400)
  const [one, other] = await Promise.all(
    [1, 2].map(() => createBrowser(server, new Map(browser.cookies)).submit(page, { new_password: better })),
  )
  assert.deepEqual([one?.status, other?.status].toSorted(), [200, 400])
  assert.equal(users.size, 1)
  users.clear()
  const again = await browser.submit(await browser.visit(path), { new_password: better })
  assert.equal(again.status, 400)
  assert.equal(server.reason(), 'mail_link_invalid')
  assert.equal(users.size, 0)
})

test('user store: signing up is refused if the store says that the name is taken', async () => {
  const { userStore } = storeOf([])
  const server = await startWith(
    { ...userStore, create: () => false },
    { accounts: { sign_up: true, email_verification: 'off' } },
  )
  const browser = createBrowser(server)
  const page = await browser.submit(await browser.visit('/register'), {
    username: 'kim',
    new_password: better,
  })
  assert.equal(page.status, 400)
  assert.equal(server.reason(), 'username_taken')
  assert.equal(await server.stores.storedUsers.any(), false)
})
