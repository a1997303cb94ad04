/** A stored user whose `sub` the configuration gives to someone else. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora, doraSignsIn, tokensOf } from '../support/accounts.ts'
import { createAuthenticator, optionsOn } from '../support/authenticator.ts'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { authorizePath, signIn } from '../support/sign-in.ts'
import { claimsOf, createTestServer, issuer, type TestServer } from '../support/tessera.ts'
import {
  federatedWorld,
  foreignProvider,
  signInByProvider,
  startFederated,
  visitProvider,
} from '../support/upstream.ts'

const victim = { username: 'victim', password: 'words of the victim' }
const provider = foreignProvider()

/** The world with a user of this `sub`. */
const worldOf = <World extends { readonly users: readonly object[] }>(world: World, sub: string) => ({
  ...world,
  users: [...world.users, { sub, ...victim, roles: ['admin'], claims: { name: 'Victim' } }],
})

async function start() {
  const world = accountsWorld()
  const server = await createTestServer(world)
  const sub = await addUser(server)
  await server.reconfigure(worldOf(world, sub))
  return { server, sub, world }
}

const hiddenIn = ({ logged }: TestServer) => logged.filter(({ event }) => event === 'stored_user_hidden')

test('attack: a stored user with the sub of a configured user can’t sign in as them', async () => {
  const { server, sub, world } = await start()
  // The reload has logged it too.
  assert.equal(hiddenIn(server).length, 1)
  for (const name of [dora.username, dora.email])
    assertRefused(await tokensOf(server, name, dora.password), 'invalid_grant', 'credentials_refused')
  const browser = createBrowser(server)
  const page = await signIn(browser, authorizePath(), doraSignsIn)
  assert.match(page.text, /don’t match|don't match/)
  assert.deepEqual(await server.stores.sessions.ofUser(sub), [])
  assert.deepEqual(
    hiddenIn(server).map(one => [one.level, one.sub, one.username]),
    Array.from({ length: 4 }, () => ['warn', sub, dora.username]),
  )
  // A wrong password tells nobody.
  assertRefused(await tokensOf(server, 'dora', 'a wrong password'), 'invalid_grant', 'credentials_refused')
  assert.equal(hiddenIn(server).length, 4)

  const own = await tokensOf(server, victim.username, victim.password)
  assert.equal(claimsOf(own.json.access_token).sub, sub)
  // Without the user of the file, the stored one signs in again.
  await server.reconfigure(world)
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 200)
})

test('attack: nobody sets the password of a stored user with the sub of a configured user', async () => {
  const { server } = await start()
  const browser = createBrowser(server)
  for (const username of [dora.username, dora.email])
    await browser.submit(await browser.visit('/password/forgotten'), { username })
  assert.deepEqual(await server.mails(), [])
  await signIn(browser, '/account', { ...victim, button: 'login' })
  const page = await browser.visit('/account')
  assert.doesNotMatch(page.text, /dora/i)
})

test('attack: a passkey of a stored user does not sign in as a configured user with the same sub', async () => {
  const world = { ...accountsWorld(), mfa: { mode: 'if_enrolled' } }
  const server = await createTestServer(world)
  const sub = await addUser(server)
  const browser = createBrowser(server)
  await signIn(browser, '/account', doraSignsIn)
  const key = createAuthenticator(issuer)
  const enrolment = await browser.visit('/account/security?add=passkey')
  const credential = key.create(optionsOn(enrolment))
  await browser.submit(enrolment, { credential, name: '', button: 'passkey_enrol' })
  const signInByPasskey = async () => {
    const other = createBrowser(server)
    const page = await other.visit(authorizePath())
    return other.submit(page, { credential: key.get(optionsOn(page)), button: 'passkey' })
  }
  assert.match((await signInByPasskey()).location ?? '', /code=/)
  await server.reconfigure(worldOf(world, sub))
  const refused = await signInByPasskey()
  assert.equal(refused.status, 400, refused.text)
  assert.equal(server.reason(), 'stored_user_hidden')
  assert.deepEqual(await server.stores.sessions.ofUser(sub), [])
})

for (const linking of ['none', 'verified_email'])
  test(`attack: an account at a provider (linking: ${linking}) that a stored user has does not sign in as a configured user with the same sub`, async () => {
    const { clients, mail, accounts } = accountsWorld()
    const federated = federatedWorld(provider, { linking })
    const world = { ...federated, mail, accounts, clients: [...federated.clients, ...clients.slice(-1)] }
    const { server, browser } = await startFederated(world)
    const sub = await addUser(server)
    await signIn(browser, '/account', doraSignsIn)
    const leaving = await browser.submit(await browser.visit('/account/connections'), {
      ...{ button: 'connect', provider: 'corp' },
    })
    const [, location = ''] = /href="(http[^"]+)"/.exec(leaving.body) ?? []
    await browser.visit(await visitProvider({ ...leaving, location: location.replaceAll('&amp;', '&') }))
    const target = authorizePath({ acr_values: 'idp:corp' })
    assert.match((await signInByProvider(createBrowser(server), target)).location ?? '', /code=/)
    await server.reconfigure(worldOf(world, sub))
    const refused = await signInByProvider(createBrowser(server), target)
    assert.equal(refused.status, 403, refused.text)
    assert.equal(server.reason(), 'stored_user_hidden')
    assert.deepEqual(await server.stores.sessions.ofUser(sub), [])
  })

test('attack: sessions and tokens of a stored user are not those of a configured user with the same sub', async () => {
  const world = accountsWorld()
  const server = await createTestServer(world)
  const sub = await addUser(server)
  const browser = createBrowser(server)
  await signIn(browser, '/account', doraSignsIn)
  const [session] = await server.stores.sessions.ofUser(sub)
  assert.ok(session)
  const { json } = await tokensOf(server, 'dora', dora.password)
  await server.reconfigure(worldOf(world, sub))
  const isSignedIn = async () => (await browser.request('GET', '/account')).status === 200
  assert.equal(await isSignedIn(), false)
  // As if it had begun while the configuration was replaced.
  assert.ok(await server.stores.sessions.create(session))
  assert.equal(await isSignedIn(), false)
  const refresh = (refresh_token: string) =>
    server.token({ grant_type: 'refresh_token', refresh_token }, { client: ['direct', 's'] })
  assertRefused(await refresh(json.refresh_token), 'invalid_grant', 'authorization_revoked')
  const authorization = `Bearer ${json.access_token}`
  assert.equal((await server.send('GET', '/connect/userinfo', { headers: { authorization } })).status, 401)

  // Tokens of the configured user remain valid, also after another reload.
  const own = await tokensOf(server, victim.username, victim.password)
  await server.reconfigure(worldOf(world, sub))
  const refreshed = await refresh(own.json.refresh_token)
  assert.equal(refreshed.status, 200)
  // Until the stored user could sign in meanwhile.
  await server.reconfigure(world)
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 200)
  await server.reconfigure(worldOf(world, sub))
  assertRefused(await refresh(refreshed.json.refresh_token), 'invalid_grant', 'authorization_revoked')
})

test('attack: a browser that knows a stored user gets no additional guesses for a configured user with the same sub', async () => {
  const world = accountsWorld()
  const server = await createTestServer(world)
  const sub = await addUser(server)
  const browser = createBrowser(server)
  await signIn(browser, '/account', doraSignsIn)
  await server.reconfigure(worldOf(world, sub))
  let page = await signIn(createBrowser(server), authorizePath(), {
    ...victim,
    password: 'wrong',
    button: 'login',
  })
  for (let count = 1; count < 100; count++)
    page = await signIn(createBrowser(server), authorizePath(), {
      ...victim,
      password: 'wrong',
      button: 'login',
    })
  assert.equal(page.status, 400)
  assert.equal(
    (await signIn(browser, authorizePath(), { ...victim, password: 'wrong', button: 'login' })).status,
    429,
  )
})

test('users: who moved to the configuration with their name keeps passkeys, sessions and tokens', async () => {
  const world = { ...accountsWorld(), mfa: { mode: 'if_enrolled', password_grant: 'allow' } }
  const server = await createTestServer(world)
  const sub = await addUser(server)
  const browser = createBrowser(server)
  await signIn(browser, '/account', doraSignsIn)
  const key = createAuthenticator(issuer)
  const enrolment = await browser.visit('/account/security?add=passkey')
  const credential = key.create(optionsOn(enrolment))
  await browser.submit(enrolment, { credential, name: '', button: 'passkey_enrol' })
  const { json } = await tokensOf(server, 'dora', dora.password)
  const moved = { sub, username: 'dora', password: 'words of dora', claims: {} }
  await server.reconfigure({ ...world, users: [...world.users, moved] })
  assert.deepEqual(hiddenIn(server), [])
  assert.equal((await browser.request('GET', '/account')).status, 200)
  const other = createBrowser(server)
  const page = await other.visit(authorizePath())
  const answer = await other.submit(page, { credential: key.get(optionsOn(page)), button: 'passkey' })
  assert.match(answer.location ?? '', /code=/)
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token: json.refresh_token },
    { client: ['direct', 's'] },
  )
  assert.equal(refreshed.status, 200, JSON.stringify(refreshed.json))
})
