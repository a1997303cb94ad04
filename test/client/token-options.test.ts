/** Options that each function for a token request has, as the server receives them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  authorizationCode,
  type Client,
  clientCredentials,
  clientSecretPost,
  createClient,
  exchangeToken,
  extensionGrant,
  jwtBearer,
  password,
  pollDeviceToken,
  type Result,
  refreshToken,
  startDeviceAuthorization,
  type TokenRequestOptions,
  tokenTypes,
} from '@tessera/client'

const issuer = 'https://id.example'
const metadata = {
  issuer,
  token_endpoint: `${issuer}/token`,
  device_authorization_endpoint: `${issuer}/device`,
}
const verifier = 'v'.repeat(43)
const subject = { subject_token: 's', subject_token_type: tokenTypes.accessToken }
const actor = { actor_token: 'a', actor_token_type: tokenTypes.jwt, requested_token_type: tokenTypes.jwt }
const grantType = (name: string): string => `urn:ietf:params:oauth:grant-type:${name}`

type Call = (client: Client, options: TokenRequestOptions) => Promise<Result<unknown>>

/** Each function, with the parameters that its grant defines. */
const calls: Readonly<Record<string, readonly [Call, Readonly<Record<string, string>>]>> = {
  'client credentials [RFC 6749 §4.4.2]': [
    (client, options) => clientCredentials(client, options),
    { grant_type: 'client_credentials' },
  ],
  'password [RFC 6749 §4.3.2]': [
    (client, options) =>
      password(client, { username: 'u', password: 'p', acr_values: 'tenant:acme' }, options),
    { grant_type: 'password', username: 'u', password: 'p', acr_values: 'tenant:acme' },
  ],
  'authorization code [RFC 6749 §4.1.3, RFC 7636 §4.5]': [
    (client, options) =>
      authorizationCode(
        client,
        { code: 'c', redirect_uri: `${issuer}/cb`, code_verifier: verifier },
        options,
      ),
    { grant_type: 'authorization_code', code: 'c', redirect_uri: `${issuer}/cb`, code_verifier: verifier },
  ],
  'refresh [RFC 6749 §6]': [
    (client, options) => refreshToken(client, 'r', options),
    { grant_type: 'refresh_token', refresh_token: 'r' },
  ],
  'token exchange [RFC 8693 §2.1]': [
    (client, options) => exchangeToken(client, { ...subject, ...actor }, options),
    { grant_type: grantType('token-exchange'), ...subject, ...actor },
  ],
  'jwt-bearer [RFC 7523 §2.1]': [
    (client, options) => jwtBearer(client, 'j', options),
    { grant_type: grantType('jwt-bearer'), assertion: 'j' },
  ],
  'an extension grant [RFC 6749 §4.5]': [
    (client, options) => extensionGrant(client, 'urn:example:grant', { ticket: 't' }, options),
    { grant_type: 'urn:example:grant', ticket: 't' },
  ],
  'device authorization [RFC 8628 §3.1]': [
    (client, options) => startDeviceAuthorization(client, options),
    {},
  ],
}

/** Returns the form of the only request that the call sends. */
async function formOf(call: Call, options: TokenRequestOptions): Promise<URLSearchParams> {
  const bodies: string[] = []
  const client = createClient({
    ...{ issuer, metadata, client_id: 'app', authentication: clientSecretPost('secret') },
    fetch: async (_, init) => {
      bodies.push(`${init.body}`)
      return Response.json({ error: 'invalid_scope' }, { status: 400 })
    },
  })
  const result = await call(client, options)
  assert.ok(!result.ok)
  assert.equal(bodies.length, 1)
  return new URLSearchParams(bodies[0])
}

const sorted = (pairs: Iterable<readonly [string, string]>): readonly string[] =>
  [...pairs].map(pair => pair.join('=')).toSorted()
const credentials = { client_id: 'app', client_secret: 'secret' }

for (const [name, [call, own]] of Object.entries(calls)) {
  test(`options: ${name} sends its own parameters and the credentials, and nothing else`, async () => {
    const undefinedOptions = { scope: undefined, resource: undefined, audience: [], parameters: undefined }
    for (const options of [{}, undefinedOptions])
      assert.deepEqual(
        sorted(await formOf(call, options)),
        sorted(Object.entries({ ...own, ...credentials })),
      )
  })

  test(`options: ${name} sends scope, each resource and audience, and more parameters`, async () => {
    const form = await formOf(call, {
      scope: 'a b',
      resource: ['urn:one', 'urn:two'],
      audience: 'api',
      parameters: { colour: 'blå & gul', size: 7 },
    })
    const given = [
      ...[['scope', 'a b'] as const, ['audience', 'api'] as const],
      ...[['resource', 'urn:one'] as const, ['resource', 'urn:two'] as const],
      ...[['colour', 'blå & gul'] as const, ['size', '7'] as const],
    ]
    assert.deepEqual(sorted(form), sorted([...Object.entries({ ...own, ...credentials }), ...given]))
  })

  test(`options: ${name} does not let more parameters replace its own, or the credentials`, async () => {
    const names = [...Object.keys(own), ...Object.keys(credentials)]
    const parameters = Object.fromEntries(names.map(one => [one, 'replaced']))
    const form = await formOf(call, { parameters })
    assert.deepEqual(sorted(form), sorted(Object.entries({ ...own, ...credentials })))
  })
}

test('options: a parameter replaces an option that is undefined', async () => {
  for (const [name, [call, own]] of Object.entries(calls)) {
    const form = await formOf(call, { scope: undefined, parameters: { scope: 'a', resource: ['urn:one'] } })
    const given = { ...own, ...credentials, scope: 'a', resource: 'urn:one' }
    assert.deepEqual(sorted(form), sorted(Object.entries(given)), name)
  }
})

test('options: a poll for the tokens of a device sends its own and more parameters [RFC 8628 §3.4]', async () => {
  const device = { device_code: 'd', interval: 5, expires_at: Date.now() / 1000 + 60 }
  const poll: Call = (client, { parameters }) =>
    pollDeviceToken(client, device, { parameters, sleep: async () => {} })
  const own = { grant_type: grantType('device_code'), device_code: 'd' }
  const form = await formOf(poll, { parameters: { colour: 'blue', device_code: 'other' } })
  assert.deepEqual(sorted(form), sorted(Object.entries({ ...own, ...credentials, colour: 'blue' })))
})
