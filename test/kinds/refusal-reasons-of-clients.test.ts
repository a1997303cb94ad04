/** Reasons of refusals that need a client, a user or a token of a certain kind. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { challenge, redirectUri } from '../support/issue-code.ts'
import { manage, register } from '../support/registering.ts'
import { type Answer, createTestServer, type Form, startOfTime, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const client_secrets = [{ value: secret }]
const key = {
  ...{ kty: 'EC', crv: 'P-256', alg: 'ES256' },
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
}
const input = {
  ...withClients(
    {
      client_id: 'asserting',
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key] },
      grant_types: ['client_credentials'],
      scope: 'api1',
    } as never,
    {
      client_id: 'both',
      client_secrets,
      grant_types: ['client_credentials'],
      scope: 'api1 other_api',
    } as never,
  ),
  api_resources: world.api_resources.map(api => ({
    ...api,
    access_token_signing_alg: api.name === 'urn:api' ? 'ES256' : 'PS256',
  })),
  registration: {
    mode: 'open',
    allowed_grant_types: ['authorization_code', 'client_credentials'],
    allowed_scope: 'openid api1',
    trusted_software_issuers: [{ issuer: 'https://store.example', jwks: { keys: [key] } }],
  },
}

const machine = { grant_type: 'client_credentials', scope: 'api1' }
const token = (form: Form, client?: string) => (server: TestServer) =>
  server.token(form, client === undefined ? {} : { client: [client, secret] })

const asked = {
  client_id: 'web',
  response_type: 'code',
  redirect_uri: redirectUri,
  scope: 'openid api1',
  code_challenge: challenge,
  code_challenge_method: 'S256',
}
const authorize = (more: Record<string, string>) => (server: TestServer) =>
  server.send('GET', `/connect/authorize?${new URLSearchParams({ ...asked, ...more })}`)
/** Without a signature: it proves no more than parameters (OpenID Connect Core 1.0 §6.1). */
const object = (claims: object): string =>
  `${[{ alg: 'none' }, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`
const byObject = (claims: object, more: Record<string, string> = {}) =>
  authorize({ request: object({ ...asked, ...claims }), ...more })

const statement = (claims: object): string => `${object(claims)}AAAA`
const registering = (metadata: object) => (server: TestServer) =>
  register(server, { redirect_uris: [redirectUri], ...metadata })
const updating = (change: (client: Record<string, string>) => object) => async (server: TestServer) => {
  const { json: client } = await register(server, { redirect_uris: [redirectUri] })
  return manage(server, 'PUT', client, { redirect_uris: [redirectUri], ...change(client) })
}

const refusals: Readonly<
  Record<string, readonly (readonly [string, (server: TestServer) => Promise<Answer>])[]>
> = {
  resource_malformed: [
    ['no URI', token({ ...machine, resource: 'x' }, 'client')],
    ['a relative URI', token({ ...machine, resource: '/api' }, 'client')],
    ['a fragment', token({ ...machine, resource: 'https://api.example/#x' }, 'client')],
  ],
  signing_algorithms_conflict: [['two APIs', token({ ...machine, scope: 'api1 other_api' }, 'both')]],
  client_assertion_missing: [['only a client_id', token({ ...machine, client_id: 'asserting' })]],
  parameter_not_supported: [['registration', authorize({ registration: '{}' })]],
  pushed_request_by_reference: [
    [
      'request_uri',
      server =>
        server.send('POST', '/connect/par', {
          form: { ...asked, client_secret: secret, request_uri: 'https://app.example/object' },
        }),
    ],
  ],
  request_object_expired: [
    ['long ago', byObject({ exp: 1 })],
    ['by the whole skew', byObject({ exp: startOfTime - 60 })],
    ['not yet by more than the skew', byObject({ nbf: startOfTime + 61 })],
    ['not yet', byObject({ nbf: 4_000_000_000 })],
    ['no number', byObject({ exp: '4000000000' })],
  ],
  request_object_mismatch: [['response_type', byObject({}, { response_type: 'code id_token' })]],
  request_object_parameters_malformed: [['U+0000', byObject({ state: 'a\0b' })]],
  token_too_long: [
    [
      'at userinfo',
      server =>
        server.send('GET', '/connect/userinfo', {
          headers: { authorization: `Bearer ${'x'.repeat(65_537)}` },
        }),
    ],
  ],
  client_update_malformed: [
    ['no client_id', updating(() => ({}))],
    ['another client_id', updating(() => ({ client_id: 'web' }))],
    ['another secret', updating(({ client_id }) => ({ client_id, client_secret: 'x' }))],
    ['a time of its own', updating(({ client_id }) => ({ client_id, client_id_issued_at: 1 }))],
  ],
  software_statement_invalid: [
    ['no JWT', registering({ software_statement: 'x' })],
    ['no text', registering({ software_statement: 1 })],
    ['not signed', registering({ software_statement: statement({ iss: 'https://store.example' }) })],
  ],
  software_statement_issuer_unknown: [
    ['a stranger', registering({ software_statement: statement({ iss: 'https://other.example' }) })],
    ['nobody', registering({ software_statement: statement({}) })],
  ],
}

for (const [reason, cases] of Object.entries(refusals))
  for (const [what, ask] of cases)
    test(`refused: ${reason}, ${what}`, async () => {
      const server = await createTestServer(input)
      const answer = await ask(server)
      assert.equal(answer.reason, reason, `${answer.status} ${answer.headers.location ?? answer.body}`)
      assert.ok(answer.status >= 300, `status ${answer.status}`)
      assert.equal(answer.json?.access_token, undefined)
    })

test('refused: software_statement_missing, if one is required', async () => {
  const server = await createTestServer({
    ...input,
    registration: { ...input.registration, require_software_statement: true },
  })
  assert.equal(
    (await register(server, { redirect_uris: [redirectUri] })).reason,
    'software_statement_missing',
  )
})

test('refused: prompt_create_with_others, if sign-up is enabled', async () => {
  const server = await createTestServer({ ...input, accounts: { sign_up: true, email_verification: 'off' } })
  assert.equal((await authorize({ prompt: 'create login' })(server)).reason, 'prompt_create_with_others')
})

test('refused: user_code_unknown, and after many user_code_guesses_exhausted [RFC 8628 §5.1]', async () => {
  const server = await createTestServer(input)
  const browser = createBrowser(server)
  const reasons: unknown[] = []
  for (let guess = 0; guess < 40 && !reasons.includes('user_code_guesses_exhausted'); guess++) {
    await browser.submit(await browser.visit('/device'), { user_code: 'BBBB-BBBB' })
    reasons.push(server.reason())
  }
  assert.equal(reasons[0], 'user_code_unknown')
  assert.equal(reasons.at(-1), 'user_code_guesses_exhausted')
})

test('request object: an unsigned one is accepted within the clock skew', async () => {
  const server = await createTestServer(input)
  for (const claims of [{ exp: startOfTime - 59 }, { nbf: startOfTime + 60 }]) {
    const answer = await byObject(claims)(server)
    assert.match(String(answer.headers.location), /^\/login\?/, JSON.stringify(claims))
  }
})
