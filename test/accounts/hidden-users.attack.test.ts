/** A stored user whose `sub` the configuration gives to someone else. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, addUser, dora, doraSignsIn, tokensOf } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { authorizePath, signIn } from '../support/sign-in.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'

const victim = { username: 'victim', password: 'words of the victim' }

async function start() {
  const world = accountsWorld()
  const server = await createTestServer(world)
  const sub = await addUser(server)
  const { username, password } = victim
  const users = [...world.users, { sub, username, password, roles: ['admin'], claims: { name: 'Victim' } }]
  await server.reconfigure({ ...world, users } as never)
  return { server, sub, world }
}

test('attack: a stored user with the sub of a configured user can’t sign in as them', async () => {
  const { server, sub, world } = await start()
  for (const name of [dora.username, dora.email])
    assertRefused(await tokensOf(server, name, dora.password), 'invalid_grant', 'credentials_refused')
  const browser = createBrowser(server)
  const page = await signIn(browser, authorizePath(), doraSignsIn)
  assert.match(page.text, /don’t match|don't match/)
  assert.deepEqual(await server.stores.sessions.ofUser(sub), [])
  const hidden = server.logged.filter(({ event }) => event === 'stored_user_hidden')
  assert.deepEqual(
    hidden.map(one => [one.level, one.sub, one.username]),
    Array.from({ length: 3 }, () => ['warn', sub, dora.username]),
  )
  // A wrong password tells nobody.
  assertRefused(await tokensOf(server, 'dora', 'a wrong password'), 'invalid_grant', 'credentials_refused')
  assert.equal(server.logged.filter(({ event }) => event === 'stored_user_hidden').length, 3)

  const own = await tokensOf(server, victim.username, victim.password)
  assert.equal(claimsOf(own.json.access_token).sub, sub)
  // Without the user of the file, the stored one signs in again.
  await server.reconfigure(world as never)
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
