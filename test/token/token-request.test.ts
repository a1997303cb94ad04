import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { assertRefused } from '../support/refused.ts'
import { createTestServer, issuer, startOfTime } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const client = ['client', secret] as const
const form = 'grant_type=client_credentials&scope=api1'

test('token: a request without grant_type is invalid_request [RFC 6749 §5.2]', async () => {
  const server = await createTestServer(world)
  const { status, json, reason } = await server.token('scope=api1', { client })
  assert.equal(status, 400)
  assertRefused({ json, reason }, 'invalid_request', 'grant_type_missing')
})

for (const grant_type of ['nonsense', 'x'.repeat(101)]) {
  test(`token: a grant_type of ${grant_type.length} unknown characters is unsupported_grant_type [token-general-002] [token-ext-007]`, async () => {
    const server = await createTestServer(world)
    const { status, json } = await server.token({ grant_type }, { client })
    assert.equal(status, 400)
    assert.equal(json.error, 'unsupported_grant_type')
  })
}

for (const type of [
  'application/x-www-form-urlencoded; charset=utf-8',
  'application/x-www-form-urlencoded;charset=UTF-8',
  'Application/X-WWW-Form-URLencoded ; charset="utf-8"',
]) {
  test(`token: the media type may have parameters: ${type} [token-general-005] [token-general-006]`, async () => {
    const server = await createTestServer(world)
    const { status } = await server.token(form, { client, headers: { 'content-type': type } })
    assert.equal(status, 200)
    const password = { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1' }
    const signedIn = await server.token(password, {
      client: ['roclient', secret],
      headers: { 'content-type': type },
    })
    assert.equal(signedIn.status, 200)
  })
}

for (const body of [`${form}&x=%FF`, `${form}&x=%00`, `${form}&x=%E4%A`, `${form}&x=\uFFFD`, `${form}&x=%`]) {
  test(`token: invalid text encoding is invalid_request: ${encodeURI(body.slice(form.length))} [token-general-007]`, async () => {
    const server = await createTestServer(world)
    const { status, json, reason } = await server.token(body, { client })
    assert.equal(status, 400)
    assertRefused({ json, reason }, 'invalid_request', 'malformed_encoding')
  })
}

for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD']) {
  test(`token: ${method} is 405 with Allow and no-store`, async () => {
    const server = await createTestServer(world)
    const { status, headers } = await server.send(method, '/connect/token')
    assert.equal(status, 405)
    assert.match(String(headers.allow), /POST/)
    assert.match(String(headers['cache-control']), /no-store/)
  })
}

for (const type of [
  'application/json',
  'text/plain',
  'multipart/form-data',
  'application/x-www-form-urlencodedx',
]) {
  test(`token: a body of ${type} is invalid_request [token-general-009]`, async () => {
    const server = await createTestServer(world)
    const { status, json, reason } = await server.token(form, { client, headers: { 'content-type': type } })
    assert.equal(status, 400)
    assertRefused({ json, reason }, 'invalid_request', 'media_type_not_form')
  })
}

test('token: success and errors are JSON that may not be cached [token-general-011]', async () => {
  const server = await createTestServer(world)
  for (const body of [form, 'grant_type=x', '']) {
    const { headers } = await server.token(body, { client })
    assert.equal(headers['cache-control'], 'no-store, no-cache, max-age=0')
    assert.equal(headers.pragma, 'no-cache')
    assert.match(String(headers['content-type']), /^application\/json; charset=utf-8$/i)
  }
})

for (const twice of [
  'grant_type=client_credentials',
  'scope=api1',
  'client_id=client',
  'whatever=1',
  'scope=',
]) {
  test(`token: a repeated parameter is invalid_request: ${twice} [RFC 6749 §3.2]`, async () => {
    const server = await createTestServer(world)
    const { json, reason } = await server.token(`${form}&client_id=client&whatever=1&${twice}`, { client })
    assertRefused({ json, reason }, 'invalid_request', 'repeated_parameter')
  })
}

test('token: an empty parameter counts as omitted [RFC 6749 §3.2]', async () => {
  const server = await createTestServer(world)
  const { json } = await server.token('grant_type=client_credentials&scope=&resource=', { client })
  assert.equal(json.scope, 'api1 api2 other_api')
})

test('token: malformed parameters are refused before the client is authenticated', async () => {
  const server = await createTestServer(world)
  const { status, json, reason } = await server.token(`${form}&scope=api2`, { client: ['client', 'wrong'] })
  assert.equal(status, 400)
  assertRefused({ json, reason }, 'invalid_request', 'repeated_parameter')
})

test('token: every refusal is logged with its reason, client and request id, without secrets', async () => {
  const server = await createTestServer(world)
  await server.token(
    { grant_type: 'password', username: 'bob', password: 'hunter2', scope: 'api1' },
    {
      client: ['roclient', secret],
    },
  )
  const entry = server.logged.find(({ event }) => event === 'refused')
  assert.equal(entry?.reason, 'credentials_refused')
  assert.equal(entry?.client_id, 'roclient')
  assert.ok(entry?.request_id)
  assert.doesNotMatch(JSON.stringify(server.logged), /hunter2|"secret"/)
})

/** Credentials of every grant; a grant that does not read one ignores it. */
const credentials = {
  ...{ password: 'x', code: 'x', code_verifier: 'x', refresh_token: 'x', device_code: 'x' },
  ...{ assertion: 'x', subject_token: 'x', actor_token: 'x' },
}

test('validators.tokenRequest: gets the request without credentials', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const seen: (readonly string[])[] = []
  const server = await createTestServer({
    ...withClients({
      client_id: 'signing',
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [publicKey.export({ format: 'jwk' })] },
      grant_types: ['client_credentials'],
      scope: 'api1',
    } as never),
    validators: {
      tokenRequest: ({ parameters }: { parameters: ReadonlyMap<string, string> }) => {
        seen.push([...parameters.keys()].sort())
        return { ok: true }
      },
    },
  })
  const asked = { grant_type: 'client_credentials', scope: 'api1', extra: 'x', ...credentials }
  const posted = await server.token({ ...asked, client_id: 'client', client_secret: secret })
  assert.equal(posted.status, 200, posted.body)
  const client_assertion = await new SignJWT({ jti: 'one' })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer('signing')
    .setSubject('signing')
    .setAudience(issuer)
    .setExpirationTime(startOfTime + 60)
    .sign(privateKey)
  const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const signed = await server.token({ ...asked, client_assertion, client_assertion_type })
  assert.equal(signed.status, 200, signed.body)
  assert.deepEqual(seen, [
    ['client_id', 'extra', 'grant_type', 'scope'],
    ['client_assertion_type', 'extra', 'grant_type', 'scope'],
  ])
})
