import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  authorizationCode,
  clientSecretBasic,
  createClient,
  password,
  refreshToken,
  unwrap,
} from '@tessera/client'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { claimsOf } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'
import { createFaultyNetwork } from './faulty-network.ts'
import { startTessera } from './servers.ts'
import { client_id as app, createKey, sign, startTokenServer, url } from './token-server.ts'

const { issuer, fetch, server, sent } = await startTessera(world)
const faulty = createFaultyNetwork(fetch)
const { now } = server.clock
const options = { issuer, authentication: clientSecretBasic(secret), fetch: faulty.fetch, now }
const client = createClient({ ...options, client_id: 'roclient' })

const bob = { username: 'bob', password: 'bob' }
const signIn = async (): Promise<string> =>
  unwrap(await password(client, bob, { scope: 'api1 api2 offline_access' })).refresh_token ?? ''

test('refresh: new tokens for the same user, and a new refresh token [RFC 6749 §6]', async () => {
  const refresh_token = await signIn()
  const tokens = unwrap(await refreshToken(client, refresh_token))
  assert.equal(claimsOf(tokens.access_token).sub, '88421113')
  assert.ok(tokens.refresh_token)
  assert.notEqual(tokens.refresh_token, refresh_token)
  assert.ok((await refreshToken(client, tokens.refresh_token ?? '')).ok)
})

test('refresh: a narrower scope applies to the access token, and a wider one is refused', async () => {
  const refresh_token = await signIn()
  const tokens = unwrap(await refreshToken(client, refresh_token, { scope: 'api2' }))
  assert.deepEqual([claimsOf(tokens.access_token).scope].flat(), ['api2'])
  const wider = await refreshToken(client, tokens.refresh_token ?? '', { scope: 'api1 email' })
  assert.ok(!wider.ok)
  assert.equal(wider.error.code, 'invalid_scope')
})

test('refresh: a token that is unknown or of another client is invalid_grant', async () => {
  const refresh_token = await signIn()
  const other = createClient({ ...options, client_id: 'web' })
  for (const [who, token, reason] of [
    [client, 'tr_unknown', 'refresh_token_malformed'],
    [other, refresh_token, 'refresh_token_of_another_client'],
  ] as const) {
    const tokens = await refreshToken(who, token)
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.kind, 'response')
    assert.equal(tokens.error.code, 'invalid_grant')
    assert.equal(server.reason(), reason)
    assert.ok(!JSON.stringify(tokens.error).includes(token))
  }
})

for (const moment of ['before', 'within', 'after'] as const)
  test(`refresh: after a fault ${moment} the exchange, the caller can repeat it at Tessera and loses no session`, async () => {
    const refresh_token = await signIn()
    faulty.next.push(moment)
    const before = sent.length
    const lost = await refreshToken(client, refresh_token)
    assert.ok(!lost.ok)
    assert.equal(lost.error.code, 'network_error')
    assert.equal(lost.error.mayHaveSucceeded, true)
    assert.equal(sent.length - before, moment === 'before' ? 0 : 1)
    const tokens = unwrap(await refreshToken(client, refresh_token))
    assert.ok((await refreshToken(client, tokens.refresh_token ?? '')).ok)
  })

test('refresh: an error 5xx may hide a success, so the caller is told that it may have succeeded', async () => {
  const refresh_token = await signIn()
  for (const body of ['', '{"error":"server_error"}']) {
    const broken = createClient({
      ...options,
      client_id: 'roclient',
      fetch: (url, init) =>
        url.endsWith('/connect/token')
          ? Promise.resolve(new Response(body, { status: 502 }))
          : fetch(url, init),
    })
    const tokens = await refreshToken(broken, refresh_token)
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.kind, 'response')
    assert.equal(tokens.error.mayHaveSucceeded, true)
  }
})

test('refresh: a new ID token is validated against the first one [OpenID Connect Core 1.0 §12.2]', async () => {
  const web = createClient({ ...options, client_id: 'web' })
  const code = await issueCode(server, { scope: ['openid', 'offline_access'] }, { nonce: 'n1' })
  const grant = { code, redirect_uri: redirectUri, code_verifier: verifier, nonce: 'n1' }
  const first = unwrap(await authorizationCode(web, grant))
  assert.equal(first.claims?.sub, '88421113')
  const previous = first.claims
  assert.ok(previous)
  const second = unwrap(await refreshToken(web, first.refresh_token ?? '', { previous }))
  assert.equal(second.claims?.sub, '88421113')
  const alice = { ...previous, sub: 'alice' }
  const third = await refreshToken(web, second.refresh_token ?? '', { previous: alice })
  assert.ok(!third.ok)
  assert.equal(third.error.code, 'sub_mismatch')
  assert.equal(third.error.mayHaveSucceeded, true)
})

const key = await createKey('ES256')
const tokenServer = startTokenServer([key.jwk], { token_endpoint: `${url}/token` })
const idToken = { iss: url, sub: 'alice', aud: app, iat: tokenServer.now, exp: tokenServer.now + 300 }
const refreshAt = async (claims: object, changes: Partial<typeof idToken> & { nonce?: string } = {}) => {
  const id_token = await sign({ ...idToken, ...claims }, key)
  const asker = createClient({
    issuer: tokenServer.issuer,
    client_id: app,
    fetch: async () => Response.json({ access_token: 'a', token_type: 'Bearer', id_token }),
  })
  return refreshToken(asker, 'r', { previous: { ...idToken, ...changes } })
}

test('refresh: an ID token without nonce, or with the first nonce, is accepted', async () => {
  assert.equal(unwrap(await refreshAt({})).claims?.sub, 'alice')
  assert.equal(unwrap(await refreshAt({ nonce: 'n' }, { nonce: 'n' })).claims?.sub, 'alice')
  const other = await refreshAt({ nonce: 'n2' }, { nonce: 'n' })
  assert.ok(!other.ok)
  assert.equal(other.error.code, 'nonce_mismatch')
})

test('refresh: an ID token that is invalid fails', async () => {
  for (const [claims, code] of [
    [{ iss: 'https://x.example' }, 'issuer_mismatch'],
    [{ aud: 'other' }, 'audience_mismatch'],
    [{ exp: tokenServer.now - 100 }, 'token_expired'],
  ] as const) {
    const tokens = await refreshAt(claims)
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.code, code)
  }
})

test('refresh: if the keys can’t be requested, the session goes on without the new ID token', async () => {
  const unreachable = startTokenServer(
    async () => {
      throw new TypeError('fetch failed')
    },
    { token_endpoint: `${url}/token` },
  )
  const id_token = await sign(idToken, key)
  const asker = createClient({
    issuer: unreachable.issuer,
    client_id: app,
    fetch: async () =>
      Response.json({ access_token: 'a', token_type: 'Bearer', refresh_token: 'r2', id_token }),
  })
  const tokens = unwrap(await refreshToken(asker, 'r'))
  assert.equal(unreachable.requests, 1)
  assert.equal(tokens.refresh_token, 'r2')
  assert.equal(tokens.id_token, undefined)
  assert.equal(tokens.claims, undefined)
})
