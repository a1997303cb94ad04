/**
 * Every limit on an input: the largest value that honest clients send is accepted, and a larger one is refused with a
 * reason or ignored completely. It is never truncated: a truncated hint names another user. A parameter without a row
 * fails.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requestLimits } from '../../packages/server/src/authorization-request/parameter-limits.ts'
import { createBrowser, type Page } from '../support/browser.ts'
import { textsOf } from '../support/repository.ts'
import { alice, answerOf, callback, challenge, verifier } from '../support/sign-in.ts'
import { basic, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { assertCovers } from './coverage.ts'

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const longRedirect = `https://app.example/${'r'.repeat(1900)}`
const longApi = `https://api.example/${'a'.repeat(170)}`
const manyScopes = Array.from(
  { length: 95 },
  (_, at) => `https://api.example/scopes/area.${String(at).padStart(9, '0')}`,
)
const groups = (count: number) =>
  Array.from({ length: count }, (_, at) => `3f2504e0-4f89-41d3-9a0c-${String(at).padStart(12, '0')}`)

const input = {
  api_scopes: [...manyScopes.map(name => ({ name })), { name: 'read', claims: ['groups'] }],
  api_resources: [{ name: longApi, scopes: ['read'] }],
  identity_resources: [{ name: 'groups', claims: ['groups'] }],
  users: [
    { sub: '1', username: 'alice', password: 'wonderland', claims: { groups: groups(120) } },
    { sub: '2', username: 'bob', password: 'builder', claims: { groups: groups(900) } },
  ],
  clients: [
    {
      client_id: 'w'.repeat(100),
      client_secrets: [{ value: 's'.repeat(512) }],
      redirect_uris: [callback, longRedirect],
      grant_types: ['authorization_code', 'implicit', 'refresh_token', 'password', exchange],
      response_types: ['code', 'code id_token token'],
      scope: `openid groups read offline_access ${manyScopes.join(' ')}`,
      always_include_user_claims_in_id_token: true,
      request_object_signing_alg: 'none',
    },
  ],
}
const client = ['w'.repeat(100), 's'.repeat(512)] as const

const request = {
  client_id: client[0],
  redirect_uri: callback,
  response_type: 'code',
  scope: 'openid read',
  code_challenge: challenge,
  code_challenge_method: 'S256',
}
type Changes = Readonly<Record<string, string>>

/** Posts an authorization request, because headers limit a query. */
async function authorize(server: TestServer, changes: Changes): Promise<Page> {
  const browser = createBrowser(server)
  const page = await browser.request('POST', '/connect/authorize', { form: { ...request, ...changes } })
  return page.location?.startsWith('/') ? browser.visit(page.location) : page
}

const isSignIn = (page: Page): boolean => page.form !== undefined && 'username' in page.form.fields

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
const unsigned = (claims: object) => `${encoded({ alg: 'none' })}.${encoded({ ...request, ...claims })}.`

async function tokensOf(server: TestServer, username: string, password: string) {
  const { json } = await server.token(
    { grant_type: 'password', username, password, scope: 'openid read' },
    { client },
  )
  return json
}

/** The ID token of a user, with all their groups. */
async function idTokenOf(server: TestServer, user = alice): Promise<string> {
  const browser = createBrowser(server)
  const first = await browser.visit(
    `/connect/authorize?${new URLSearchParams({ ...request, scope: 'openid groups' })}`,
  )
  const code = answerOf(await browser.submit(first, user)).get('code') ?? ''
  const { json } = await server.token(
    { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier },
    { client },
  )
  return json.id_token
}

type Row = {
  /** The largest honest value; none: the parameter is not supported. */
  readonly honest?: string
  /** Other parameters of the same request. */
  readonly beside?: Changes
  readonly above: string
  /** Ignored, or the reason of the refusal. */
  readonly outcome: string
}

const long = (length: number, letter = 'x') => letter.repeat(length)

const rows: Readonly<Record<string, Row>> = {
  client_id: { honest: client[0], above: long(101), outcome: 'client_unknown' },
  redirect_uri: { honest: longRedirect, above: `${longRedirect}r`, outcome: 'redirect_uri_not_registered' },
  response_type: {
    honest: 'code id_token token',
    beside: { nonce: 'n' },
    above: long(5000),
    outcome: 'response_type_unknown',
  },
  response_mode: { honest: 'form_post', above: long(5000), outcome: 'response_mode_unknown' },
  scope: { honest: manyScopes.slice(0, 90).join(' '), above: long(4097), outcome: 'parameter_too_long' },
  state: { honest: long(6000), above: long(8001), outcome: 'request_too_long' },
  nonce: { honest: long(300), above: long(301), outcome: 'parameter_too_long' },
  code_challenge: { honest: long(128), above: long(129), outcome: 'code_challenge_malformed' },
  code_challenge_method: {
    honest: 'S256',
    above: long(5000, 'S'),
    outcome: 'code_challenge_method_not_allowed',
  },
  dpop_jkt: { honest: long(43), above: long(44), outcome: 'dpop_jkt_malformed' },
  prompt: { honest: 'login consent select_account', above: long(5000), outcome: 'prompt_unknown' },
  max_age: { honest: long(4000, '9'), above: `${long(4000, '9')}x`, outcome: 'max_age_malformed' },
  acr_values: {
    honest: Array.from({ length: 20 }, (_, at) => `urn:example:${long(85)}:${at % 10}`).join(' '),
    above: long(2049),
    outcome: 'parameter_too_long',
  },
  resource: { honest: longApi, above: `${longApi}${long(5000)}`, outcome: 'resource_unknown' },
  claims: {
    honest: JSON.stringify({ id_token: { sub: { values: [long(4000)] } } }),
    above: JSON.stringify({ id_token: { sub: { values: [long(4096)] } } }),
    outcome: 'parameter_too_long',
  },
  registration: { above: '{}', outcome: 'parameter_not_supported' },
  id_token_hint: { honest: 'of 900 groups', above: long(60_000), outcome: 'id_token_hint_invalid' },
  login_hint: { honest: `${long(244)}@example.com`, above: `${long(245)}@example.com`, outcome: 'ignored' },
  ui_locales: { honest: `fr ${long(997)}`, above: `fr ${long(998)}`, outcome: 'ignored' },
  claims_locales: { honest: `ja ${long(997)}`, above: `ja ${long(998)}`, outcome: 'ignored' },
  display: { honest: 'popup', above: long(5000), outcome: 'ignored' },
  request: {
    honest: unsigned({ state: long(6000) }),
    above: long(65_537 - 600),
    outcome: 'request_object_malformed',
  },
  request_uri: { above: `https://app.example/${long(600)}`, outcome: 'parameter_too_long' },
}

test('input limits: every parameter of an authorization request has a row', () => {
  assertCovers(Object.keys(rows), Object.keys(requestLimits), 'parameter')
})

for (const [name, { honest, beside = {}, above, outcome }] of Object.entries(rows)) {
  if (honest !== undefined)
    test(`input limits: with the largest honest ${name}, the user can sign in`, async () => {
      const server = await createTestServer(input)
      const value =
        name === 'id_token_hint'
          ? await idTokenOf(server, { ...alice, username: 'bob', password: 'builder' })
          : honest
      const page = await authorize(server, { ...beside, [name]: value })
      assert.ok(isSignIn(page), `${page.status} ${server.reason()} ${page.text.slice(0, 200)}`)
      assert.ok(!server.logged.some(({ event }) => event === 'parameter_ignored'))
    })

  test(`input limits: a larger ${name} is ${outcome === 'ignored' ? 'ignored whole, and the user signs in' : `refused: ${outcome}`}`, async () => {
    const server = await createTestServer(input)
    const page = await authorize(server, { ...beside, [name]: above })
    if (outcome !== 'ignored') return assert.equal(server.reason(), outcome)
    assert.ok(isSignIn(page), `${page.status} ${server.reason()}`)
    assert.ok(!page.body.includes(above.slice(0, 50)), 'a part of it is on the page')
    const logged = server.logged.filter(({ event }) => event === 'parameter_ignored')
    assert.deepEqual(
      logged.map(({ parameter, reason }) => ({ parameter, reason })),
      [{ parameter: name, reason: 'parameter_too_long' }],
    )
  })
}

for (const [name, { above, outcome }] of Object.entries(rows).filter(
  ([, row]) => row.outcome === 'ignored',
)) {
  test(`input limits: a larger ${name} is ${outcome} in a pushed request and in a request object too`, async () => {
    const server = await createTestServer(input)
    const pushed = await server.send('POST', '/connect/par', {
      form: { ...request, [name]: above },
      headers: basic(...client),
    })
    assert.equal(pushed.status, 201, JSON.stringify(pushed.json))
    const { request_uri } = pushed.json
    const query = new URLSearchParams({ client_id: client[0], request_uri })
    assert.ok(isSignIn(await createBrowser(server).visit(`/connect/authorize?${query}`)))
    assert.ok(isSignIn(await authorize(server, { request: unsigned({ [name]: above }) })))
    const ignored = server.logged.filter(({ event }) => event === 'parameter_ignored')
    assert.deepEqual(
      ignored.map(({ endpoint, parameter }) => `${endpoint} ${parameter}`),
      [`par ${name}`, `authorize ${name}`],
    )
  })
}

test('input limits: an unknown parameter is ignored however long it and its name are [RFC 6749 §3.1, §3.2]', async () => {
  const server = await createTestServer(input)
  const strange = { unknown: long(20_000), [long(200)]: '1' }
  assert.ok(isSignIn(await authorize(server, strange)))
  const { status } = await server.token(
    { grant_type: 'password', username: 'alice', password: 'wonderland', scope: 'openid', ...strange },
    { client },
  )
  assert.equal(status, 200)
})

test('input limits: a max_age above 2³¹ counts as 2³¹, and a number has only digits [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const server = await createTestServer(input)
  for (const max_age of ['2147483648', '99999999999', long(300, '9'), '007'])
    assert.ok(isSignIn(await authorize(server, { max_age })), max_age)
  for (const max_age of ['+5', '-1', '5.0', ' 5', '5 ', '0x10', '1e3', '٣', 'NaN', 'Infinity']) {
    await authorize(server, { max_age })
    assert.equal(server.reason(), 'max_age_malformed', max_age)
  }
  // Empty counts as omitted; a JSON number may have an exponent.
  assert.ok(isSignIn(await authorize(server, { max_age: '' })))
  assert.ok(isSignIn(await authorize(server, { request: unsigned({ max_age: 1e21 }) })))
  assert.ok(!isSignIn(await authorize(server, { request: unsigned({ max_age: 1.5 }) })))
})

test('input limits: a state of 6000 characters is returned unchanged', async () => {
  const server = await createTestServer(input)
  const state = `${long(3000)}ü%&= ${long(2900)}`
  const browser = createBrowser(server)
  const login = await browser.visit(`/connect/authorize?${new URLSearchParams({ ...request, state })}`)
  assert.equal(answerOf(await browser.submit(login, alice)).get('state'), state)
})

test('input limits: every token that this server issues is accepted by it, for users in 120 and in 900 groups', async () => {
  const server = await createTestServer(input)
  for (const user of [alice, { ...alice, username: 'bob', password: 'builder' }]) {
    const { access_token } = await tokensOf(server, user.username, user.password)
    assert.ok(access_token.length > 6000)
    const exchanged = await server.token(
      {
        ...{ grant_type: exchange, scope: 'read' },
        ...{
          subject_token: access_token,
          subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        },
      },
      { client },
    )
    assert.equal(exchanged.status, 200, JSON.stringify(exchanged.json))
    const introspected = await server.send('POST', '/connect/introspect', {
      form: { token: access_token },
      headers: basic(...client),
    })
    assert.equal(introspected.json.active, true)
    const userinfo = await server.send('POST', '/connect/userinfo', { form: { access_token } })
    assert.equal(userinfo.status, 200)

    const id_token_hint = await idTokenOf(server, user)
    assert.ok(id_token_hint.length > 6000)
    const { sub } = claimsOf(id_token_hint)
    const login = await authorize(server, { id_token_hint })
    assert.ok(isSignIn(login), `${login.status} ${server.reason()}`)
    const pushed = await server.send('POST', '/connect/par', {
      form: { ...request, id_token_hint },
      headers: basic(...client),
    })
    assert.equal(pushed.status, 201, `${sub}: ${JSON.stringify(pushed.json)}`)
    const ended = await server.send('POST', '/connect/endsession', { form: { id_token_hint } })
    assert.equal(ended.status, 303)
    assert.equal(
      (
        await server.send('POST', '/connect/revocation', {
          form: { token: access_token },
          headers: basic(...client),
        })
      ).status,
      200,
    )
    assert.equal((await server.send('POST', '/connect/userinfo', { form: { access_token } })).status, 401)
  }
})

test('input limits: a long id_token_hint still identifies the expected user, after the sign-in too [OpenID Connect Core 1.0 §3.1.2.1]', async () => {
  const server = await createTestServer(input)
  const id_token_hint = await idTokenOf(server)
  for (const [user, error] of [
    [alice, null],
    [{ ...alice, username: 'bob', password: 'builder' }, 'login_required'],
  ] as const) {
    const browser = createBrowser(server)
    const login = await browser.visit(
      `/connect/authorize?${new URLSearchParams({ ...request, id_token_hint })}`,
    )
    // The pages carry the content of the hint, not the hint itself.
    assert.ok(login.target.length < 3000, `${login.target.length}`)
    assert.equal(answerOf(await browser.submit(login, user)).get('error'), error)
  }
})

/** Reads the tables of limits and the names that are read from the sources. */
const sources = [...textsOf('packages/server/src/**/*.ts')]
const limited = new Set(
  sources.flatMap(([, text]) =>
    [...text.matchAll(/\b(\w+): (?:\[(?:\d[\d_]*|max\w+)(?:, '\w+')?\]|whole|anyLength)/g)].map(
      ([, name]) => name,
    ),
  ),
)
const ofForms = /\b(?:parameters|form|query|read|value|outside)(?:\.value)?\??\.(?:get|all)\(\s*'([a-z_]+)'/g

test('input limits: every parameter that an endpoint reads has a limit, because unknown ones are ignored when they are long', () => {
  const read = new Set(
    sources
      .filter(([path]) => !path.includes('/cli/'))
      .flatMap(([, text]) => [...text.matchAll(ofForms)].map(([, name]) => name)),
  )
  assert.ok(read.size > 50, `only ${read.size} were found`)
  const declared = [
    'subject_token',
    'actor_token',
    'actor_token_type',
    'assertion',
    'requested_token_type',
    'identity',
  ]
  assert.deepEqual(
    [...read].filter(name => !limited.has(name) && !declared.includes(name ?? '')),
    [],
  )
})
