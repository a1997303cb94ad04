/** Responses with any JSON: each function returns a value of its type or an error, and never throws. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ClientError,
  createClient,
  createIssuer,
  exchangeToken,
  fetchUserinfo,
  introspectToken,
  pollDeviceToken,
  type Result,
  readRegistration,
  refreshToken,
  registerClient,
  revokeToken,
  startDeviceAuthorization,
  tokenTypes,
} from '@tessera/client'
import fc from 'fast-check'

const url = 'https://id.example'
const now = 1_790_000_000
const endpoints = ['token', 'userinfo', 'introspection', 'revocation', 'device_authorization', 'registration']
const metadata = {
  issuer: url,
  ...Object.fromEntries(endpoints.map(name => [`${name}_endpoint`, `${url}/${name}`])),
}

let response = new Response()
let time = now
const issuer = createIssuer(url, { metadata, now: () => time, fetch: async () => response })
const client = createClient({ issuer, client_id: 'app', fetch: async () => response })

const subject = { subject_token: 't', subject_token_type: tokenTypes.accessToken }
const device = { device_code: 'd', interval: 5, expires_at: now + 30 }
const sleep = async (seconds: number): Promise<void> => {
  time += seconds
}
const registered = {
  client_id: 'app',
  registration_client_uri: `${url}/registration/app`,
  registration_access_token: 't',
}

type Shape = Readonly<Record<string, 'string' | 'number' | 'boolean' | 'object'>>
type Call = {
  readonly call: () => Promise<Result<unknown>>
  /** A response that is valid. */
  readonly valid: Readonly<Record<string, unknown>>
  readonly required: Shape
  readonly optional: Shape
}
const tokens = {
  valid: {
    ...{ access_token: 'a', token_type: 'Bearer', expires_in: 60, refresh_token: 'r', scope: 's' },
    issued_token_type: tokenTypes.accessToken,
  },
  required: { access_token: 'string', token_type: 'string', members: 'object' },
  optional: { expires_in: 'number', expires_at: 'number', refresh_token: 'string', scope: 'string' },
} as const
const information = {
  valid: { ...registered, client_secret: 's', client_id_issued_at: now, client_secret_expires_at: 0 },
  required: { client_id: 'string', metadata: 'object', members: 'object' },
  optional: {
    client_secret: 'string',
    client_id_issued_at: 'number',
    client_secret_expires_at: 'number',
    registration_access_token: 'string',
    registration_client_uri: 'string',
  },
} as const

const calls: Readonly<Record<string, Call>> = {
  refreshToken: { ...tokens, call: () => refreshToken(client, 'r') },
  exchangeToken: {
    ...tokens,
    required: { ...tokens.required, issued_token_type: 'string' },
    call: () => exchangeToken(client, subject),
  },
  pollDeviceToken: { ...tokens, call: () => pollDeviceToken(client, device, { sleep }) },
  startDeviceAuthorization: {
    call: () => startDeviceAuthorization(client),
    valid: {
      ...{ device_code: 'd', user_code: 'u', verification_uri: `${url}/device`, expires_in: 60, interval: 5 },
      verification_uri_complete: `${url}/device?u`,
    },
    required: {
      ...{ device_code: 'string', user_code: 'string', verification_uri: 'string' },
      ...{ expires_in: 'number', expires_at: 'number', interval: 'number', members: 'object' },
    },
    optional: { verification_uri_complete: 'string' },
  },
  introspectToken: {
    call: () => introspectToken(client, 't'),
    valid: { ...{ active: true, scope: 's', client_id: 'c', exp: now, iat: now, sub: 'a' }, cnf: {} },
    required: { active: 'boolean' },
    optional: {
      scope: 'string',
      client_id: 'string',
      exp: 'number',
      iat: 'number',
      sub: 'string',
      cnf: 'object',
    },
  },
  fetchUserinfo: {
    call: () => fetchUserinfo(client, 't', null),
    valid: { sub: 'alice', name: 'Alice' },
    required: { sub: 'string' },
    optional: {},
  },
  registerClient: { ...information, call: () => registerClient(issuer, {}) },
  readRegistration: { ...information, call: () => readRegistration(issuer, registered) },
  revokeToken: { call: () => revokeToken(client, 't'), valid: {}, required: {}, optional: {} },
}

const members = ['error', 'error_description', 'error_uri', 'id_token', '__proto__', 'constructor']
const bodyOf = ({ valid }: Call) => {
  const name = fc.constantFrom(...Object.keys(valid), ...members)
  const changes = fc.array(fc.tuple(name, fc.oneof(fc.jsonValue(), fc.constant(undefined))), { maxLength: 3 })
  // `fromEntries` keeps `__proto__` as a member, as JSON.parse does.
  const changed = changes.map(pairs => Object.fromEntries([...Object.entries(valid), ...pairs]))
  return fc.oneof(changed, changed, fc.jsonValue()).map(value => JSON.stringify(value))
}
const status = fc.constantFrom(200, 200, 200, 201, 204, 400, 401, 403, 429, 500, 503)

function check({ required, optional }: Call, result: Result<unknown>, body: string): void {
  if (!result.ok) {
    assert.ok(result.error instanceof ClientError)
    assert.equal(typeof result.error.code, 'string')
    assert.notEqual(result.error.code, '')
    return
  }
  const value = (result.value ?? {}) as Readonly<Record<string, unknown>>
  for (const [name, type] of Object.entries(required))
    assert.equal(typeof value[name], type, `${name}: ${body}`)
  for (const [name, type] of Object.entries(optional))
    assert.ok([type, 'undefined'].includes(typeof value[name]), `${name}: ${body}`)
  assert.ok(Object.getPrototypeOf(value) === Object.prototype)
}

for (const [name, call] of Object.entries(calls)) {
  test(`responses: ${name} accepts a response that is valid`, async () => {
    time = now
    response = Response.json(call.valid)
    const result = await call.call()
    assert.ok(result.ok, JSON.stringify(result))
    check(call, result, '')
  })

  test(`responses: ${name} returns a value of its type or an error, whatever JSON the server sends`, async () => {
    await fc.assert(
      fc.asyncProperty(bodyOf(call), status, async (body, code) => {
        time = now
        const headers = { 'content-type': 'application/json', 'www-authenticate': 'Bearer error=x' }
        response = new Response(code === 204 ? null : body, { status: code, headers })
        // A poll that continues reads the same response again.
        const again = response
        Object.defineProperty(again, 'body', { get: () => new Response(code === 204 ? null : body).body })
        check(call, await call.call(), `${code} ${body}`)
      }),
      { numRuns: 300 },
    )
    assert.equal(Object.hasOwn(Object.prototype, 'error'), false)
  })
}
