/**
 * The `claims` parameter (OpenID Connect Core 1.0 §5.5): which claims are returned where, and what the parameter can
 * require.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { enrolApp } from '../support/factors.ts'
import { hybridWorld, redeem, startHybrid, userinfo } from '../support/hybrid.ts'
import { answerOf, authorizePath, signIn } from '../support/sign-in.ts'
import { claimsOf, createTestServer } from '../support/tessera.ts'

const asking = (claims: unknown, changes: Readonly<Record<string, string>> = {}) =>
  authorizePath({ scope: 'openid', claims: JSON.stringify(claims), ...changes })

test('claims: UserInfo and the ID token each return their requested claims beyond the scope [OpenID Connect Core 1.0 §5.5]', async () => {
  const { server, browser } = await startHybrid()
  const answer = answerOf(
    await browser.visit(
      asking({ userinfo: { email: null, name: { essential: true } }, id_token: { email_verified: null } }),
    ),
  )
  const { json } = await redeem(server, answer, 'web')
  assert.equal(json.scope, 'openid')
  const idToken = claimsOf(json.id_token)
  assert.equal(idToken.email_verified, true)
  assert.equal(idToken.email, undefined)
  const told = (await userinfo(server, json.access_token)).json
  assert.deepEqual(told, { sub: '1', email: 'alice@example.com', name: 'Alice' })
})

test('claims: requested claims are returned in every flow, and after a refresh', async () => {
  const { server, browser } = await startHybrid()
  const claims = { userinfo: { email: null }, id_token: { name: null } }
  const front = answerOf(await browser.visit(asking(claims, { response_type: 'id_token token' })))
  assert.equal(claimsOf(front.get('id_token') ?? '').name, 'Alice')
  assert.equal((await userinfo(server, front.get('access_token'))).json.email, 'alice@example.com')
  const answer = answerOf(await browser.visit(asking(claims, { scope: 'openid offline_access' })))
  const first = (await redeem(server, answer, 'web')).json
  const refreshed = await server.token({
    grant_type: 'refresh_token',
    refresh_token: first.refresh_token,
    client_id: 'web',
  })
  assert.equal(claimsOf(refreshed.json.id_token).name, 'Alice')
  assert.equal((await userinfo(server, refreshed.json.access_token)).json.email, 'alice@example.com')
})

test('claims: an ID token names the identity provider if requested, in every flow and after a refresh', async () => {
  const { server, browser } = await startHybrid()
  const idpOf = (token: string | null | undefined) => claimsOf(token ?? '').idp
  for (const [claims, expected] of [
    [{ id_token: { idp: null } }, 'local'],
    [{ id_token: { idp: { essential: true } } }, 'local'],
    [{ id_token: { idp: { values: ['corp', 'local'] } } }, 'local'],
    [{ id_token: { idp: { value: 'corp' } } }, undefined],
    [{ id_token: { name: null } }, undefined],
    [{ userinfo: { idp: null } }, undefined],
  ] as const) {
    const front = answerOf(await browser.visit(asking(claims, { response_type: 'id_token token' })))
    assert.equal(idpOf(front.get('id_token')), expected, JSON.stringify(claims))
    assert.equal((await userinfo(server, front.get('access_token'))).json.idp, undefined)
    const answer = answerOf(await browser.visit(asking(claims, { scope: 'openid offline_access' })))
    const { json } = await redeem(server, answer, 'web')
    assert.equal(idpOf(json.id_token), expected)
    assert.equal(idpOf(json.access_token), 'local')
    const { refresh_token } = json
    const refreshed = await server.token({ grant_type: 'refresh_token', refresh_token, client_id: 'web' })
    assert.equal(idpOf(refreshed.json.id_token), expected)
  }
})

test('claims: compatibility identityserver4 names the identity provider in every ID token', async () => {
  const { browser } = await startHybrid({ compatibility: 'identityserver4' })
  const answer = answerOf(await browser.visit(asking({}, { response_type: 'id_token' })))
  assert.equal(claimsOf(answer.get('id_token') ?? '').idp, 'local')
})

test('claims: claims outside the client’s scopes and unknown claims are not returned', async () => {
  const { server, browser } = await startHybrid()
  const claims = {
    userinfo: {
      email: { essential: true },
      role: null,
      phone_number: null,
      'http://x/y': null,
      password: null,
    },
    id_token: { email: null, iss: { value: 'https://evil.example' }, exp: { value: 1 } },
    other: { name: null },
  }
  // The scope `email` is not allowed to the client, and `role` belongs to an API.
  const answer = answerOf(await browser.visit(asking(claims, { client_id: 'narrow' })))
  const { json } = await redeem(server, answer, 'narrow')
  assert.deepEqual((await userinfo(server, json.access_token)).json, { sub: '1' })
  const idToken = claimsOf(json.id_token)
  assert.equal(idToken.email, undefined)
  assert.equal(idToken.iss, 'https://id.example')
  assert.notEqual(idToken.exp, 1)
})

test('claims: a claim requested with a value is returned only with that value, and otherwise omitted without an error [OpenID Connect Core 1.0 §5.5.1]', async () => {
  const { server, browser } = await startHybrid()
  const claims = {
    userinfo: {
      name: { value: 'Bob', essential: true },
      email: { values: ['x@example.com', 'alice@example.com'] },
    },
  }
  const { json } = await redeem(server, answerOf(await browser.visit(asking(claims))), 'web')
  assert.deepEqual((await userinfo(server, json.access_token)).json, { sub: '1', email: 'alice@example.com' })
  // A claim that the scope contains is returned whatever the value.
  const wide = answerOf(await browser.visit(asking(claims, { scope: 'openid profile' })))
  const { access_token } = (await redeem(server, wide, 'web')).json
  assert.equal((await userinfo(server, access_token)).json.name, 'Alice')
})

test('claims: a claim in a language is returned if the user has it [OpenID Connect Core 1.0 §5.2]', async () => {
  const { server, browser } = await startHybrid()
  const claims = { userinfo: { 'name#ja': null, 'name#de': null, 'role#de': null } }
  const { json } = await redeem(server, answerOf(await browser.visit(asking(claims))), 'web')
  assert.deepEqual((await userinfo(server, json.access_token)).json, { sub: '1', 'name#ja': 'アリス' })
})

for (const member of ['id_token', 'userinfo']) {
  test(`claims: if ${member} requests a sub, the response is about that user or an error [OpenID Connect Core 1.0 §5.5.1]`, async () => {
    const { browser } = await startHybrid()
    const target = (sub: unknown, prompt?: string) =>
      asking({ [member]: { sub } }, prompt === undefined ? {} : { prompt })
    assert.ok(answerOf(await browser.visit(target({ value: '1' }, 'none'))).get('code'))
    assert.ok(answerOf(await browser.visit(target({ values: ['7', '1'] }, 'none'))).get('code'))
    assert.ok(answerOf(await browser.visit(target(null, 'none'))).get('code'))
    assert.equal(answerOf(await browser.visit(target({ value: '2' }, 'none'))).get('error'), 'login_required')
    const page = await browser.visit(target({ value: '2' }))
    assert.ok(page.target.startsWith('/login'))
    const again = await browser.submit(page, { username: 'alice', password: 'wonderland', button: 'login' })
    assert.equal(answerOf(again).get('error'), 'login_required')
    const right = await browser.submit(await browser.visit(target({ value: '2' })), {
      username: 'bob',
      password: 'builder',
      button: 'login',
    })
    assert.ok(answerOf(right).get('code'))
  })
}

test('claims: consent covers the requested claims, named by the scopes that contain them', async () => {
  const { browser } = await startHybrid()
  const first = await browser.visit(authorizePath({ client_id: 'asking', scope: 'openid' }))
  assert.ok(!first.text.includes('email'))
  assert.ok(answerOf(await browser.submit(first, { button: 'yes' })).get('code'))
  const target = asking({ userinfo: { email: null } }, { client_id: 'asking' })
  const page = await browser.visit(target)
  assert.match(page.text, /Your email address/)
  assert.ok(answerOf(await browser.submit(page, { button: 'yes' })).get('code'))
  assert.ok(answerOf(await browser.visit(target)).get('code'))
})

for (const [what, claims] of [
  ['no JSON', '{'],
  ['a list', '[]'],
  ['a word', '"x"'],
  ['a member that is not an object', '{"userinfo":[]}'],
  ['a claim that is neither null nor an object', '{"userinfo":{"name":true}}'],
  ['values that are not a list', '{"id_token":{"name":{"values":"x"}}}'],
  ['essential that is not a boolean', '{"id_token":{"name":{"essential":"yes"}}}'],
  ['a sub that is not a string', '{"id_token":{"sub":{"value":1}}}'],
  ['an acr that is not a string', '{"id_token":{"acr":{"values":[1]}}}'],
] as const) {
  test(`claims: ${what} is invalid_request`, async () => {
    const { server, browser } = await startHybrid()
    const answer = answerOf(await browser.visit(authorizePath({ claims })))
    assert.equal(answer.get('error'), 'invalid_request')
    assert.equal(answer.get('error_description'), 'Invalid claims')
    assert.equal(server.reason(), 'claims_malformed')
  })
}

test('claims: the client gets an error if they are too long [RFC 6749 §4.1.2.1]', async () => {
  const { server, browser } = await startHybrid()
  const claims = JSON.stringify({ userinfo: { email: null, ['x'.repeat(4100)]: null } })
  const answer = answerOf(await browser.visit(authorizePath({ claims })))
  assert.equal(answer.get('error'), 'invalid_request')
  assert.equal(server.reason(), 'parameter_too_long')
})

test('claims: names of JavaScript’s own properties are treated like any other', async () => {
  const { server, browser } = await startHybrid()
  const claims = '{"userinfo":{"__proto__":{"value":1},"constructor":null,"toString":null,"email":null}}'
  const { json } = await redeem(server, answerOf(await browser.visit(authorizePath({ claims }))), 'web')
  assert.deepEqual((await userinfo(server, json.access_token)).json, { sub: '1', email: 'alice@example.com' })
})

test('claims: an unmet essential acr is an error, and an unmet voluntary one is not [OpenID Connect Core 1.0 §5.5.1.1]', async () => {
  const { browser } = await startHybrid()
  const values = ['urn:nothing:known']
  const essential = answerOf(await browser.visit(asking({ id_token: { acr: { essential: true, values } } })))
  assert.equal(essential.get('error'), 'unmet_authentication_requirements')
  assert.equal(essential.get('code'), null)
  for (const claims of [{ id_token: { acr: { values } } }, { id_token: { acr: { essential: true } } }]) {
    assert.ok(answerOf(await browser.visit(asking(claims))).get('code'))
  }
  const voluntary = authorizePath({ acr_values: 'urn:nothing:known' })
  assert.ok(answerOf(await browser.visit(voluntary)).get('code'))
})

test('claims: removing a scope from the client removes its claims', async () => {
  const { server, browser } = await startHybrid()
  const answer = answerOf(await browser.visit(asking({ userinfo: { email: null } })))
  const narrowed = await createTestServer(
    {
      ...hybridWorld,
      clients: hybridWorld.clients.map(client =>
        client.client_id === 'web' ? { ...client, scope: 'openid profile' } : client,
      ),
    },
    { stores: server.stores },
  )
  const { json } = await redeem(narrowed, answer, 'web')
  assert.deepEqual((await userinfo(narrowed, json.access_token)).json, { sub: '1' })
})

test('claims: access tokens and introspection contain acr and auth_time, for APIs that require a newer sign-in [RFC 9470 §6]', async () => {
  const { server, browser } = await startHybrid()
  server.clock.advance(500)
  const stale = authorizePath({ max_age: '100', prompt: 'none' })
  assert.equal(answerOf(await browser.visit(stale)).get('error'), 'login_required')
  const page = await signIn(createBrowser(server), authorizePath({ max_age: '100' }))
  const { json } = await redeem(server, answerOf(page), 'web')
  assert.equal(claimsOf(json.access_token).auth_time, server.clock.now())
  assert.equal(claimsOf(json.id_token).auth_time, server.clock.now())
})

test('claims: an essential acr that needs a second factor asks for it, and the tokens contain it [OpenID Connect Core 1.0 §5.5.1.1] [RFC 9470 §5]', async () => {
  const server = await createTestServer({ ...hybridWorld, mfa: { mode: 'if_enrolled' } })
  const browser = createBrowser(server)
  const plain = answerOf(await signIn(browser, authorizePath()))
  assert.equal(claimsOf((await redeem(server, plain, 'web')).json.id_token).acr, '1')
  const claims = { id_token: { acr: { essential: true, values: ['2'] } } }
  const silent = answerOf(await browser.visit(asking(claims, { prompt: 'none' })))
  assert.equal(silent.get('error'), 'interaction_required')
  const other = createBrowser(server)
  const { page } = await enrolApp(server, other, asking(claims))
  const { json } = await redeem(server, answerOf(page), 'web')
  assert.equal(claimsOf(json.id_token).acr, '2')
  assert.equal(claimsOf(json.access_token).acr, '2')
  assert.ok(answerOf(await other.visit(asking(claims, { prompt: 'none' }))).get('code'))
})

/** Alice, with claims in several languages. */
const polyglot = {
  ...hybridWorld,
  users: hybridWorld.users.map(user =>
    user.username === 'alice'
      ? { ...user, claims: { ...user.claims, 'name#ja-Kana-JP': 'アリス・カナ', 'name#fr': 'Alix' } }
      : user,
  ),
}

async function namesOf(changes: Readonly<Record<string, string>>) {
  const server = await createTestServer(polyglot)
  const page = await signIn(createBrowser(server), authorizePath({ scope: 'openid profile', ...changes }))
  const { json } = await redeem(server, answerOf(page), 'web')
  const told = (await userinfo(server, json.access_token)).json
  return Object.fromEntries(Object.entries(told).filter(([name]) => name.startsWith('name')))
}

for (const [claims_locales, name] of [
  ['fr', 'Alix'],
  ['fr-CA en', 'Alix'],
  ['de ja-kana-jp fr', 'アリス・カナ'],
  ['ja-JP', 'アリス'],
  ['de', 'Alice'],
  ['', 'Alice'],
  ['!! fr', 'Alix'],
  [`fr-a${'-bb'.repeat(11)} de`, 'Alice'],
  [`${['de', 'it', 'nl'].map(tag => `${tag}-a${'-bb'.repeat(10)}`).join(' ')} fr`, 'Alice'],
  [`${'de '.repeat(9)}fr`, 'Alix'],
  [`${'de '.repeat(10)}fr`, 'Alice'],
] as const)
  test(`claims: claims_locales "${claims_locales}" selects the language; the claim has no tag, and invalid values are no error [OpenID Connect Core 1.0 §5.2]`, async () => {
    assert.deepEqual(await namesOf({ claims_locales }), { name })
  })

test('claims: claims_locales applies to ID tokens, after a refresh, and together with claims with a tag', async () => {
  const server = await createTestServer(polyglot)
  const target = asking(
    { id_token: { name: null, 'name#ja-Kana-JP': null } },
    { claims_locales: 'fr', scope: 'openid offline_access' },
  )
  const page = await signIn(createBrowser(server), target)
  const { json } = await redeem(server, answerOf(page), 'web')
  const refreshed = await server.token({
    ...{ grant_type: 'refresh_token', refresh_token: json.refresh_token, client_id: 'web' },
  })
  for (const token of [json.id_token, refreshed.json.id_token]) {
    const claims = claimsOf(token)
    assert.deepEqual(
      [claims.name, claims['name#ja-Kana-JP'], claims['name#fr']],
      ['Alix', 'アリス・カナ', undefined],
    )
  }
})
