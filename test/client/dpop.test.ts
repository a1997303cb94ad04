/** Clients with DPoP (RFC 9449) at `oidc-provider`, which requires nonces; keys and proofs. */

import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import {
  type Client,
  type ClientOptions,
  clientCredentials,
  clientSecretBasic,
  completeAuthorization,
  createAuthorizationRequest,
  createAuthorizedFetch,
  createClient,
  createIssuer,
  type Fetch,
  fetchUserinfo,
  introspectToken,
  type Proof,
  refreshToken,
  type TokenResponse,
  unwrap,
} from '@tessera/client'
import { createDpop, type DpopAlgorithm, generateDpopKey } from '@tessera/client/dpop'
import { calculateJwkThumbprint, decodeJwt, EmbeddedJWK, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import Provider from 'oidc-provider'

const redirect_uri = 'http://127.0.0.1/cb'
const secret = 'a-secret-of-some-length'
let peer: Server
let issuer: string

before(async () => {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  peer = createServer((request, response) => handle(request, response)).listen(0, '127.0.0.1')
  await once(peer, 'listening')
  issuer = `http://127.0.0.1:${(peer.address() as AddressInfo).port}`
  const provider = new Provider(issuer, {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256' }] } as never,
    clients: [
      {
        client_id: 'machine',
        client_secret: secret,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        dpop_bound_access_tokens: true,
      },
      {
        client_id: 'native',
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [redirect_uri],
        dpop_bound_access_tokens: true,
      },
    ] as never,
    cookies: { keys: ['a-key'] },
    issueRefreshToken: async () => true,
    findAccount: (_: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    },
  } as never)
  const handle = provider.callback()
})
after(() => {
  peer.closeAllConnections()
  peer.close()
})

/** A client whose requests to the provider are recorded as method and path. */
function recorded(options: Omit<ClientOptions, 'issuer' | 'fetch'>): { client: Client; sent: string[] } {
  const sent: string[] = []
  const passed: Fetch = (url, init) => {
    sent.push(`${init.method} ${new URL(url).pathname}`)
    return fetch(url, init)
  }
  return { client: createClient({ ...options, issuer: createIssuer(issuer), fetch: passed }), sent }
}
const machine = { client_id: 'machine', authentication: clientSecretBasic(secret) }

/** Signs in and consents on the pages of the provider, and returns the URL that the browser is sent back to. */
async function visit(start: string): Promise<string> {
  const cookies = new Map<string, string>()
  let [url, form] = [start, undefined as URLSearchParams | undefined]
  for (let steps = 0; steps < 12; steps++) {
    const response = await fetch(url, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: [...cookies].map(pair => pair.join('=')).join('; ') },
      ...(form && { body: form }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location?.startsWith(redirect_uri)) return location
    const html = await response.text()
    const [, action = ''] = /action="([^"]*)"/.exec(html) ?? []
    const fields = [...html.matchAll(/<input[^>]*name="([^"]*)"[^>]*>/g)].map(
      ([input, name = '']): [string, string] => [name, /value="([^"]*)"/.exec(input)?.[1] ?? 'ada'],
    )
    form = location === null ? new URLSearchParams(fields) : undefined
    url = new URL(location ?? action, issuer).href
  }
  throw new Error('the provider does not come to an end')
}

async function signIn(client: Client) {
  const request = await createAuthorizationRequest(client, { redirect_uri, scope: 'openid' })
  const { url, pending } = unwrap(request)
  return { url, ...unwrap(await completeAuthorization(client, await visit(url), pending)) }
}

const tokenOf = ({ access_token, token_type }: TokenResponse) =>
  ({ ok: true, value: { access_token, token_type } }) as const

test('dpop: a token is bound to the key, after the server has asked for a nonce [RFC 9449 §5, §8]', async () => {
  const proof = await createDpop()
  const { client, sent } = recorded({ ...machine, proof })
  const tokens = unwrap(await clientCredentials(client))
  assert.equal(tokens.token_type, 'DPoP')
  assert.deepEqual(sent, ['POST /token', 'POST /token'])
  // The nonce is known now.
  unwrap(await clientCredentials(client))
  assert.equal(sent.length, 3)
  const token = unwrap(await introspectToken(client, tokens.access_token))
  assert.ok(token.active)
  assert.deepEqual(token.cnf, { jkt: proof.jkt })
})

test('dpop: a client that must prove possession gets no token without a proof', async () => {
  const tokens = await clientCredentials(recorded(machine).client)
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.kind, 'response')
  assert.equal(tokens.error.code, 'invalid_grant')
})

test('dpop: a request is sent at most twice, and once if it was accepted, whatever the proof asks for', async () => {
  const proof = await createDpop()
  const anywhere = { method: 'POST', url: 'https://elsewhere.example/token' }
  const wrong = { ...proof, headers: () => proof.headers(anywhere), received: () => true }
  const refused = recorded({ ...machine, proof: wrong })
  const tokens = await clientCredentials(refused.client)
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'invalid_dpop_proof')
  assert.deepEqual(refused.sent, ['POST /token', 'POST /token'])

  const greedy = {
    ...proof,
    received: (...given: Parameters<NonNullable<Proof['received']>>) => {
      proof.received?.(...given)
      return true
    },
  }
  const accepted = recorded({ ...machine, proof: greedy })
  unwrap(await clientCredentials(accepted.client))
  assert.deepEqual(accepted.sent, ['POST /token', 'POST /token'])
  unwrap(await clientCredentials(accepted.client))
  assert.equal(accepted.sent.length, 3)
})

test('dpop: a sign-in is bound to the key from its start, and refreshed with it [RFC 9449 §5, §10]', async () => {
  const proof = await createDpop()
  const { client, sent } = recorded({ client_id: 'native', proof })
  const tokens = await signIn(client)
  assert.equal(new URL(tokens.url).searchParams.get('dpop_jkt'), proof.jkt)
  assert.equal(tokens.token_type, 'DPoP')
  assert.ok(tokens.claims?.sub)

  const { refresh_token = '', claims: previous } = tokens
  // §5: the refresh token of a public client is bound to the key.
  const thief = recorded({ client_id: 'native', proof: await createDpop() })
  const stolen = await refreshToken(thief.client, refresh_token)
  assert.ok(!stolen.ok)
  assert.equal(stolen.error.code, 'invalid_grant')
  const fresh = unwrap(await refreshToken(client, refresh_token, { previous }))
  assert.equal(fresh.token_type, 'DPoP')

  // §7.1: the token is sent with its own scheme, and the proof names it.
  const before = sent.length
  const claims = unwrap(await fetchUserinfo(client, fresh.access_token, tokens.claims.sub))
  assert.equal(claims.sub, tokens.claims.sub)
  assert.deepEqual(sent.slice(before), ['GET /me'])
  const other = await fetchUserinfo(thief.client, fresh.access_token, tokens.claims.sub)
  assert.ok(!other.ok)
  assert.equal(other.error.status, 401)
})

test('dpop: a request to an API is repeated with the nonce that the API asks for [RFC 9449 §9]', async () => {
  const key = await generateDpopKey()
  const { client } = recorded({ client_id: 'native', proof: await createDpop(key) })
  const tokens = await signIn(client)
  // As after a restart: the same key, and no nonces.
  const restarted = recorded({ client_id: 'native', proof: await createDpop(key) })
  const source = {
    client: restarted.client,
    accessToken: async () => tokenOf(tokens),
    renew: async () => tokenOf(tokens),
  }
  const statuses: number[] = []
  const api = createAuthorizedFetch(source, {
    origins: [issuer],
    async fetch(url, init) {
      const response = await fetch(url, init)
      statuses.push(response.status)
      return response
    },
  })
  for (const expected of [[401, 200], [200]]) {
    assert.equal((await api(`${issuer}/me`)).status, 200)
    assert.deepEqual(statuses.splice(0), expected)
  }
  // The endpoint of the library itself does the same.
  const again = recorded({ client_id: 'native', proof: await createDpop(key) })
  assert.equal(unwrap(await fetchUserinfo(again.client, tokens.access_token, null)).sub, tokens.claims?.sub)
  assert.deepEqual(again.sent, ['GET /me', 'GET /me'])
})

test('dpop: a client that asked for a bound token does not accept another one', async () => {
  const proof = await createDpop()
  const client = createClient({
    ...machine,
    issuer: createIssuer(issuer),
    proof,
    fetch: async () => Response.json({ access_token: 'a', token_type: 'Bearer' }),
  })
  const tokens = await clientCredentials(client)
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.kind, 'invalid')
  assert.equal(tokens.error.code, 'invalid_response')
})

const proofRequest = { method: 'POST', url: 'https://api.example/a/b?c=d#e', accessToken: 'token' }

for (const alg of ['ES256', 'ES384', 'ES512', 'Ed25519'] satisfies DpopAlgorithm[])
  test(`dpop: a proof with ${alg} is one that jose verifies, with the thumbprint of jose [RFC 9449 §4.2]`, async () => {
    const key = await generateDpopKey({ alg })
    assert.equal(key.privateKey.extractable, false)
    const proof = await createDpop(key, { now: () => 1_000_000 })
    const { dpop = '' } = await proof.headers(proofRequest)
    const verified = await jwtVerify(dpop, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: [alg],
      currentDate: new Date(1_000_000_000),
    })
    const { jti, ...claims } = verified.payload
    assert.deepEqual(claims, {
      htm: 'POST',
      htu: 'https://api.example/a/b',
      iat: 1_000_000,
      ath: hash('sha256', 'token', 'base64url'),
    })
    const { jwk = {} } = verified.protectedHeader
    assert.equal(await calculateJwkThumbprint(jwk), proof.jkt)
    assert.equal('d' in jwk, false)
    const next = await proof.headers(proofRequest)
    assert.notEqual(decodeJwt(next.dpop ?? '').jti, jti)
  })

test('dpop: a key that was exported, or copied as IndexedDB does, makes proofs of the same thumbprint', async () => {
  const key = await generateDpopKey({ extractable: true })
  const { jkt } = await createDpop(key)
  const jwk = await crypto.subtle.exportKey('jwk', key.privateKey)
  assert.equal((await createDpop(jwk)).jkt, jkt)
  const kept = await generateDpopKey()
  const copied = await createDpop(structuredClone(kept))
  assert.equal(copied.jkt, (await createDpop(kept)).jkt)
  const { dpop = '' } = await copied.headers(proofRequest)
  await jwtVerify(dpop, EmbeddedJWK, { typ: 'dpop+jwt' })
})

test('dpop: what is no key for proofs is refused with the reason', async () => {
  const { publicKey, privateKey } = await generateDpopKey({ extractable: true })
  const jwk = await crypto.subtle.exportKey('jwk', publicKey)
  await assert.rejects(createDpop(jwk), /not a private key/)
  await assert.rejects(createDpop({ publicKey, privateKey: publicKey }), /not a private key/)
  await assert.rejects(createDpop({ publicKey, privateKey }, { alg: 'RS256' }), /not a private key.*RS256/)
  await assert.rejects(createDpop({ kty: 'oct', k: 'a'.repeat(64) }), TypeError)
  await assert.rejects(createDpop('-----BEGIN PRIVATE KEY-----' as never), /a key pair or a private JWK/)
  await assert.rejects(generateDpopKey({ alg: 'HS256' as never }), /use ES256/)
  const forgotten = createDpop() as never
  assert.throws(() => createClient({ ...machine, issuer, proof: forgotten }), /await it/)
})

test('dpop: nonces are kept for each origin, and only those that are valid [RFC 9449 §8.1, §8.2]', async () => {
  const proof = await createDpop()
  const nonceFor = async (url: string) =>
    decodeJwt((await proof.headers({ method: 'GET', url })).dpop ?? '').nonce
  const receive = (url: string, status: number, headers: Record<string, string>, body = '') =>
    proof.received?.({ method: 'GET', url }, { status, headers: new Headers(headers), body })
  const [one, other] = ['https://one.example/a', 'https://other.example/a']
  const challenge = 'Bearer, DPoP error="use_dpop_nonce", algs="ES256"'

  assert.equal(await nonceFor(one), undefined)
  // Any response can have a nonce for the next request.
  assert.equal(receive(one, 200, { 'dpop-nonce': 'n1' }), false)
  assert.deepEqual([await nonceFor('https://one.example/b'), await nonceFor(other)], ['n1', undefined])
  assert.equal(receive(other, 401, { 'dpop-nonce': 'n2', 'www-authenticate': challenge }), true)
  assert.equal(receive(other, 400, { 'dpop-nonce': 'n3' }, '{"error":"use_dpop_nonce"}'), true)
  assert.deepEqual([await nonceFor(one), await nonceFor(other)], ['n1', 'n3'])

  // Without a nonce, a repetition would change nothing. Words of a server elsewhere mean nothing.
  assert.equal(receive(one, 401, { 'www-authenticate': challenge }), false)
  assert.equal(receive(one, 400, { 'dpop-nonce': 'n4' }, '{"error":"invalid_dpop_proof"}'), false)
  assert.equal(receive(one, 400, { 'dpop-nonce': 'n4' }, 'use_dpop_nonce'), false)
  assert.equal(receive(one, 403, { 'dpop-nonce': 'n4', 'www-authenticate': challenge }), false)
  for (const nonce of ['a b', 'a"b', 'a\\b', 'x'.repeat(1025)])
    assert.equal(receive(one, 401, { 'dpop-nonce': nonce, 'www-authenticate': challenge }), false)
  assert.equal(await nonceFor(one), 'n4')
})
