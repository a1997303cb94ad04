/** Users who move with their `sub`: between the file, the store, the operator's own store and a provider. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld, tokensOf } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { alice, answerOf, authorizePath, callback, redeem, signIn, verifier } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const world = accountsWorld()
const without = (sub: string) => ({ ...world, users: world.users.filter(user => user.sub !== sub) })
const kettles = 'seven purple kettles'

const statusOf = async (...request: Parameters<typeof tokensOf>) => (await tokensOf(...request)).status
const refresh = (server: TestServer, refresh_token: string) =>
  server.token({ grant_type: 'refresh_token', refresh_token }, { client: ['direct', 's'] })

test('moved users: a user of the file who is stored afterwards gets tokens, until the stored user is disabled', async () => {
  const server = await createTestServer(world)
  const { json: before } = await tokensOf(server, 'alice', 'wonderland')
  await server.reconfigure(without('1'))
  assert.equal((await refresh(server, before.refresh_token)).status, 400)
  assert.ok((await server.accounts.add({ sub: '1', username: 'alice', password: kettles })).ok)
  assert.equal(await statusOf(server, 'alice', 'wonderland'), 400)
  assert.equal(await statusOf(server, 'alice', kettles), 200)
  const page = await signIn(createBrowser(server), authorizePath(), { ...alice, password: kettles })
  assert.equal((await redeem(server, page)).sub, '1')
  await server.accounts.setActive('1', false)
  assert.equal(await statusOf(server, 'alice', kettles), 400)
  await server.accounts.setActive('1', true)
  assert.equal(await statusOf(server, 'alice', kettles), 200)
  // Back in the file, which takes precedence.
  await server.reconfigure(world)
  assert.equal(await statusOf(server, 'alice', 'wonderland'), 200)
  await server.accounts.remove('1')
  assert.equal(await statusOf(server, 'alice', 'wonderland'), 200)
  await server.reconfigure(without('1'))
  assert.equal(await statusOf(server, 'alice', 'wonderland'), 400)
})

test('moved users: a user of the file or the store who moves to the operator’s store gets tokens, until that store loses them', async () => {
  const rows = new Map<string, { sub: string; username: string }>()
  const userStore = {
    findBySub: ({ sub }: { sub: string }) => rows.get(sub),
    findByUsername: ({ username }: { username: string }) =>
      [...rows.values()].find(row => row.username === username),
    checkPassword: ({ sub, password }: { sub?: string; password: string }) =>
      sub !== undefined && password === kettles,
  }
  const server = await createTestServer({ ...world, userStore })
  assert.ok((await server.accounts.add({ sub: 'dora-1', username: 'dora', password: kettles })).ok)
  await server.reconfigure({ ...without('1'), userStore })
  await server.accounts.remove('dora-1')
  rows.set('1', { sub: '1', username: 'alice' })
  rows.set('dora-1', { sub: 'dora-1', username: 'dora' })
  for (const { sub, username } of [...rows.values()]) {
    const { status, json } = await tokensOf(server, username, kettles)
    assert.equal(status, 200, username)
    const page = await signIn(createBrowser(server), authorizePath(), {
      ...alice,
      username,
      password: kettles,
    })
    assert.equal((await redeem(server, page)).sub, sub)
    assert.equal((await refresh(server, json.refresh_token)).status, 200)
  }
  const { json } = await tokensOf(server, 'alice', kettles)
  rows.delete('1')
  assert.equal((await refresh(server, json.refresh_token)).status, 400)
  await server.reconfigure({ ...world, userStore })
  assert.equal(await statusOf(server, 'alice', 'wonderland'), 200)
})

test('moved users: a user of the file who moves to a provider gets tokens there, but not if they are linked to it', async () => {
  const file = { ...world, users: [...world.users, { sub: 'staff-eve', username: 'eve', password: kettles }] }
  const server = await createTestServer(file)
  const atDirectory = { acr_values: 'idp:directory' }
  const { json: local } = await tokensOf(server, 'eve', kettles)
  await server.reconfigure(world)
  assert.equal(await statusOf(server, 'eve', 'staff', atDirectory), 200)
  assert.equal((await refresh(server, local.refresh_token)).status, 400)
  const { json } = await tokensOf(server, 'eve', 'staff', atDirectory)
  const link = { provider: 'corp', identity: 'x'.repeat(43), sub: 'staff-eve', label: 'eve', created_at: 1 }
  await server.stores.identityLinks.add(link)
  assert.equal((await refresh(server, json.refresh_token)).status, 400)
  assert.equal(server.reason(), 'no_longer_valid')
})

test('moved users: one who was only removed from the file is refused, also where a password validator vouches for any sub', async () => {
  const validators = { password: { check: () => ({ ok: false }) as const } }
  const server = await createTestServer({ ...world, accounts: {}, validators })
  const page = await signIn(createBrowser(server), authorizePath(), alice)
  const { refresh_token } = (await tokensOf(server, 'alice', 'wonderland')).json
  await server.reconfigure({ ...without('1'), accounts: {}, validators })
  const refreshed = await refresh(server, refresh_token)
  assert.deepEqual([refreshed.status, server.reason()], [400, 'no_longer_valid'])
  const form = {
    grant_type: 'authorization_code',
    client_id: 'web',
    redirect_uri: callback,
    code_verifier: verifier,
  }
  const redeemed = await server.token({ ...form, code: answerOf(page).get('code') ?? '' })
  assert.deepEqual([redeemed.status, server.reason()], [400, 'no_longer_valid'])
})

test('moved users: an inactive user of the file gets no tokens as a stored user or as one of a provider', async () => {
  const server = await createTestServer(world)
  assert.ok((await server.accounts.add({ sub: 'staff-eve', username: 'eve', password: kettles })).ok)
  assert.equal(await statusOf(server, 'eve', kettles), 200)
  const eve = { sub: 'staff-eve', username: 'eve', active: false }
  await server.reconfigure({ ...world, users: [...world.users, eve] })
  assert.equal(await statusOf(server, 'eve', kettles), 400)
  assert.equal(await statusOf(server, 'eve', 'staff', { acr_values: 'idp:directory' }), 400)
})
