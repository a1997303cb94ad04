/**
 * A request without a parameter gets the same wherever it is sent: by GET or POST, pushed, in a request object, from a
 * device or with a password. A difference is listed with its reason.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser, type Page } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, callback, challenge, pagesWorld, signIn, verifier } from '../support/sign-in.ts'
import { claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'

const device = 'urn:ietf:params:oauth:grant-type:device_code'
const client = ['all', 'a-secret-that-is-long-enough'] as const
const clientOf = (changes: object) => ({
  ...pagesWorld,
  api_scopes: [{ name: 'read' }, { name: 'write' }, { name: 'other' }],
  api_resources: [
    { name: 'https://api.example', scopes: ['read', 'write'] },
    { name: 'https://other.example', scopes: ['other'] },
  ],
  clients: [
    {
      client_id: client[0],
      client_secrets: [{ value: client[1] }],
      redirect_uris: [callback],
      grant_types: ['authorization_code', 'refresh_token', 'password', 'client_credentials', device],
      scope: 'openid profile read write other offline_access',
      request_object_signing_alg: 'none',
      ...changes,
    },
  ],
})

type Form = Readonly<Record<string, string>>
const request = {
  ...{ client_id: client[0], redirect_uri: callback, response_type: 'code', state: 's' },
  ...{ code_challenge: challenge, code_challenge_method: 'S256' },
}
const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
const objectOf = (claims: object) => `${encoded({ alg: 'none' })}.${encoded(claims)}.`

const redeem = (server: TestServer, page: Page) =>
  server.token(
    {
      ...{ grant_type: 'authorization_code', code: answerOf(page).get('code') ?? '' },
      ...{ redirect_uri: callback, code_verifier: verifier },
    },
    { client },
  )
const visit = (server: TestServer, form: Form) =>
  signIn(createBrowser(server), `/connect/authorize?${new URLSearchParams(form)}`)

/** The ways to request a user's tokens; each returns the token response. */
const ways: Readonly<Record<string, (server: TestServer, form: Form) => ReturnType<TestServer['token']>>> = {
  'GET authorize': async (server, form) => redeem(server, await visit(server, { ...request, ...form })),
  'POST authorize': async (server, form) => {
    const browser = createBrowser(server)
    const page = await browser.request('POST', '/connect/authorize', { form: { ...request, ...form } })
    return redeem(server, await browser.submit(await browser.visit(page.location ?? ''), alice))
  },
  'a pushed request': async (server, form) => {
    const pushed = await server.send('POST', '/connect/par', {
      form: { ...request, ...form, client_secret: client[1] },
    })
    const { request_uri } = pushed.json
    return redeem(server, await visit(server, { client_id: client[0], request_uri }))
  },
  'a request object': async (server, form) =>
    redeem(server, await visit(server, { ...request, request: objectOf({ ...request, ...form }) })),
  'a pushed request object': async (server, form) => {
    const pushed = await server.send('POST', '/connect/par', {
      form: { client_id: client[0], client_secret: client[1], request: objectOf({ ...request, ...form }) },
    })
    const { request_uri } = pushed.json
    return redeem(server, await visit(server, { client_id: client[0], request_uri }))
  },
  'the device grant': async (server, form) => {
    const { json } = await server.send('POST', '/connect/deviceauthorization', {
      form: { client_id: client[0], client_secret: client[1], ...form },
    })
    const browser = createBrowser(server)
    const at = new URL(json.verification_uri_complete)
    let page = await browser.visit(at.pathname + at.search)
    const steps: readonly Form[] = [{}, alice, { button: 'yes' }]
    for (const step of steps) page = await browser.submit(page, step)
    return server.token({ grant_type: device, device_code: json.device_code }, { client })
  },
  'the password grant': (server, form) =>
    server.token({ grant_type: 'password', username: 'alice', password: 'wonderland', ...form }, { client }),
}

/** `default_scopes` of the first API, and those of the second if it has some. */
const withDefaults = (first: readonly string[], second?: readonly string[]) => ({
  ...clientOf({}),
  api_resources: [
    { name: 'https://api.example', scopes: ['read', 'write'], default_scopes: first },
    { name: 'https://other.example', scopes: ['other'], ...(second && { default_scopes: second }) },
  ],
})

for (const [way, ask] of Object.entries(ways)) {
  test(`endpoint defaults: without a scope, ${way} gets what the client is allowed [RFC 6749 §3.3]`, async () => {
    const { status, json } = await ask(await createTestServer(clientOf({})), {})
    assert.equal(status, 200, JSON.stringify(json))
    assert.equal(json.scope, 'offline_access openid other profile read write')
    assert.ok(json.refresh_token)
  })

  test(`endpoint defaults: without the grant refresh_token, ${way} gets no offline_access [OpenID Connect Core 1.0 §11]`, async () => {
    const grant_types = ['authorization_code', 'password', device]
    for (const form of [{}, { scope: 'openid profile read write other offline_access' }] as Form[]) {
      const { json } = await ask(await createTestServer(clientOf({ grant_types })), form)
      assert.equal(json.scope, 'openid other profile read write')
      assert.equal(json.refresh_token, undefined)
    }
  })

  test(`endpoint defaults: without a scope and with a resource, ${way} gets the scopes of that API [RFC 8707 §2]`, async () => {
    const { json } = await ask(await createTestServer(clientOf({})), { resource: 'https://api.example/' })
    assert.equal(json.scope, 'offline_access openid profile read write')
  })

  test(`endpoint defaults: without a scope and with a resource, ${way} gets exactly the default_scopes of that API`, async () => {
    const resource = 'https://api.example/'
    const own = await createTestServer(withDefaults(['read']))
    const { json } = await ask(own, { resource })
    assert.equal(json.scope, 'read', JSON.stringify(json))
    assert.deepEqual(
      [claimsOf(json.access_token).aud, json.refresh_token, json.id_token],
      ['https://api.example', undefined, undefined],
    )
    const more = await createTestServer(withDefaults(['read', 'openid', 'offline_access']))
    const lasting = (await ask(more, { resource })).json
    assert.equal(lasting.scope, 'offline_access openid read')
    assert.ok(lasting.refresh_token)
    // A request that names its scope, or no resource, is as before.
    assert.equal((await ask(own, { resource, scope: 'write' })).json.scope, 'write')
    assert.equal((await ask(own, {})).json.scope, 'offline_access openid other profile read write')
    // An API without the key contributes what it always does.
    const other = await ask(own, { resource: 'https://other.example' })
    assert.equal(other.json.scope, 'offline_access openid other profile')
  })

  test(`endpoint defaults: the default_scopes of an API give ${way} nothing that the client may not have`, async () => {
    const resource = 'https://api.example'
    const { clients, ...rest } = withDefaults(['read', 'write', 'openid', 'offline_access'])
    const server = await createTestServer({
      ...rest,
      clients: clients.map(one => ({
        ...one,
        grant_types: ['authorization_code', 'password', device],
        scope: 'profile read other offline_access',
      })),
    })
    // Without openid there are no identity scopes, and without the grant there is no offline_access.
    assert.equal((await ask(server, { resource })).json.scope, 'read')
  })
}

for (const [way, ask] of Object.entries(ways).filter(
  ([way]) => way.includes('pushed') || way.startsWith('the'),
))
  test(`endpoint defaults: empty default_scopes make ${way} name its scope`, async () => {
    const server = await createTestServer(withDefaults([]))
    const resource = 'https://api.example'
    if (way === 'the password grant')
      assertRefused(await ask(server, { resource }), 'invalid_scope', 'scope_empty')
    else {
      const path = way === 'the device grant' ? '/connect/deviceauthorization' : '/connect/par'
      const form = way.includes('object')
        ? { request: objectOf({ ...request, resource }) }
        : { ...request, resource }
      const credentials = { client_id: client[0], client_secret: client[1] }
      const refused = await server.send('POST', path, { form: { ...form, ...credentials } })
      assert.deepEqual([refused.json.error, server.reason()], ['invalid_scope', 'scope_empty'])
    }
    assert.equal((await ask(server, { resource, scope: 'read' })).json.scope, 'read')
  })

test('endpoint defaults: empty default_scopes make an authorization request name its scope', async () => {
  const server = await createTestServer(withDefaults([]))
  const form = { ...request, resource: 'https://api.example' }
  const refused = await server.send('GET', `/connect/authorize?${new URLSearchParams(form)}`)
  const answer = new URL(`${refused.headers.location}`).searchParams
  assert.deepEqual([answer.get('error'), answer.get('iss')], ['invalid_scope', 'https://id.example'])
  assert.equal(server.reason(), 'scope_empty')
})

test('endpoint defaults: several resources give the default_scopes of each', async () => {
  const ask = async (first: readonly string[], second?: readonly string[]) => {
    const server = await createTestServer(withDefaults(first, second))
    const query = new URLSearchParams(request)
    for (const name of ['https://api.example', 'https://other.example']) query.append('resource', name)
    return (await redeem(server, await signIn(createBrowser(server), `/connect/authorize?${query}`))).json
  }
  assert.equal((await ask(['read'], ['other'])).scope, 'other read')
  assert.equal(
    (await ask(['read', 'openid'], ['other', 'offline_access'])).scope,
    'offline_access openid other read',
  )
  assert.equal((await ask(['read'])).scope, 'offline_access openid other profile read')
})

test('endpoint defaults: a refresh gets the original scope, not the default_scopes of the API [RFC 6749 §6]', async () => {
  const server = await createTestServer(withDefaults(['read'], ['other']))
  const scope = 'read write other offline_access'
  const { json } = await redeem(server, await visit(server, { ...request, scope }))
  const refreshed = await server.token(
    { grant_type: 'refresh_token', refresh_token: json.refresh_token, resource: 'https://api.example' },
    { client },
  )
  assert.equal(refreshed.json.scope, 'offline_access read write')
})

test('endpoint defaults: client_credentials and extension grants get the API scopes among the default_scopes', async () => {
  const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const { clients, ...rest } = withDefaults(['read', 'openid', 'offline_access'])
  const server = await createTestServer({
    ...rest,
    clients: clients.map(one => ({ ...one, grant_types: [...one.grant_types, exchange] })),
  })
  const resource = 'https://api.example'
  const ask = (form: Form) => server.token({ resource, ...form }, { client })
  const machine = await ask({ grant_type: 'client_credentials' })
  assert.equal(machine.json.scope, 'read')
  const source = async (scope: string) => ({
    grant_type: exchange,
    subject_token: (await ask({ grant_type: 'client_credentials', scope })).json.access_token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  })
  assert.equal((await ask(await source('read write'))).json.scope, 'read')
  assert.equal((await ask({ ...(await source('read write')), scope: 'write' })).json.scope, 'write')
  // At most what the subject token has.
  assertRefused(await ask(await source('write')), 'invalid_scope', 'scope_empty')
})

test('endpoint defaults: without a scope, client_credentials gets the API scopes, with a resource those of the API', async () => {
  const server = await createTestServer(clientOf({}))
  for (const [form, scope] of [
    [{}, 'other read write'],
    [{ resource: 'https://api.example' }, 'read write'],
  ] as const) {
    const { json } = await server.token({ grant_type: 'client_credentials', ...form }, { client })
    assert.equal(json.scope, scope)
  }
})

test('endpoint defaults: redirect_uri is required, however an authorization request is sent [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const server = await createTestServer(clientOf({}))
  const { redirect_uri: _, ...rest } = request
  const refusals = [
    await server.send('GET', `/connect/authorize?${new URLSearchParams(rest)}`),
    await server.send('POST', '/connect/authorize', { form: rest }),
    await server.send(
      'GET',
      `/connect/authorize?${new URLSearchParams({ ...rest, request: objectOf(rest) })}`,
    ),
    await server.send('POST', '/connect/par', { form: { ...rest, client_secret: client[1] } }),
  ]
  for (const { reason } of refusals) assert.equal(reason, 'redirect_uri_missing')
  assertRefused(refusals[3]!, 'invalid_request', 'redirect_uri_missing')
})
