/** Which scopes are granted, however the user is asked (RFC 6749 §3.3, OpenID Connect Core 1.0 §3.1.2.1, §11). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { alice, answerOf, authorizePath, callback, challenge, signIn, verifier } from '../support/sign-in.ts'
import { basic, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'

const code = {
  client_secrets: [{ value: 's' }],
  redirect_uris: [callback],
  require_pkce: false,
}
const user = 'urn:ietf:params:oauth:grant-type:device_code'
const withGrants = (...more: readonly string[]) => ['authorization_code', 'password', user, ...more]
const scopeWorld = (more: object = {}) => ({
  api_scopes: [{ name: 'read' }, { name: 'write' }, { name: 'other' }, { name: 'unowned' }],
  api_resources: [
    { name: 'https://mcp.example', scopes: ['read', 'write'] },
    { name: 'urn:other', scopes: ['other'] },
  ],
  users: [{ sub: '1', username: 'alice', password: 'wonderland', claims: { name: 'Alice' } }],
  clients: [
    { ...code, client_id: 'once', grant_types: withGrants(), scope: 'openid profile read' },
    {
      ...code,
      client_id: 'lasting',
      grant_types: withGrants('refresh_token'),
      scope: 'openid profile read other unowned offline_access',
    },
    { ...code, client_id: 'bare', grant_types: withGrants('refresh_token'), scope: 'openid read' },
    { ...code, client_id: 'apionly', grant_types: withGrants(), scope: 'profile read' },
    { ...code, client_id: 'none', grant_types: withGrants('refresh_token'), scope: 'offline_access' },
    {
      ...code,
      client_id: 'lenient',
      grant_types: withGrants(),
      scope: 'openid read',
      unknown_scopes: 'ignore',
    },
    {
      ...code,
      client_id: 'front',
      grant_types: ['authorization_code', 'implicit', 'refresh_token'],
      response_types: ['id_token', 'id_token token', 'code id_token'],
      scope: 'openid read offline_access',
    },
    {
      client_id: 'machine',
      client_secrets: [{ value: 's' }],
      grant_types: ['client_credentials', 'refresh_token'],
      scope: 'read other offline_access',
    },
  ],
  ...more,
})

type Asked = { readonly client_id: string; readonly scope?: string; readonly resource?: string }
type Outcome = { readonly scope?: string; readonly error?: string; readonly refreshes?: boolean }

const present = (form: object) =>
  Object.fromEntries(Object.entries(form).filter(([, value]) => value !== undefined)) as Record<
    string,
    string
  >

async function redeemed(server: TestServer, target: string, client_id: string): Promise<Outcome> {
  const browser = createBrowser(server)
  const first = await browser.visit(target)
  const page = first.location === undefined ? await browser.submit(first, alice) : first
  const answer = answerOf(page)
  if (answer.has('error')) return { error: answer.get('error') ?? '' }
  // RFC 6749 §4.1.2: the token response contains the granted scope.
  assert.equal(answer.get('scope'), null)
  const { json } = await server.token(
    {
      ...{ grant_type: 'authorization_code', code: answer.get('code') ?? '' },
      ...{ redirect_uri: callback, code_verifier: verifier },
    },
    { client: [client_id, 's'] },
  )
  return outcomeOf(json)
}

const outcomeOf = (json: any): Outcome =>
  json.error === undefined
    ? { scope: json.scope, refreshes: json.refresh_token !== undefined }
    : { error: json.error }

const ways: Readonly<Record<string, (server: TestServer, asked: Asked) => Promise<Outcome>>> = {
  authorize: (server, asked) =>
    redeemed(server, authorizePath({ scope: undefined, ...asked }), asked.client_id),
  async par(server, { client_id, ...asked }) {
    const { json } = await server.send('POST', '/connect/par', {
      form: present({
        ...asked,
        ...{ redirect_uri: callback, response_type: 'code', code_challenge: challenge },
        code_challenge_method: 'S256',
      }),
      headers: basic(client_id, 's'),
    })
    if (json.error) return { error: json.error }
    const { request_uri } = json
    return redeemed(
      server,
      `/connect/authorize?${new URLSearchParams({ client_id, request_uri })}`,
      client_id,
    )
  },
  'request object'(server, { client_id, ...asked }) {
    const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const claims = {
      ...asked,
      ...{ client_id, redirect_uri: callback, response_type: 'code' },
      ...{ code_challenge: challenge, code_challenge_method: 'S256' },
    }
    const request = `${encoded({ alg: 'none' })}.${encoded(claims)}.`
    const outside = { client_id, request, redirect_uri: callback }
    return redeemed(server, `/connect/authorize?${new URLSearchParams(outside)}`, client_id)
  },
  async password(server, { client_id, ...asked }) {
    const { json } = await server.token(
      present({ ...asked, grant_type: 'password', username: 'alice', password: 'wonderland' }),
      { client: [client_id, 's'] },
    )
    return outcomeOf(json)
  },
}

async function deviceScope(server: TestServer, { client_id, scope }: Asked): Promise<Outcome> {
  const { json } = await server.send('POST', '/connect/deviceauthorization', {
    form: present({ scope }),
    headers: basic(client_id, 's'),
  })
  if (json.error) return { error: json.error }
  const issued = server.logged.findLast(({ event }) => event === 'device_authorization_issued')
  return { scope: [issued?.scope].flat().join(' ') }
}

const ignored = (server: TestServer) =>
  server.logged
    .filter(({ event }) => event === 'parameter_ignored')
    .map(({ parameter, scope, reason }) => `${parameter} ${scope} ${reason}`)

for (const [way, ask] of [...Object.entries(ways), ['device', deviceScope] as const]) {
  test(`scope at ${way}: offline_access is ignored and logged if no refresh token can be issued [OpenID Connect Core 1.0 §11]`, async () => {
    const server = await createTestServer(scopeWorld())
    for (const scope of ['openid profile offline_access', 'offline_access profile openid']) {
      const outcome = await ask(server, { client_id: 'once', scope })
      assert.equal(outcome.scope, 'openid profile', JSON.stringify(outcome))
      assert.ok(!outcome.refreshes)
    }
    const line = 'scope offline_access scope_offline_access_without_refresh'
    assert.ok(ignored(server).includes(line), ignored(server).join())
    // §11 does not apply to a registered scope that is not allowed to a client with the grant.
    assert.equal(
      (await ask(server, { client_id: 'bare', scope: 'openid offline_access' })).error,
      'invalid_scope',
    )
    assert.equal(server.reason(), 'scope_not_allowed')
    assert.equal((await ask(server, { client_id: 'once', scope: 'offline_access' })).error, 'invalid_scope')
    assert.equal(server.reason(), 'scope_empty')
  })

  test(`scope at ${way}: an omitted or empty scope is all that the client is allowed [RFC 6749 §3.3]`, async () => {
    const server = await createTestServer(scopeWorld())
    for (const scope of [undefined, '']) {
      const of = async (client_id: string) =>
        (await ask(server, { client_id, ...(scope !== undefined && { scope }) })).scope
      assert.equal(await of('once'), 'openid profile read')
      assert.equal(await of('lasting'), 'offline_access openid other profile read unowned')
      assert.equal(await of('bare'), 'openid read')
      // Identity scopes need `openid`.
      assert.equal(await of('apionly'), 'read')
    }
    assert.equal((await ask(server, { client_id: 'none' })).error, 'invalid_scope')
    assert.equal(server.reason(), 'scope_empty')
  })

  test(`scope at ${way}: one that is not allowed to the client is invalid_scope, and so is a malformed one [RFC 6749 §3.3]`, async () => {
    const server = await createTestServer(scopeWorld({ unknown_scopes: 'ignore' }))
    for (const [scope, reason] of [
      ['openid write', 'scope_not_allowed'],
      ['openid "', 'scope_malformed'],
      [' ', 'scope_malformed'],
      ['profile', 'scope_openid_missing'],
    ] as const) {
      assert.equal((await ask(server, { client_id: 'once', scope })).error, 'invalid_scope', scope)
      assert.equal(server.reason(), reason, scope)
    }
  })

  test(`scope at ${way}: an unknown one is invalid_scope by default [RFC 6749 §3.3]`, async () => {
    const server = await createTestServer(scopeWorld())
    assert.equal((await ask(server, { client_id: 'once', scope: 'openid any' })).error, 'invalid_scope')
    assert.equal(server.reason(), 'scope_unknown')
  })
}

for (const [way, ask] of Object.entries(ways).filter(([way]) => way !== 'password')) {
  test(`scope at ${way}: unknown scopes are ignored if the server or the client is configured so [OpenID Connect Core 1.0 §3.1.2.1]`, async () => {
    const all = await createTestServer(scopeWorld({ unknown_scopes: 'ignore' }))
    assert.equal(
      (await ask(all, { client_id: 'once', scope: 'openid https://elsewhere.example/x' })).scope,
      'openid',
    )
    assert.ok(ignored(all).includes('scope https://elsewhere.example/x scope_unknown'))
    // Not the default: the client requested a scope.
    assert.equal((await ask(all, { client_id: 'once', scope: 'any' })).error, 'invalid_scope')
    assert.equal(all.reason(), 'scope_empty')
    const one = await createTestServer(scopeWorld())
    assert.equal((await ask(one, { client_id: 'lenient', scope: 'openid any' })).scope, 'openid')
    assert.equal((await ask(one, { client_id: 'once', scope: 'openid any' })).error, 'invalid_scope')
  })
}

for (const [way, ask] of Object.entries(ways))
  test(`scope at ${way}: a request for an API without a scope gets this API’s and the user’s scopes [RFC 8707 §2]`, async () => {
    const server = await createTestServer(scopeWorld())
    const outcome = await ask(server, { client_id: 'lasting', resource: 'https://mcp.example/' })
    assert.deepEqual(outcome, { scope: 'offline_access openid profile read', refreshes: true })
  })

test('scope: unknown scopes are refused at the token endpoint and for devices, whatever is configured', async () => {
  const server = await createTestServer(scopeWorld({ unknown_scopes: 'ignore' }))
  const asked = { client_id: 'once', scope: 'openid any' }
  assert.equal((await ways.password?.(server, asked))?.error, 'invalid_scope')
  assert.equal((await deviceScope(server, asked)).error, 'invalid_scope')
  const { json } = await server.token(
    { grant_type: 'client_credentials', scope: 'read any' },
    { client: ['machine', 's'] },
  )
  assert.equal(json.error, 'invalid_scope')
  assert.equal(server.reason(), 'scope_unknown')
})

test('scope: client_credentials refuses offline_access, and without a scope gets those of the named API [RFC 6749 §4.4]', async () => {
  const server = await createTestServer(scopeWorld())
  const ask = async (form: object) =>
    (await server.token({ grant_type: 'client_credentials', ...form }, { client: ['machine', 's'] })).json
  assert.equal((await ask({ scope: 'read offline_access' })).error, 'invalid_scope')
  assert.equal(server.reason(), 'scope_of_wrong_kind')
  assert.equal((await ask({})).scope, 'other read')
  assert.equal((await ask({ resource: 'https://mcp.example/' })).scope, 'read')
})

test('scope: without a code, offline_access is ignored; only a response with an access token contains the granted scope [RFC 6749 §4.2.2]', async () => {
  const server = await createTestServer(scopeWorld())
  const browser = createBrowser(server)
  const ask = async (response_type: string, scope: string | undefined) => {
    const target = authorizePath({ client_id: 'front', response_type, scope })
    const page = await browser.visit(target)
    return answerOf(page.location === undefined ? await browser.submit(page, alice) : page)
  }
  const token = await ask('id_token token', 'openid read offline_access')
  assert.equal(token.get('scope'), 'openid read')
  assert.ok(ignored(server).includes('scope offline_access scope_offline_access_without_code'))
  assert.equal((await ask('id_token token', undefined)).get('scope'), 'openid read')
  for (const type of ['id_token', 'code id_token']) {
    const answer = await ask(type, undefined)
    assert.equal(answer.get('error'), null)
    assert.equal(answer.get('scope'), null, type)
  }
})

test('scope: the consent page shows what an omitted scope means, and tokens contain the granted one', async () => {
  const world = scopeWorld()
  const server = await createTestServer({
    ...world,
    clients: world.clients.map(client => ({ ...client, require_consent: true })),
  })
  const browser = createBrowser(server)
  const page = await signIn(browser, authorizePath({ client_id: 'once', scope: undefined }))
  for (const name of ['profile', 'read']) assert.ok(page.body.includes(`value="${name}"`), name)
  assert.ok(!page.body.includes('value="other"'))
})

test('scope: compatibility with IdentityServer4 refuses a request without scope and returns it in every response [authorize-029]', async () => {
  const server = await createTestServer(scopeWorld({ compatibility: 'identityserver4' }))
  const browser = createBrowser(server)
  const refused = answerOf(await browser.visit(authorizePath({ client_id: 'once', scope: undefined })))
  assert.equal(refused.get('error'), 'invalid_request')
  assert.equal(server.reason(), 'scope_missing')
  const target = authorizePath({ client_id: 'once', scope: 'openid read offline_access' })
  assert.equal(answerOf(await signIn(browser, target)).get('scope'), 'openid read')
})

test('audience: scopes of no API have the issuer as audience, or its resources as in IdentityServer4', async () => {
  const form = { grant_type: 'password', username: 'alice', password: 'wonderland', scope: 'openid unowned' }
  for (const [compatibility, aud] of [
    ['none', 'https://id.example'],
    ['identityserver4', 'https://id.example/resources'],
  ] as const) {
    const server = await createTestServer(scopeWorld({ compatibility }))
    const { json } = await server.token(form, { client: ['lasting', 's'] })
    assert.equal(claimsOf(json.access_token).aud, aud)
    const owned = await server.token({ ...form, scope: 'read unowned' }, { client: ['lasting', 's'] })
    assert.equal(claimsOf(owned.json.access_token).aud, 'https://mcp.example')
    const { status } = await server.send('GET', '/connect/userinfo', {
      headers: { authorization: `Bearer ${json.access_token}` },
    })
    assert.equal(status, 200)
  }
})
