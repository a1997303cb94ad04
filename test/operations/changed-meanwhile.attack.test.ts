/** The newest state counts when an operator or a client changes it while a page waits or a secret is valid. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import type { Stores } from '../../packages/server/src/model/ports/stores.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { createBrowser } from '../support/browser.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { manage, register } from '../support/registering.ts'
import { answerOf, authorizePath, callback, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'

const withClient = (client_id: string, change: object) => ({
  ...pagesWorld,
  clients: pagesWorld.clients.map(client =>
    client.client_id === client_id ? { ...client, ...change } : client,
  ),
})

test('device: an approval by a user that the client no longer accepts has no effect', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  const { json: device } = await server.send('POST', '/connect/deviceauthorization', {
    form: { client_id: 'tv' },
  })
  answerOf(await signIn(browser, authorizePath()))
  const confirm = await browser.submit(await browser.visit('/device'), { user_code: device.user_code })
  assert.match(confirm.text, /Connect Television\?/)
  await server.reconfigure(withClient('tv', { enable_local_login: false }))
  const after = await browser.submit(confirm, { button: 'yes' })
  assert.ok(after.target.startsWith('/login'), after.target)
  const stored = await server.stores.devices.find(hashHandle(device.device_code))
  assert.equal(stored?.device.status, 'pending')
})

test('consent: a client whose consent has no lifetime offers no box to remember it', async () => {
  for (const [lifetime, offers] of [
    [undefined, true],
    [3600, true],
    [0, false],
  ] as const) {
    const server = await createTestServer(
      withClient('asking', lifetime === undefined ? {} : { consent_lifetime: lifetime }),
    )
    const browser = createBrowser(server)
    answerOf(await signIn(browser, authorizePath()))
    const page = await browser.visit(authorizePath({ client_id: 'asking' }))
    assert.ok(page.target.startsWith('/consent'))
    assert.equal(page.form?.ticked.remember !== undefined, offers, `consent_lifetime ${lifetime}`)
  }
})

const registering = (registration: object) =>
  createTestServer({
    ...pagesWorld,
    registration: {
      mode: 'open',
      allowed_grant_types: ['authorization_code', 'client_credentials'],
      allowed_scope: 'openid api1',
      ...registration,
    },
  })
const machine = { redirect_uris: [callback], grant_types: ['client_credentials'], scope: 'api1' }
const ask = (server: TestServer, { client_id, client_secret }: Record<string, string>) =>
  server.token(
    { grant_type: 'client_credentials', scope: 'api1' },
    { client: [client_id ?? '', client_secret ?? ''] },
  )
const year = 365 * 86_400

test('registration: a secret with a lifetime of 0 never expires, and is returned with 0 [RFC 7591 §3.2.1]', async () => {
  const server = await registering({ client_secret_lifetime: 0, unused_client_lifetime: 0 })
  const { json: client } = await register(server, machine)
  assert.equal(client.client_secret_expires_at, 0)
  server.clock.advance(10 * year)
  assert.equal((await ask(server, client)).status, 200)
})

test('registration: an unused client with a lifetime of 0 is never deleted', async () => {
  const server = await registering({ unused_client_lifetime: 0 })
  const { json: client } = await register(server, machine)
  server.clock.advance(1)
  assert.equal((await manage(server, 'GET', client)).status, 200)
  server.clock.advance(10 * year)
  await server.stores.cleanUp(server.clock.now())
  assert.equal((await manage(server, 'GET', client)).status, 200)
})

test('registration: an update keeps a secret that does not expire, and replaces one that does', async () => {
  for (const [client_secret_lifetime, keeps] of [
    [0, true],
    [100, false],
  ] as const) {
    const server = await registering({ client_secret_lifetime })
    const { json: client } = await register(server, machine)
    const { client_id } = client
    const { json: after } = await manage(server, 'PUT', client, { ...machine, client_id })
    assert.equal(after.client_secret === undefined, keeps)
    const before = await ask(server, client)
    if (keeps) assert.equal(before.status, 200)
    else {
      assertRefused(before, 'invalid_client', 'client_secret_wrong')
      assert.equal((await ask(server, after)).status, 200)
      assert.equal(after.client_secret_expires_at, server.clock.now() + 100)
    }
  }
})

const updates: readonly (readonly [string, object, object, boolean])[] = [
  ['public client move to another host', {}, { redirect_uris: ['https://other.example/cb'] }, true],
  [
    'pairwise client change a path of its host',
    { subject_type: 'pairwise' },
    { subject_type: 'pairwise', redirect_uris: ['https://app.example/else'] },
    true,
  ],
  [
    'pairwise client move to another host',
    { subject_type: 'pairwise' },
    { subject_type: 'pairwise', redirect_uris: ['https://other.example/cb'] },
    false,
  ],
  ['public client become a pairwise one', {}, { subject_type: 'pairwise' }, false],
  ['pairwise client become a public one', { subject_type: 'pairwise' }, {}, false],
]
for (const [what, before, after, holds] of updates)
  test(`registration: an update ${holds ? 'may' : 'can not'} let a ${what}, since its users keep their sub [OpenID Connect Core 1.0 §8.1]`, async () => {
    const server = await registering({})
    const web = { redirect_uris: [callback] }
    const { json: client } = await register(server, { ...web, ...before })
    const answer = await manage(server, 'PUT', client, { client_id: client.client_id, ...web, ...after })
    if (holds) assert.equal(answer.status, 200, answer.body)
    else assertRefused(answer, 'invalid_client_metadata', 'client_identifiers_changed')
  })

test('registration: a client that gets its own tokens counts as used, and is not deleted', async () => {
  const server = await registering({ unused_client_lifetime: 1000 })
  const { json: client } = await register(server, machine)
  for (let times = 0; times < 3; times++) {
    server.clock.advance(900)
    assert.equal((await ask(server, client)).status, 200)
    await server.settled()
  }
  server.clock.advance(1001)
  assertRefused(await ask(server, client), 'invalid_client', 'client_unknown')
})

test('token: a request that loses the same code twice to another is refused and logged', async () => {
  const stores = createMemoryStores()
  const lost: Stores = { ...stores, commit: async () => 'already_used' }
  const server = await createTestServer(world, { stores: lost })
  const answer = await server.token(
    {
      grant_type: 'authorization_code',
      code: await issueCode(server),
      redirect_uri: redirectUri,
      code_verifier: verifier,
    },
    { client: ['web', secret] },
  )
  assertRefused(answer, 'invalid_grant', 'lost_twice')
})

test('resource: scopes of no API remain in a token for one API [RFC 8707 §2.2]', async () => {
  const server = await createTestServer(world)
  const { json } = await server.token(
    {
      grant_type: 'password',
      username: 'bob',
      password: 'bob',
      scope: 'openid api1 profile',
      resource: 'urn:api',
    },
    { client: ['roclient', secret] },
  )
  assert.equal(json.scope, 'api1 openid profile')
})
