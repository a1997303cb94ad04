/**
 * Every reader of JSON in the client library: with any value at any member, it returns a value or an error, and never
 * throws.
 */

import assert from 'node:assert/strict'
import { generateKeyPairSync, hash, KeyObject, sign as signBytes, type webcrypto } from 'node:crypto'
import { test } from 'node:test'
import {
  clientCredentials,
  createAuthorizationRequest,
  createClient,
  createSession,
  type Jwk,
  jwtDecryption,
  type Result,
  unwrap,
  validateAccessToken,
  validateAuthorizationResponse,
  validateIdToken,
  webStorageStore,
} from '@tessera/client'
import { createApiGuard, dpopScheme } from '@tessera/client/api'
import { createDpop } from '@tessera/client/dpop'
import { CompactEncrypt, calculateJwkThumbprint } from 'jose'
import { createKey, now, sign as signClaims, startTokenServer, url } from '../client/token-server.ts'
import { variants } from '../support/hostile.ts'
import { textsOf } from '../support/repository.ts'
import { assertCovers } from './coverage.ts'

const key = await createKey('ES256')
const { jwk } = key
const claims = { iss: url, aud: 'app', sub: 'alice', exp: now + 300, iat: now, nonce: 'n' }
const accessClaims = { ...claims, aud: 'urn:api', jti: '1', client_id: 'app', scope: 'api', cnf: undefined }
const token = { access_token: 'a', token_type: 'Bearer', expires_in: 60, scope: 'api' }

/** The number of results of the current row by kind: each row must see both. */
const seen = { values: 0, errors: 0 }

/** Checks that a function returned a value or an error, whatever the JSON was. */
function assertReturned(result: Result<unknown>, what: string): void {
  if (result.ok) seen.values += 1
  else {
    seen.errors += 1
    assert.match(String(result.error.code), /^\w+$/, what)
  }
}

const respondWith = (body: unknown) => async (): Promise<Response> => Response.json(body)

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const privateKey = KeyObject.from(key.privateKey as webcrypto.CryptoKey)

/** Signs any header and payload: no library would create such a JWT. */
function jws(header: unknown, payload: unknown): string {
  const input = `${encoded(header)}.${encoded(payload)}`
  const signature = signBytes('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

type Row = () => Promise<void>
/** Why others can't write what is read there. */
type Own = 'written by the caller' | 'written by the library into its own store'

const rows: Readonly<Record<string, Row | Own>> = {
  async 'http/response.ts'() {
    const issuer = 'https://as.example'
    const metadata = {
      issuer,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      mtls_endpoint_aliases: { token_endpoint: `${issuer}/mtls/token` },
    }
    for (const { what, value } of variants(metadata)) {
      const client = createClient({ issuer, client_id: 'app', fetch: respondWith(value) })
      assertReturned(await clientCredentials(client), what)
    }
    for (const { what, value } of variants(token)) {
      const client = createClient({ issuer, metadata, client_id: 'app', fetch: respondWith(value) })
      assertReturned(await clientCredentials(client), what)
    }
    const idToken = await signClaims(claims, key)
    for (const { what, value } of variants({ keys: [{ ...jwk, key_ops: ['verify'] }] })) {
      const server = startTokenServer(respondWith(value))
      assertReturned(await validateIdToken(server.client, idToken, { nonce: 'n' }), what)
    }
  },
  async 'jwt/decode.ts'() {
    const server = startTokenServer([jwk])
    const requirements = { audience: 'urn:api', scope: 'api', acr_values: 'mfa', max_age: 60 }
    for (const { what, value } of variants(claims)) {
      const signed = jws({ alg: 'ES256', kid: jwk.kid }, value)
      assertReturned(await validateIdToken(server.client, signed, { nonce: 'n', max_age: 60 }), what)
    }
    for (const { what, value } of variants(accessClaims)) {
      const signed = jws({ alg: 'ES256', kid: jwk.kid, typ: 'at+jwt' }, value)
      assertReturned(await validateAccessToken(server.issuer, signed, requirements), what)
    }
    for (const { what, value } of variants({ alg: 'ES256', kid: jwk.kid, typ: 'at+jwt', crit: ['b64'] })) {
      const signed = jws(value, accessClaims)
      assertReturned(await validateAccessToken(server.issuer, signed, requirements), what)
    }
    const { kty, crv, x, y } = jwk
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }
    const proof = {
      jti: 'j',
      htm: 'GET',
      htu: 'https://api.example/',
      iat: now,
      ath: hash('sha256', 'a', 'base64url'),
    }
    const confirmation = { jkt: await calculateJwkThumbprint(header.jwk as object) }
    const scheme = () => dpopScheme({ url: 'https://api.example', now: () => now })
    const proofs = [
      ...[...variants(header)].map(({ what, value }) => ({ what, jwt: jws(value, proof) })),
      ...[...variants(proof)].map(({ what, value }) => ({ what, jwt: jws(header, value) })),
    ]
    for (const { what, jwt } of proofs) {
      const request = { method: 'GET', url: '/', header: () => [jwt] }
      const { ok } = await scheme().verify({ request, token: 'a', confirmation, claims: {} })
      if (ok) seen.values += 1
      else seen.errors += 1
      assert.equal(typeof ok, 'boolean', what)
    }
    const valid = { method: 'GET', url: '/', header: () => [jws(header, proof)] }
    assert.ok((await scheme().verify({ request: valid, token: 'a', confirmation, claims: {} })).ok)
  },
  async 'authorization/response-jwt.ts'() {
    const { client } = startTokenServer([jwk], { authorization_endpoint: `${url}/authorize` })
    const asked = { redirect_uri: 'https://app.example/cb', response_mode: 'jwt' } as const
    const { pending } = unwrap(await createAuthorizationRequest(client, asked))
    const { state } = pending
    const response = { iss: url, aud: 'app', exp: now + 60, code: 'c', state, session_state: 's' }
    for (const { what, value } of variants(response)) {
      const signed = jws({ alg: 'ES256', kid: jwk.kid }, value)
      const sent = new URLSearchParams({ response: signed })
      assertReturned(await validateAuthorizationResponse(client, sent, pending), what)
    }
  },
  async 'jwt/encryption.ts'() {
    const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const own = keys.privateKey.export({ format: 'jwk' }) as Jwk
    const decrypt = jwtDecryption(own, { alg: 'ECDH-ES' })
    const encrypted = async (text: string) =>
      new CompactEncrypt(new TextEncoder().encode(text))
        .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A128GCM' })
        .encrypt(keys.publicKey)
    const jwe = await encrypted('a.b.c')
    const [head = '', ...rest] = jwe.split('.')
    const header = JSON.parse(Buffer.from(head, 'base64url').toString())
    for (const { what, value } of variants({ ...header, apu: 'AA', apv: 'AA', zip: 'DEF', crit: ['x'] }))
      assertReturned(await decrypt([encoded(value), ...rest].join('.')), what)
    assertReturned(await decrypt(jwe), 'a valid token')
  },
  async 'api/token-check.ts'() {
    const { issuer } = startTokenServer([jwk])
    const check = createApiGuard(issuer, { audience: 'urn:api' }).requires({ scope: 'api' })
    const header = { alg: 'ES256', kid: jwk.kid, typ: 'at+jwt' }
    const tokens = [
      ...[...variants(header)].map(({ what, value }) => ({ what, jwt: jws(value, accessClaims) })),
      ...[...variants(accessClaims)].map(({ what, value }) => ({ what, jwt: jws(header, value) })),
    ]
    for (const { what, jwt } of tokens) {
      const authorization = [`Bearer ${jwt}`]
      const decision = await check({
        method: 'GET',
        url: '/',
        header: name => (name === 'authorization' ? authorization : []),
      })
      if (decision.ok) seen.values += 1
      else seen.errors += 1
      assert.ok(decision.ok || decision.response.status < 500, what)
    }
  },
  async 'dpop/proof.ts'() {
    const { received } = await createDpop()
    const about = { method: 'POST', url: 'https://as.example/token' }
    const headers = new Headers({ 'dpop-nonce': 'n' })
    for (const { what, value } of variants({ error: 'use_dpop_nonce', error_description: 'x' })) {
      const repeats = await received?.(about, { status: 400, headers, body: JSON.stringify(value) })
      if (repeats === true) seen.values += 1
      else seen.errors += 1
      assert.equal(typeof repeats, 'boolean', what)
    }
  },
  async 'session/session-tokens.ts'() {
    const { client } = startTokenServer([jwk])
    const stored = { id: 's', ...token, expires_at: now + 60, refresh_token: 'r', claims }
    for (const { what, value } of variants(stored)) {
      const text = JSON.stringify(value)
      const storage = { getItem: () => text, setItem() {}, removeItem() {} }
      const session = createSession(client, { store: webStorageStore(storage), retryWindow: 0 })
      assertReturned(await session.accessToken(), what)
    }
  },
  'browser/pending-storage.ts': 'written by the library into its own store',
  'node/file-lock.ts': 'written by the library into its own store',
  'authorization/request-object.ts': 'written by the caller',
}

const reads = /\b(?:JSON\.parse|parseJsonObject|decodeJwt)\(/
const comments = /^\s*(?:\/\/.*|\/?\*.*)$/gm

test('every reader of JSON in the client library has a row here', () => {
  const readers = [...textsOf('packages/client/src/**/*.ts')]
    .filter(([, text]) => reads.test(text.replace(comments, '')))
    .map(([path]) => path.replace(/^.*packages\/client\/src\//, ''))
  assertCovers(Object.keys(rows), readers, 'reader of JSON')
})

for (const [file, row] of Object.entries(rows))
  if (typeof row === 'function')
    test(`any JSON value at any member returns a value or an error: ${file}`, row)
