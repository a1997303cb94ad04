/** The implicit and hybrid flows (OpenID Connect Core 1.0 §3.2, §3.3). */

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { decodeProtectedHeader } from 'jose'
import { createBrowser } from '../support/browser.ts'
import { allTypes, hybridWorld, redeem, startHybrid, userinfo } from '../support/hybrid.ts'
import { assertRefused } from '../support/refused.ts'
import { answerOf, authorizePath, callback, challenge, signIn } from '../support/sign-in.ts'
import { basic, claimsOf, createTestServer } from '../support/tessera.ts'

const half = (text: string | null): string =>
  hash('sha256', text ?? '', 'buffer').toString('base64url', 0, 16)

for (const response_type of allTypes) {
  test(`response types: ${response_type} returns exactly what it names, in any word order, linked by hashes [OpenID Connect Core 1.0 §3.3.2.5] [authorize-009]`, async () => {
    const { browser } = await startHybrid()
    const words = response_type.split(' ')
    const page = await browser.visit(authorizePath({ response_type: words.toReversed().join(' ') }))
    const mode = response_type === 'code' ? '?' : '#'
    assert.ok(page.location?.startsWith(`${callback}${mode}`))
    assert.equal(page.headers['cache-control'], 'no-store')
    const answer = answerOf(page)
    assert.equal(answer.has('code'), words.includes('code'))
    assert.equal(answer.has('id_token'), words.includes('id_token'))
    assert.equal(answer.has('access_token'), words.includes('token'))
    assert.equal(answer.get('token_type'), words.includes('token') ? 'Bearer' : null)
    assert.equal(answer.get('expires_in'), words.includes('token') ? '3600' : null)
    assert.equal(answer.get('refresh_token'), null)
    assert.equal(answer.get('state'), 'a state & more')
    assert.equal(answer.get('iss'), 'https://id.example')
    if (!words.includes('id_token')) return
    const claims = claimsOf(answer.get('id_token') ?? '')
    assert.equal(decodeProtectedHeader(answer.get('id_token') ?? '').alg, 'RS256')
    assert.equal(claims.nonce, 'n-1')
    assert.equal(claims.aud, 'web')
    assert.equal(claims.sub, '1')
    assert.equal(claims.c_hash, words.includes('code') ? half(answer.get('code')) : undefined)
    assert.equal(claims.at_hash, words.includes('token') ? half(answer.get('access_token')) : undefined)
    assert.equal(claims.s_hash, undefined)
  })
}

test('response types: the ID token contains the hash of the state if configured [FAPI 1.0 Part 2 §5.2.2.1]', async () => {
  const server = await createTestServer({ ...hybridWorld, emit_state_hash: true })
  const answer = answerOf(
    await signIn(createBrowser(server), authorizePath({ response_type: 'code id_token' })),
  )
  assert.equal(claimsOf(answer.get('id_token') ?? '').s_hash, half('a state & more'))
})

test('response types: the ID token contains the scope’s claims only without an access token, unless the client always wants them [OpenID Connect Core 1.0 §5.4]', async () => {
  const { server, browser } = await startHybrid()
  const scope = 'openid profile email'
  const nameIn = async (client_id: string, response_type: string) =>
    claimsOf(
      answerOf(await browser.visit(authorizePath({ client_id, response_type, scope }))).get('id_token') ?? '',
    ).name
  assert.equal(await nameIn('web', 'id_token'), 'Alice')
  assert.equal(await nameIn('web', 'id_token token'), undefined)
  assert.equal(await nameIn('web', 'code id_token'), undefined)
  assert.equal(await nameIn('chatty', 'code id_token'), 'Alice')
  for (const [client_id, name] of [
    ['web', undefined],
    ['chatty', 'Alice'],
  ] as const) {
    const answer = answerOf(await browser.visit(authorizePath({ client_id, scope })))
    const { json } = await redeem(server, answer, client_id)
    assert.equal(claimsOf(json.id_token).name, name)
  }
})

test('response types: an access token from here works like any other, as JWT or reference, and contains the claims of its API', async () => {
  const { server, browser } = await startHybrid()
  for (const client_id of ['web', 'reference']) {
    const target = authorizePath({ client_id, response_type: 'id_token token', scope: 'openid profile api1' })
    const token = answerOf(await browser.visit(target)).get('access_token') ?? ''
    assert.equal(token.startsWith('ta_'), client_id === 'reference')
    assert.equal((await userinfo(server, token)).json.name, 'Alice')
    const introspected = await server.send('POST', '/connect/introspect', {
      form: { token },
      headers: basic('urn:api', 'api-secret'),
    })
    assert.equal(introspected.json.active, true)
    assert.equal(introspected.json.role, 'admin')
    assert.equal(introspected.json.sub, '1')
    assert.equal(typeof introspected.json.auth_time, 'number')
  }
})

test('response types: a replayed code revokes the access token that was issued with it [RFC 6749 §4.1.2]', async () => {
  const { server, browser } = await startHybrid()
  for (const client_id of ['web', 'reference']) {
    const answer = answerOf(await browser.visit(authorizePath({ client_id, response_type: 'code token' })))
    assert.equal((await userinfo(server, answer.get('access_token'))).status, 200)
    assert.equal((await redeem(server, answer, client_id)).status, 200)
    assert.equal((await userinfo(server, answer.get('access_token'))).status, 200)
    assert.equal((await redeem(server, answer, client_id)).status, 400)
    assert.equal((await userinfo(server, answer.get('access_token'))).status, 401)
  }
})

test('response types: ID tokens of both endpoints have the same user and client [OpenID Connect Core 1.0 §3.3.3.6]', async () => {
  const { server, browser } = await startHybrid()
  const answer = answerOf(await browser.visit(authorizePath({ response_type: 'code id_token token' })))
  const first = claimsOf(answer.get('id_token') ?? '')
  const { json } = await redeem(server, answer, 'web')
  const second = claimsOf(json.id_token)
  for (const name of ['iss', 'sub', 'aud', 'nonce', 'auth_time', 'sid']) {
    assert.deepEqual(second[name], first[name], name)
  }
})

test('response types: form_post can return tokens, a query never does [authorize-027]', async () => {
  const { browser } = await startHybrid()
  for (const response_type of allTypes.slice(1)) {
    const posted = await browser.visit(authorizePath({ response_type, response_mode: 'form_post' }))
    assert.equal(posted.form?.action, callback)
    assert.equal('access_token' in (posted.form?.fields ?? {}), response_type.split(' ').includes('token'))
    const page = await browser.visit(authorizePath({ response_type, response_mode: 'query' }))
    assert.ok(page.location?.startsWith(`${callback}#`))
    const answer = answerOf(page)
    assert.equal(answer.get('error'), 'invalid_request')
    assert.equal(answer.get('error_description'), 'Invalid response_mode for response_type')
    for (const name of ['code', 'id_token', 'access_token']) assert.equal(answer.get(name), null)
  }
})

const refused: readonly (readonly [string, Record<string, string | undefined>, string, string?])[] = [
  [
    'an ID token without a nonce [OpenID Connect Core 1.0 §3.2.2.1]',
    { response_type: 'id_token', nonce: undefined },
    'invalid_request',
    'Missing nonce',
  ],
  [
    'a hybrid ID token without a nonce [OpenID Connect Core 1.0 §3.3.2.11]',
    { response_type: 'code id_token', nonce: undefined },
    'invalid_request',
    'Missing nonce',
  ],
  [
    'an ID token without openid [authorize-031]',
    { response_type: 'id_token', scope: 'api1' },
    'invalid_request',
    'Missing openid scope',
  ],
  [
    'a response type that the client did not register [RFC 7591 §2.1] [authorize-057]',
    { client_id: 'idonly', response_type: 'id_token token' },
    'unauthorized_client',
  ],
  ['an access token alone [RFC 9700 §2.1.2]', { response_type: 'token' }, 'unsupported_response_type'],
  ['a repeated word', { response_type: 'code code' }, 'unsupported_response_type'],
  [
    'a code without PKCE, whatever is returned with it [RFC 9700 §2.1.1]',
    { response_type: 'code id_token', code_challenge: undefined, code_challenge_method: undefined },
    'invalid_request',
    'code_challenge is missing',
  ],
  [
    'no consent and prompt=none',
    { client_id: 'asking', response_type: 'id_token token', prompt: 'none' },
    'consent_required',
  ],
]
for (const [what, changes, error, description] of refused) {
  test(`response types: ${what} is refused in the fragment without tokens`, async () => {
    const { browser } = await startHybrid()
    const page = await browser.visit(authorizePath(changes))
    assert.ok(
      page.location?.startsWith(`${callback}${changes.response_type?.includes('code code') ? '?' : '#'}`),
    )
    const answer = answerOf(page)
    assert.equal(answer.get('error'), error)
    if (description !== undefined) assert.equal(answer.get('error_description'), description)
    for (const name of ['code', 'id_token', 'access_token']) assert.equal(answer.get(name), null)
  })
}

test('response types: without a code PKCE is not required, and offline_access is ignored [OpenID Connect Core 1.0 §11]', async () => {
  const { browser } = await startHybrid()
  const target = authorizePath({
    response_type: 'id_token token',
    scope: 'openid offline_access',
    code_challenge: undefined,
    code_challenge_method: undefined,
  })
  assert.equal(answerOf(await browser.visit(target)).get('scope'), 'openid')
})

test('response types: a code issued with tokens still requires its verifier and yields the refresh token [RFC 7636 §4.6]', async () => {
  const { server, browser } = await startHybrid()
  const target = authorizePath({ response_type: 'code id_token token', scope: 'openid offline_access' })
  const [stolen, answer] = [await browser.visit(target), await browser.visit(target)].map(page =>
    answerOf(page),
  )
  const without = await server.token({
    grant_type: 'authorization_code',
    code: stolen?.get('code') ?? '',
    redirect_uri: callback,
    client_id: 'web',
    code_verifier: challenge,
  })
  assertRefused(without, 'invalid_grant', 'code_verifier_wrong')
  const { json } = await redeem(server, answer!, 'web')
  assert.match(json.refresh_token, /^tr_/)
})

test('response types: a claim can’t replace the server’s own', async () => {
  const server = await createTestServer({
    ...hybridWorld,
    identity_resources: [
      { name: 'profile', claims: ['name', 'aud', 'nonce', 'c_hash', 'at_hash', 'acr', 'iss'] },
    ],
    users: [
      {
        sub: '1',
        username: 'alice',
        password: 'wonderland',
        claims: { name: 'Alice', aud: 'x', nonce: 'x', c_hash: 'x', at_hash: 'x', acr: 'x', iss: 'x' },
      },
    ],
  })
  const target = authorizePath({ response_type: 'id_token', scope: 'openid profile' })
  const claims = claimsOf(answerOf(await signIn(createBrowser(server), target)).get('id_token') ?? '')
  assert.equal(claims.name, 'Alice')
  for (const name of ['aud', 'nonce', 'c_hash', 'at_hash', 'acr', 'iss'])
    assert.notEqual(claims[name], 'x', name)
})
