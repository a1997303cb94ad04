/** Hooks for logs and traces, and request ids, for each function that sends requests. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  authorizationCode,
  clientCredentials,
  clientSecretBasic,
  createClient,
  createIssuer,
  deleteRegistration,
  type Exchange,
  exchangeToken,
  extensionGrant,
  fetchUserinfo,
  introspectToken,
  jwtBearer,
  password,
  pollDeviceToken,
  type Result,
  readRegistration,
  refreshToken,
  registerClient,
  revokeToken,
  startDeviceAuthorization,
  tokenTypes,
  unwrap,
  updateRegistration,
} from '@tessera/client'
import { redirectUri, verifier } from '../support/issue-code.ts'
import { secret, world } from '../support/world.ts'
import { startTessera } from './servers.ts'

const {
  issuer: url,
  fetch,
  server,
  sent,
} = await startTessera({
  ...world,
  registration: { mode: 'open', allowed_grant_types: ['authorization_code'], allowed_scope: 'openid' },
})
const exchanges: Exchange[] = []
const traced: string[] = []
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const options = {
  fetch,
  now: server.clock.now,
  hooks: {
    exchanged: (exchange: Exchange) => void exchanges.push(exchange),
    trace: async (
      { operation, method, url: traced_url }: Pick<Exchange, 'operation' | 'method' | 'url'>,
      send: (headers?: Readonly<Record<string, string>>) => Promise<Exchange>,
    ) => {
      traced.push(`${operation} ${method} ${traced_url}`)
      return send({ traceparent })
    },
  },
}
const issuer = createIssuer(url, options)
const clientOf = (client_id: string) =>
  createClient({ ...options, issuer, client_id, authentication: clientSecretBasic(secret) })
const client = clientOf('roclient')
const device = createClient({ ...options, issuer, client_id: 'device' })

const bob = { username: 'bob', password: 'bob' }
const first = unwrap(await password(client, bob, { scope: 'openid offline_access' }))
// This also requests the keys of the server, so that none of the calls below has to.
const user = unwrap(await refreshToken(client, first.refresh_token ?? ''))
const registered = unwrap(await registerClient(issuer, { redirect_uris: [redirectUri] }))
const subject = { subject_token: user.access_token, subject_token_type: tokenTypes.accessToken }
const stale = { device_code: 'unknown', interval: 5, expires_at: server.clock.now() + 60 }
const code = { code: 'unknown', redirect_uri: redirectUri, code_verifier: verifier }

/** Each function with the operation of its request. Some are refused, because an exchange is one all the same. */
const calls: readonly (readonly [string, string, () => Promise<Result<unknown>>])[] = [
  ['clientCredentials', 'token', () => clientCredentials(clientOf('client'))],
  ['password', 'token', () => password(client, bob)],
  ['authorizationCode', 'token', () => authorizationCode(clientOf('web'), code)],
  ['refreshToken', 'token', () => refreshToken(client, user.refresh_token ?? '')],
  ['exchangeToken', 'token', () => exchangeToken(clientOf('exchanger'), subject)],
  ['jwtBearer', 'token', () => jwtBearer(client, 'assertion')],
  ['extensionGrant', 'token', () => extensionGrant(client, 'urn:example:grant')],
  ['pollDeviceToken', 'token', () => pollDeviceToken(device, stale, { sleep: async () => {} })],
  ['startDeviceAuthorization', 'device_authorization', () => startDeviceAuthorization(device)],
  ['fetchUserinfo', 'userinfo', () => fetchUserinfo(client, user.access_token, null)],
  ['introspectToken', 'introspection', () => introspectToken(client, user.access_token)],
  ['revokeToken', 'revocation', () => revokeToken(client, user.refresh_token ?? '')],
  ['registerClient', 'registration', () => registerClient(issuer, { redirect_uris: [redirectUri] })],
  ['readRegistration', 'registration', () => readRegistration(issuer, registered)],
  ['updateRegistration', 'registration', () => updateRegistration(issuer, registered, {})],
  ['deleteRegistration', 'registration', () => deleteRegistration(issuer, registered)],
]
const secrets = [
  secret,
  user.access_token,
  user.refresh_token ?? '',
  registered.registration_access_token ?? '',
  registered.client_secret ?? '',
]

for (const [name, operation, call] of calls)
  test(`hooks: ${name} reports its exchange with the id of the request, and without secrets`, async () => {
    exchanges.length = 0
    traced.length = 0
    const before = sent.length
    const result = await call()
    const [exchange, ...others] = exchanges
    assert.ok(exchange && others.length === 0)
    assert.equal(exchange.operation, operation)
    assert.ok((exchange.status ?? 0) >= 200)
    assert.match(exchange.requestId ?? '', /./)
    assert.deepEqual(traced, [`${operation} ${exchange.method} ${exchange.url}`])
    assert.equal(sent.length, before + 1)
    assert.equal(new Headers(sent.at(-1)?.init.headers).get('traceparent'), traceparent)
    if (!result.ok) assert.equal(result.error.requestId, exchange.requestId)
    const text = JSON.stringify([exchanges, traced, result.ok ? '' : result.error])
    for (const one of secrets) assert.ok(!text.includes(one), text)
  })

test('hooks: each function of the entry that sends a request as a client is among these', async () => {
  const names = Object.entries(await import('@tessera/client')).flatMap(([name, value]) =>
    typeof value === 'function' && /^[a-z]\w*(Token|Grant|Credentials|Code|Registration|Client)$/.test(name)
      ? [name]
      : [],
  )
  const tested = new Set(calls.map(([name]) => name))
  const local = [
    'createClient',
    'validateAccessToken',
    'validateIdToken',
    'validateLogoutToken',
    'requestToken',
  ]
  assert.deepEqual(
    names.filter(name => !tested.has(name) && !local.includes(name)),
    [],
  )
})
