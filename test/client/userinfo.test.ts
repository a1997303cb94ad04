import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  clientCredentials,
  clientSecretBasic,
  createClient,
  type Fetch,
  fetchUserinfo,
  password,
  unwrap,
} from '@tessera/client'
import { secret, withClients } from '../support/world.ts'
import { createFaultyNetwork } from './faulty-network.ts'
import { startTessera } from './servers.ts'
import { client_id as app, createKey, sign, now as someTime, startTokenServer, url } from './token-server.ts'

const { issuer, fetch, server, sent } = await startTessera(
  withClients({ client_id: 'onlypassword', userinfo_signed_response_alg: 'RS256' } as never),
)
const { now } = server.clock
const clientOf = (client_id: string, passed: Fetch = fetch) =>
  createClient({ issuer, client_id, authentication: clientSecretBasic(secret), fetch: passed, now })
const client = clientOf('roclient')
const sub = '88421113'
const bob = { username: 'bob', password: 'bob' }
const { access_token } = unwrap(await password(client, bob, { scope: 'openid email' }))

test('userinfo: the claims of the token’s user and scope [OpenID Connect Core 1.0 §5.3.2]', async () => {
  for (const expected of [sub, null]) {
    const claims = unwrap(await fetchUserinfo(client, access_token, expected))
    assert.deepEqual(claims, { sub, email: 'bob@example.com', email_verified: true })
  }
  assert.equal(new Headers(sent.at(-1)?.init.headers).get('authorization'), `Bearer ${access_token}`)
})

test('userinfo: claims of another user than that of the ID token are refused [OpenID Connect Core 1.0 §5.3.2]', async () => {
  const claims = await fetchUserinfo(client, access_token, 'alice')
  assert.ok(!claims.ok)
  assert.equal(claims.error.kind, 'invalid')
  assert.equal(claims.error.code, 'sub_mismatch')
})

test('userinfo: the response of a client that registered a signature is verified', async () => {
  const signing = clientOf('onlypassword')
  const tokens = unwrap(await password(signing, bob, { scope: 'openid' }))
  for (const signed of [true, false])
    assert.equal(unwrap(await fetchUserinfo(signing, tokens.access_token, sub, { signed })).sub, sub)
  // Another client has the same response: it is not for this one.
  const foreign = await fetchUserinfo(client, tokens.access_token, sub)
  assert.ok(!foreign.ok)
  assert.equal(foreign.error.code, 'audience_mismatch')
  const forbidden = await fetchUserinfo(signing, tokens.access_token, sub, { algorithms: ['ES256'] })
  assert.ok(!forbidden.ok)
  assert.equal(forbidden.error.code, 'algorithm_not_allowed')
})

test('userinfo: a caller that requires a signature gets no unsigned claims', async () => {
  const claims = await fetchUserinfo(client, access_token, sub, { signed: true })
  assert.ok(!claims.ok)
  assert.equal(claims.error.kind, 'policy')
  assert.equal(claims.error.code, 'response_not_signed')
})

test('userinfo: a token that is refused is an error with the code of the challenge [RFC 6750 §3.1]', async () => {
  const machine = unwrap(await clientCredentials(clientOf('client'), { scope: 'api1' }))
  for (const [token, code, status] of [
    ['unknown', 'invalid_token', 401],
    [machine.access_token, 'insufficient_scope', 403],
  ] as const) {
    const claims = await fetchUserinfo(client, token, sub)
    assert.ok(!claims.ok)
    assert.equal(claims.error.kind, 'response')
    assert.equal(claims.error.code, code)
    assert.equal(claims.error.status, status)
    assert.ok(!JSON.stringify(claims.error).includes(token))
  }
})

for (const moment of ['before', 'within', 'after'] as const)
  test(`userinfo: a fault ${moment} the exchange is an error, and the call can be repeated`, async () => {
    const faulty = createFaultyNetwork(fetch, '/connect/userinfo')
    const unlucky = clientOf('roclient', faulty.fetch)
    faulty.next.push(moment)
    const lost = await fetchUserinfo(unlucky, access_token, sub)
    assert.ok(!lost.ok)
    assert.equal(lost.error.kind, 'network')
    assert.equal(lost.error.mayHaveSucceeded, false)
    assert.ok((await fetchUserinfo(unlucky, access_token, sub)).ok)
  })

const key = await createKey('ES256')
const { issuer: tokenIssuer } = startTokenServer([key.jwk], { userinfo_endpoint: `${url}/userinfo` })
const respond = (response: () => Response | Promise<Response>, expected: string | null = 'alice') => {
  const asker = createClient({
    issuer: tokenIssuer,
    client_id: app,
    fetch: async () => response(),
  })
  return fetchUserinfo(asker, 'token', expected)
}
const jwtType = { headers: { 'content-type': 'application/jwt; charset=utf-8' } }
const signed = async (claims: object, header?: object): Promise<Response> =>
  new Response(await sign(claims, key, header), jwtType)
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const valid = { sub: 'alice', iss: url, aud: app }

test('userinfo: issuer and audience of a signed response may be missing [OpenID Connect Core 1.0 §5.3.2]', async () => {
  for (const claims of [valid, { sub: 'alice' }, { ...valid, aud: ['other', app] }])
    assert.equal(unwrap(await respond(() => signed(claims))).sub, 'alice')
})

for (const [what, response, code] of [
  [
    'a signed response of another issuer',
    () => signed({ ...valid, iss: 'https://x.example' }),
    'issuer_mismatch',
  ],
  ['a signed response for another client', () => signed({ ...valid, aud: 'other' }), 'audience_mismatch'],
  ['a signed response about another user', () => signed({ ...valid, sub: 'eve' }), 'sub_mismatch'],
  ['a signed response that has expired', () => signed({ ...valid, exp: someTime - 100 }), 'token_expired'],
  ['a signed response without a user', () => signed({ iss: url, aud: app }), 'invalid_response'],
  [
    'a response with a wrong signature',
    async () => new Response(`${(await sign(valid, key)).slice(0, -8)}AAAAAAAA`, jwtType),
    'signature_invalid',
  ],
  [
    'a response that is not signed although it says so',
    () => new Response(`${encode({ alg: 'none' })}.${encode(valid)}.AAAA`, jwtType),
    'algorithm_not_allowed',
  ],
  ['a response without a user', () => Response.json({ name: 'Alice' }), 'invalid_response'],
  ['a response with a user that is a number', () => Response.json({ sub: 7 }), 'invalid_response'],
  ['a response that is not JSON', () => new Response('<html>'), 'invalid_response'],
  ['a response that is a list', () => Response.json([valid]), 'invalid_response'],
] as const)
  test(`userinfo: ${what} is refused`, async () => {
    const claims = await respond(response)
    assert.ok(!claims.ok)
    assert.equal(claims.error.code, code)
    assert.ok(['invalid', 'policy'].includes(claims.error.kind))
  })

test('userinfo: an error only in the challenge is read, and one only in the body', async () => {
  for (const response of [
    () =>
      new Response('', {
        status: 401,
        headers: {
          'www-authenticate': 'Basic realm="x", Bearer error="invalid_token", error_description="old"',
        },
      }),
    () => Response.json({ error: 'invalid_token', error_description: 'old' }, { status: 401 }),
  ]) {
    const claims = await respond(response)
    assert.ok(!claims.ok)
    assert.equal(claims.error.code, 'invalid_token')
    assert.equal(claims.error.description, 'old')
  }
  const bare = await respond(() => new Response('', { status: 401 }))
  assert.ok(!bare.ok)
  assert.equal(bare.error.code, 'http_401')
})

test('userinfo: an encrypted response is unsupported', async () => {
  const header = encode({ alg: 'RSA-OAEP-256', enc: 'A256GCM' })
  const claims = await respond(() => new Response(`${header}.AAAA.AAAA.AAAA.AAAA`, jwtType))
  assert.ok(!claims.ok)
  assert.equal(claims.error.kind, 'unsupported')
})
