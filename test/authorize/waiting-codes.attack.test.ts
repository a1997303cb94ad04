/** Users who make the store keep sign-ins that no client redeems (RFC 6749 §4.1.2). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Browser, createBrowser } from '../support/browser.ts'
import { answerOf, authorizePath, bob, callback, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const world = {
  ...pagesWorld,
  clients: [
    ...pagesWorld.clients,
    {
      client_id: 'page',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'implicit'],
      response_types: ['code', 'id_token', 'code token'],
      redirect_uris: [callback],
      scope: 'openid api1',
    },
  ],
}

const offline = { scope: 'openid offline_access' }
const codeOf = async (browser: Browser, changes = {}): Promise<string> =>
  answerOf(await browser.visit(authorizePath(changes))).get('code') ?? ''

const redeem = (server: TestServer, code: string, client_id = 'web') =>
  server.token({
    ...{ grant_type: 'authorization_code', client_id, code },
    ...{ redirect_uri: callback, code_verifier: verifier },
  })

test('attack: sign-ins whose codes are never redeemed leave no rows once the codes have expired', async () => {
  const server = await createTestServer(world)
  const browser = createBrowser(server)
  await signIn(browser, authorizePath())
  await server.stores.cleanUp(server.clock.now() + 600)
  for (let asked = 0; asked < 20; asked++) await codeOf(browser, offline)
  server.clock.advance(301)
  // Codes and authorizations; other rows that have expired by then were deleted before.
  assert.equal(await server.stores.cleanUp(server.clock.now()), 40)
})

test('authorize: a redeemed authorization lasts as long as its tokens, although its code lasted minutes', async () => {
  const server = await createTestServer(world)
  const browser = createBrowser(server)
  const page = await signIn(browser, authorizePath(offline))
  server.clock.advance(299)
  const { json } = await redeem(server, answerOf(page).get('code') ?? '')
  server.clock.advance(86_400 * 14)
  await server.stores.cleanUp(server.clock.now())
  const refresh = { grant_type: 'refresh_token', client_id: 'web', refresh_token: json.refresh_token }
  assert.equal((await server.token(refresh)).status, 200)
})

test('authorize: a token issued with a code outlives a code that is never redeemed', async () => {
  const server = await createTestServer(world)
  const browser = createBrowser(server)
  const beside = { client_id: 'page', response_type: 'code token' }
  const answer = answerOf(await signIn(browser, authorizePath(beside)))
  server.clock.advance(600)
  await server.stores.cleanUp(server.clock.now())
  const authorization = `Bearer ${answer.get('access_token')}`
  assert.equal((await server.send('GET', '/connect/userinfo', { headers: { authorization } })).status, 200)
})

test('attack: a user can have 100 pending codes at a client, without effect on other users and clients', async () => {
  const server = await createTestServer(world)
  const [browser, neighbour] = [createBrowser(server), createBrowser(server)]
  const first = answerOf(await signIn(browser, authorizePath())).get('code') ?? ''
  const elsewhere = await codeOf(browser, { client_id: 'page' })
  const neighbours = answerOf(await signIn(neighbour, authorizePath(), bob)).get('code') ?? ''
  const codes: string[] = []
  for (let asked = 0; asked < 120; asked++) codes.push(await codeOf(browser))

  assert.equal((await redeem(server, first)).json.error, 'invalid_grant')
  assert.equal(server.reason(), 'code_unknown')
  assert.equal((await redeem(server, codes[19] ?? '')).json.error, 'invalid_grant')
  assert.equal(server.reason(), 'code_unknown')
  for (const code of [codes[20], codes[119], neighbours])
    assert.equal((await redeem(server, code ?? '')).status, 200)
  assert.equal((await redeem(server, elsewhere, 'page')).status, 200)
})

test('authorize: a user who signs in and redeems all day is not limited, and keeps what was redeemed', async () => {
  const server = await createTestServer(world)
  const browser = createBrowser(server)
  const { json } = await redeem(
    server,
    answerOf(await signIn(browser, authorizePath(offline))).get('code') ?? '',
  )
  for (let tab = 0; tab < 150; tab++) assert.equal((await redeem(server, await codeOf(browser))).status, 200)
  const refresh = { grant_type: 'refresh_token', client_id: 'web', refresh_token: json.refresh_token }
  assert.equal((await server.token(refresh)).status, 200)
})

test('attack: codes of one user at many clients are limited together', async () => {
  const clients = Array.from({ length: 6 }, (_, index) => ({ ...world.clients[0], client_id: `web${index}` }))
  const server = await createTestServer({ ...world, clients: [...world.clients, ...clients] })
  const browser = createBrowser(server)
  const first = answerOf(await signIn(browser, authorizePath())).get('code') ?? ''
  for (const { client_id } of clients)
    for (let asked = 0; asked < 90; asked++) await codeOf(browser, { client_id })
  assert.equal((await redeem(server, first)).json.error, 'invalid_grant')
  assert.equal(server.reason(), 'code_unknown')
  assert.equal((await redeem(server, await codeOf(browser))).status, 200)
})

test('attack: tokens issued without a code are limited for each user and client within an hour', async () => {
  const server = await createTestServer(world, { earlierAttempts: { most: 1000, left: 10 } })
  const [browser, neighbour] = [createBrowser(server), createBrowser(server)]
  const implicit = { client_id: 'page', response_type: 'id_token' }
  const ask = async (one: Browser) => answerOf(await one.visit(authorizePath(implicit)))
  await signIn(browser, authorizePath(implicit))
  await signIn(neighbour, authorizePath(implicit), bob)
  const withCode = { ...implicit, response_type: 'code token', response_mode: 'fragment' }
  const askWithCode = async (changes = {}) =>
    answerOf(await browser.visit(authorizePath({ ...withCode, ...changes })))
  for (let asked = 1; asked < 9; asked++) await ask(browser)
  // A refused request leaves nothing, so it does not count.
  assert.equal((await askWithCode({ scope: 'openid', resource: 'urn:api' })).get('error'), 'invalid_target')
  assert.ok((await ask(browser)).get('id_token'))
  for (const late of [await ask(browser), await askWithCode({ scope: 'openid api1' })]) {
    assert.equal(late.get('error'), 'temporarily_unavailable')
    assert.equal(server.reason(), 'front_channel_tokens_too_often')
  }
  assert.ok((await ask(neighbour)).get('id_token'))
  assert.ok(await codeOf(browser))
  server.clock.advance(3600)
  assert.ok((await ask(browser)).get('id_token'))
})

const pagesOfMany = Array.from({ length: 6 }, (_, index) => ({
  ...world.clients.find(({ client_id }) => client_id === 'page'),
  client_id: `page${index}`,
}))
const ofMany = { ...world, clients: [...world.clients, ...pagesOfMany] }
const implicitAt = (client_id: string) =>
  authorizePath({ client_id, response_type: 'id_token', scope: 'openid' })

test('attack: tokens issued without a code are limited for each user at all clients together, also at the same moment', async () => {
  const server = await createTestServer(ofMany, { earlierAttempts: { most: 5000, left: 20 } })
  const [browser, neighbour] = [createBrowser(server), createBrowser(server)]
  await signIn(browser, authorizePath())
  await signIn(neighbour, authorizePath(), bob)
  const asked = pagesOfMany.flatMap(({ client_id }) =>
    Array.from({ length: 10 }, () => browser.visit(implicitAt(client_id))),
  )
  const answers = (await Promise.all(asked)).map(page => answerOf(page))
  const refused = answers.filter(answer => answer.get('error') === 'temporarily_unavailable')
  assert.equal(answers.filter(answer => answer.get('id_token')).length, 20)
  assert.equal(refused.length, 40)
  assert.equal(server.reason(), 'front_channel_tokens_too_often')
  const again = async (one: Browser) => answerOf(await one.visit(implicitAt('page0')))
  assert.equal((await again(browser)).get('error'), 'temporarily_unavailable')
  // Other users, and codes, are not affected.
  assert.ok((await again(neighbour)).get('id_token'))
  assert.ok(await codeOf(browser))
  server.clock.advance(3600)
  assert.ok((await again(browser)).get('id_token'))
})

test('attack: nodes share the limit of tokens that are issued without a code', async () => {
  const { open } = await beginShared()
  const earlierAttempts = { most: 5000, left: 20 }
  const nodes = [
    await createTestServer(ofMany, { tenantStores: await open(), earlierAttempts }),
    await createTestServer(ofMany, { tenantStores: await open() }),
  ]
  const browsers = nodes.map(node => createBrowser(node))
  for (const browser of browsers) await signIn(browser, authorizePath())
  // Counts what the user received earlier.
  assert.ok(answerOf(await browsers[0]!.visit(implicitAt('page0'))).get('id_token'))
  const asked = browsers.flatMap(browser =>
    pagesOfMany.flatMap(({ client_id }) =>
      Array.from({ length: 5 }, () => browser.visit(implicitAt(client_id))),
    ),
  )
  const answers = (await Promise.all(asked)).map(page => answerOf(page))
  assert.equal(answers.filter(answer => answer.get('id_token')).length, 19)
  assert.equal(answers.filter(answer => answer.get('error') === 'temporarily_unavailable').length, 41)
})

test('attack: the number of requested claims is limited to what a row can hold [OpenID Connect Core 1.0 §5.5]', async () => {
  const server = await createTestServer(world)
  const browser = createBrowser(server)
  await signIn(browser, authorizePath())
  const asking = async (claims: object) =>
    answerOf(await browser.visit(authorizePath({ claims: JSON.stringify(claims) })))
  const named = (count: number, values: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [
        `c${index}`,
        values ? { values: Array(values).fill(1) } : null,
      ]),
    )
  assert.ok((await asking({ userinfo: named(100, 0), id_token: named(1, 100) })).get('code'))
  for (const claims of [{ userinfo: named(101, 0) }, { id_token: named(1, 101) }]) {
    assert.equal((await asking(claims)).get('error'), 'invalid_request')
    assert.equal(server.reason(), 'claims_too_many')
  }
})
