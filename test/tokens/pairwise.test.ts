/** Pairwise subject identifiers (OpenID Connect Core 1.0 §8), everywhere a `sub` is written or read. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { createBrowser } from '../support/browser.ts'
import { hybridWorld, redeem, startHybrid, userinfo } from '../support/hybrid.ts'
import {
  endSessionPath,
  logoutTokenOf,
  logoutWorld,
  signInAt,
  startLogoutWorld,
} from '../support/logout-world.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, authorizePath, signIn } from '../support/sign-in.ts'
import { basic, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'

const scope = 'openid profile offline_access'

async function start(client_id: string, user = alice) {
  const server = await createTestServer(hybridWorld)
  const browser = createBrowser(server)
  const answer = answerOf(await signIn(browser, authorizePath({ client_id, scope }), user))
  const { json } = await redeem(server, answer, client_id)
  return { server, browser, answer, tokens: json, sub: claimsOf(json.id_token).sub as string }
}

const refresh = (server: TestServer, client_id: string, refresh_token: string) =>
  server.token({ grant_type: 'refresh_token', refresh_token, client_id })

for (const client_id of ['pair', 'pairref']) {
  test(`pairwise: ${client_id} gets the same sub in ID token, UserInfo, access token and refresh, and never the user's own`, async () => {
    const { server, tokens, sub, answer } = await start(client_id)
    assert.match(sub, /^[\w-]{43}$/)
    const told = await userinfo(server, tokens.access_token)
    assert.equal(told.json.sub, sub)
    assert.equal(told.json.name, 'Alice')
    if (client_id === 'pair') assert.equal(claimsOf(tokens.access_token).sub, sub)
    const { json } = await refresh(server, client_id, tokens.refresh_token)
    assert.equal(claimsOf(json.id_token).sub, sub)
    assert.equal((await userinfo(server, json.access_token)).json.sub, sub)
    // The store keeps the user's own sub.
    const stored = await server.stores.codes.find(hashHandle(answer.get('code') ?? ''))
    assert.equal(stored?.authorization.sub, '1')
  })
}

test('pairwise: the sub differs by user and sector, and clients of one sector get the same [OpenID Connect Core 1.0 §8.1]', async () => {
  const one = await start('pair')
  const same = await start('pairref')
  const elsewhere = await start('elsewhere')
  const bob = await start('pair', { username: 'bob', password: 'builder', button: 'login' })
  const plain = await start('web')
  assert.equal(same.sub, one.sub)
  assert.equal(plain.sub, '1')
  assert.equal(new Set([one.sub, elsewhere.sub, bob.sub]).size, 3)
})

test('pairwise: an ID token of the authorization endpoint has the same sub', async () => {
  const { browser, sub } = await start('pair')
  const target = authorizePath({ client_id: 'pair', response_type: 'code id_token token' })
  const answer = answerOf(await browser.visit(target))
  assert.equal(claimsOf(answer.get('id_token') ?? '').sub, sub)
  assert.equal(claimsOf(answer.get('access_token') ?? '').sub, sub)
})

test('pairwise: introspection returns the sub that the client got, for JWT and reference tokens', async () => {
  for (const client_id of ['pair', 'pairref']) {
    const { server, browser, sub } = await start(client_id)
    const target = authorizePath({ client_id, response_type: 'code token', scope: 'openid api1' })
    const token = answerOf(await browser.visit(target)).get('access_token') ?? ''
    const { json } = await server.send('POST', '/connect/introspect', {
      form: { token },
      headers: basic('urn:api', 'api-secret'),
    })
    assert.equal(json.active, true)
    assert.equal(json.sub, sub)
  }
})

test('pairwise: tokens of an inactive user are as invalid as any', async () => {
  const { server, tokens } = await start('pair')
  const users = hybridWorld.users.map(user => ({ ...user, active: user.sub !== '1' }))
  const later = await createTestServer({ ...hybridWorld, users }, { stores: server.stores })
  assert.equal((await userinfo(later, tokens.access_token)).status, 401)
  assert.equal(later.reason(), 'user_inactive')
})

test('pairwise: id_token_hint and the sub of claims are read as the client got them', async () => {
  const { server, browser, tokens, sub } = await start('pair')
  const other = await start('pair', { username: 'bob', password: 'builder', button: 'login' })
  const ask = async (changes: Readonly<Record<string, string>>) =>
    answerOf(await browser.visit(authorizePath({ client_id: 'pair', prompt: 'none', ...changes })))
  assert.ok((await ask({ id_token_hint: tokens.id_token })).get('code'))
  const claims = (value: string) => JSON.stringify({ id_token: { sub: { value } } })
  assert.ok((await ask({ claims: claims(sub) })).get('code'))
  assert.equal((await ask({ claims: claims(other.sub) })).get('error'), 'login_required')
  // The user's own sub is unknown to this client.
  assert.equal((await ask({ claims: claims('1') })).get('error'), 'login_required')
  // Two clients that cooperate can't find out that they have the same user.
  const plain = answerOf(await browser.visit(authorizePath({ client_id: 'web' })))
  const hint = (await redeem(server, plain, 'web')).json.id_token
  for (const foreign of [
    await ask({ id_token_hint: hint }),
    await ask({ client_id: 'web', id_token_hint: tokens.id_token }),
    await ask({ client_id: 'elsewhere', id_token_hint: tokens.id_token }),
  ]) {
    assert.equal(foreign.get('error'), 'invalid_request')
    assert.equal(server.reason(), 'id_token_hint_of_another_client')
  }
  assert.ok((await ask({ client_id: 'reference', id_token_hint: hint })).get('code'))
})

test('pairwise: consent and single sign-on identify the user, whatever sub a client gets', async () => {
  const { browser } = await startHybrid()
  for (const client_id of ['pair', 'elsewhere', 'web']) {
    assert.ok(answerOf(await browser.visit(authorizePath({ client_id, prompt: 'none' }))).get('code'))
  }
})

test('pairwise: a device gets the sub of its own sector', async () => {
  const server = await createTestServer(hybridWorld)
  const browser = createBrowser(server)
  const device = (
    await server.send('POST', '/connect/deviceauthorization', { form: { client_id: 'pairtv', scope } })
  ).json
  const typed = await browser.submit(await browser.visit('/device'), { user_code: device.user_code })
  await browser.submit(await browser.submit(typed, alice), { button: 'yes' })
  const { json } = await server.token({
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: device.device_code,
    client_id: 'pairtv',
  })
  const { sub } = claimsOf(json.id_token)
  assert.match(sub, /^[\w-]{43}$/)
  assert.equal((await userinfo(server, json.access_token)).json.sub, sub)
  const again = await refresh(server, 'pairtv', json.refresh_token)
  assert.equal(claimsOf(again.json.id_token).sub, sub)
})

test('pairwise: the password grant and a token exchanged for its token have the same sub, and a client its own id', async () => {
  const server = await createTestServer(hybridWorld)
  const client = ['pairservice', 's'] as const
  const { json } = await server.token(
    {
      grant_type: 'password',
      username: 'alice',
      password: 'wonderland',
      scope: 'openid api1 offline_access',
    },
    { client },
  )
  const { sub } = claimsOf(json.access_token)
  assert.match(sub, /^[\w-]{43}$/)
  assert.equal((await userinfo(server, json.access_token)).json.sub, sub)
  const exchanged = await server.token(
    {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: json.access_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    },
    { client },
  )
  assert.equal(claimsOf(exchanged.json.access_token).sub, sub)
  const introspect = (token: string) =>
    server.send('POST', '/connect/introspect', { form: { token }, headers: basic(...client) })
  assert.equal((await introspect(exchanged.json.access_token)).json.sub, sub)
  assert.equal((await introspect(json.refresh_token)).json.sub, sub)
  const own = await server.token({ grant_type: 'client_credentials', scope: 'api1' }, { client })
  assert.equal(claimsOf(own.json.access_token).sub, 'pairservice')
  assert.equal((await introspect(own.json.access_token)).json.active, true)
})

test('pairwise: a token whose sub no longer identifies a user is refused', async () => {
  const { server, tokens } = await start('pair')
  const clients = hybridWorld.clients.map(client =>
    client.client_id === 'pair'
      ? { ...client, sector_identifier_uri: 'https://moved.example/sector.json' }
      : client,
  )
  const later = await createTestServer({ ...hybridWorld, clients }, { stores: server.stores })
  assert.equal((await userinfo(later, tokens.access_token)).status, 401)
  assert.equal(later.reason(), 'token_subject_unknown')
})

test('pairwise: an extension grant can’t put another user into a derived token', async () => {
  const { defineGrant } = await import('../../packages/server/src/model/extension-grant.ts')
  const impersonate = defineGrant({
    grantType: 'urn:example:impersonate',
    parameters: { token: { required: true } },
    async decide({ parameters }, { verifyAccessToken }) {
      const derivedFrom = await verifyAccessToken(parameters.get('token') ?? '')
      return derivedFrom ? { ok: true, subject: { sub: '2' }, derivedFrom } : { ok: false }
    },
  })
  const clients = hybridWorld.clients.map(client =>
    client.client_id === 'pairservice'
      ? { ...client, grant_types: [...(client.grant_types ?? []), 'urn:example:impersonate'] }
      : client,
  )
  const server = await createTestServer({ ...hybridWorld, clients, grants: [impersonate] })
  const client = ['pairservice', 's'] as const
  const { json } = await server.token(
    { grant_type: 'password', username: 'alice', password: 'wonderland', scope: 'api1' },
    { client },
  )
  const answer = await server.token(
    { grant_type: 'urn:example:impersonate', token: json.access_token },
    { client },
  )
  assertRefused(answer, 'invalid_grant', 'extension_subject_not_derived')
})

test('pairwise: a sign-out accepts the hint of its own session, and a logout token has the same sub [OpenID Connect Back-Channel Logout 1.0 §2.4]', async () => {
  const clients = logoutWorld.clients.map(client =>
    'backchannel_logout_uri' in client ? { ...client, subject_type: 'pairwise' } : client,
  )
  const { server, browser, posts } = await startLogoutWorld({ clients })
  const { shop, wiki } = await signInAt(server, browser, ['shop', 'wiki'])
  const told = { shop: claimsOf(shop.id_token).sub, wiki: claimsOf(wiki.id_token).sub }
  assert.notEqual(told.shop, told.wiki)
  const page = await browser.visit(
    endSessionPath({ id_token_hint: shop.id_token, post_logout_redirect_uri: 'https://shop.example/bye' }),
  )
  // Signed out at once, because the hint is of this session.
  assert.equal(page.form, undefined, page.text)
  await server.runLogouts()
  for (const name of ['shop', 'wiki'] as const) {
    const post = posts.find(({ url }) => url.includes(name))
    assert.equal(claimsOf(logoutTokenOf(post!)).sub, told[name])
  }
})
