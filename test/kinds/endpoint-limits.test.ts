/**
 * Every limit on a parameter of the endpoints that clients call: a value at the limit is read, and a longer one is
 * refused for its length or ignored completely. A parameter without a row fails.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textsOf } from '../support/repository.ts'
import { pagesWorld } from '../support/sign-in.ts'
import { basic, createTestServer } from '../support/tessera.ts'
import { assertCovers } from './coverage.ts'

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const password = 'p'.repeat(512)
const world = {
  ...pagesWorld,
  users: [{ sub: '1', username: 'u'.repeat(100), password, claims: {} }],
  clients: [
    {
      client_id: 'app',
      client_secrets: [{ value: 's'.repeat(512) }],
      grant_types: ['password', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code', exchange],
      scope: 'openid api1',
    },
  ],
}

/** The maximum length, and the error of a longer value; undefined: it is ignored. */
type Row = readonly [max: number, error?: string]
const credentials = {
  client_id: [100, 'invalid_client'],
  client_secret: [512, 'invalid_client'],
  client_assertion: [16_384, 'invalid_client'],
  client_assertion_type: [200, 'invalid_client'],
} as const satisfies Readonly<Record<string, Row>>
// A little less than a request body may have.
const token: Row = [65_536, 'invalid_request']

const rows: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  '/connect/token': {
    ...credentials,
    grant_type: [100, 'unsupported_grant_type'],
    scope: [4096, 'invalid_scope'],
    resource: [512, 'invalid_target'],
    audience: [512, 'invalid_target'],
    code: [100, 'invalid_grant'],
    redirect_uri: [2048, 'invalid_grant'],
    code_verifier: [128, 'invalid_grant'],
    // Refresh tokens of an earlier server can be JWTs.
    refresh_token: [65_536, 'invalid_grant'],
    device_code: [100, 'invalid_grant'],
    username: [256, 'invalid_grant'],
    password: [512, 'invalid_grant'],
    acr_values: [2048, 'invalid_request'],
  },
  // An API authenticates there by its name, which may be longer than a client id.
  '/connect/introspect': {
    ...credentials,
    client_id: [200, 'invalid_client'],
    token,
    token_type_hint: [100],
  },
  '/connect/revocation': { ...credentials, token, token_type_hint: [100] },
  '/connect/deviceauthorization': {
    ...credentials,
    scope: [4096, 'invalid_scope'],
    resource: [512, 'invalid_target'],
  },
  '/connect/userinfo': { access_token: token },
}

/** Shows that a value was too long, whatever else is wrong with the request. */
const send = async (path: string, name: string, value: string) => {
  const server = await createTestServer(world)
  const answer = await server.send('POST', path, {
    form: { [name]: value },
    headers:
      Object.hasOwn(credentials, name) || path.endsWith('userinfo') ? {} : basic('app', 's'.repeat(512)),
  })
  return { server, ...answer }
}

for (const [path, parameters] of Object.entries(rows))
  for (const [name, [max, error]] of Object.entries(parameters))
    test(`endpoint limits: ${path} reads ${name} of ${max} characters, and ${error ? `answers ${error} to` : 'ignores'} a longer one`, async () => {
      const letter = name === 'scope' || name.endsWith('token') ? 'x' : 'y'
      // The whole body of a request is limited before it is read.
      const fits = await send(path, name, letter.repeat(Math.min(max, 60_000)))
      assert.notEqual(fits.reason, 'parameter_too_long')
      const { json, reason } = await send(path, name, letter.repeat(max + 1))
      if (error === undefined) return assert.notEqual(reason, 'parameter_too_long')
      assert.equal(reason, 'parameter_too_long', JSON.stringify(json))
      assert.equal(json.error, error)
      assert.ok(json.error_description.startsWith(`${name} `), json.error_description)
    })

test('endpoint limits: every limit in the code of these endpoints has a row', () => {
  const limitsIn = (pattern: string): readonly string[] =>
    [...textsOf(pattern).values()].flatMap(text =>
      [...text.matchAll(/\b(\w+): \[(?:\d[\d_]*|max\w+)(?:, '\w+')?\]/g)].map(([, name = '']) => name),
    )
  const own = limitsIn(
    'packages/server/src/endpoints/{token,introspection,revocation,deviceauthorization,userinfo}/**/*.ts',
  )
  const shared = [
    ...limitsIn('packages/server/src/clients/authentication/method.ts'),
    ...limitsIn('packages/server/src/messages/bearer.ts'),
  ]
  const named = new Set(Object.values(rows).flatMap(Object.keys))
  assertCovers(named, new Set([...own, ...shared]), 'parameter')
})

test('endpoint limits: a configured user’s longest password works at the token endpoint and on the page', async () => {
  const server = await createTestServer(world)
  const { status, json } = await server.token(
    { grant_type: 'password', username: 'u'.repeat(100), password, scope: 'openid' },
    { client: ['app', 's'.repeat(512)] },
  )
  assert.equal(status, 200, JSON.stringify(json))
})
