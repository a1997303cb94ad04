/** Encrypted tokens of other parties at the client, and requests that the client encrypts (RFC 7516, RFC 7518 §4, §5). */

import assert from 'node:assert/strict'
import {
  createCipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { test } from 'node:test'
import {
  type ContentEncryption,
  completeAuthorization,
  createAuthorizationRequest,
  encryptedRequests,
  jwtDecryption,
  type KeyEncryption,
  signedRequests,
  unwrap,
  validateAuthorizationResponse,
} from '@tessera/client'
import { CompactEncrypt, compactDecrypt, GeneralEncrypt, importJWK, type JWK } from 'jose'
import { hybridWorld } from '../support/hybrid.ts'
import { callback } from '../support/sign-in.ts'
import { authorize, startAuthorizationWorld } from './authorization-world.ts'
import { createKey, startTokenServer, url } from './token-server.ts'

const privateJwk = (key: KeyObject): JWK => key.export({ format: 'jwk' }) as JWK
const publicJwk = ({ kty, crv, x, y, n, e }: JWK) => ({ kty, crv, x, y, n, e })

const rsa = privateJwk(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
const p256 = privateJwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
const p384 = privateJwk(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey)
const p521 = privateJwk(generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey)
const x25519 = privateJwk(generateKeyPairSync('x25519').privateKey)

const content = 'a.signed.token'

const encrypt = async (key: JWK, header: object, text = content): Promise<string> =>
  new CompactEncrypt(new TextEncoder().encode(text))
    .setProtectedHeader(header as never)
    .encrypt(await importJWK(publicJwk(key), (header as { alg: string }).alg))

const encodings = ['A128CBC-HS256', 'A256CBC-HS512', 'A128GCM', 'A256GCM'] as const
const pairs: readonly (readonly [KeyEncryption, string, JWK])[] = [
  ['RSA-OAEP', 'RSA', rsa],
  ['RSA-OAEP-256', 'RSA', rsa],
  ['ECDH-ES', 'P-256', p256],
  ['ECDH-ES', 'P-384', p384],
  ['ECDH-ES', 'P-521', p521],
  ['ECDH-ES', 'X25519', x25519],
  ['ECDH-ES+A128KW', 'P-256', p256],
  ['ECDH-ES+A256KW', 'X25519', x25519],
]

for (const [alg, kind, key] of pairs)
  test(`encryption: a token of jose with ${alg} and ${kind} is decrypted, whatever the content encryption`, async () => {
    const decrypt = jwtDecryption(key, { alg })
    for (const enc of encodings) {
      assert.equal(unwrap(await decrypt(await encrypt(key, { alg, enc }))), content, enc)
      const parties = { alg, enc, apu: 'QWxpY2U', apv: 'Qm9i' }
      if (alg.startsWith('ECDH'))
        assert.equal(unwrap(await decrypt(await encrypt(key, parties))), content, enc)
    }
  })

const alg = 'ECDH-ES'
const enc = 'A128GCM'
const decrypt = jwtDecryption(p256, { alg })

async function refusal(jwe: string, with_ = decrypt): Promise<string> {
  const decrypted = await with_(jwe)
  return decrypted.ok ? 'accepted' : decrypted.error.code
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

test('encryption: a key that scripts can’t read decrypts, and so does the previous one of a client', async () => {
  const own = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits'])
  const current = { ...(await crypto.subtle.exportKey('jwk', own.publicKey)) } as JWK
  const both = jwtDecryption([own.privateKey, p256], { alg })
  for (const key of [current, p256])
    assert.equal(unwrap(await both(await encrypt(key, { alg, enc }))), content)
})

test('encryption: a token for another key, or one that was changed, is refused for the same reason [RFC 7516 §11.5]', async () => {
  const jwe = await encrypt(p256, { alg, enc })
  const parts = jwe.split('.')
  const other = privateJwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  assert.equal(await refusal(await encrypt(other, { alg, enc })), 'decryption_failed')
  assert.equal(await refusal(await encrypt(p384, { alg, enc })), 'decryption_failed')
  for (const [index, part] of [
    [1, 'AAAA'],
    [2, 'AAAAAAAAAAAAAAAA'],
    [2, 'AAAA'],
    [3, 'AAAA'],
    [4, 'A'.repeat(22)],
    [4, 'AAAA'],
  ] as const)
    assert.equal(await refusal(parts.with(index, part).join('.')), 'decryption_failed', `part ${index}`)
  const mac = (await encrypt(p256, { alg, enc: 'A256CBC-HS512' })).split('.')
  for (const index of [2, 3, 4])
    assert.equal(
      await refusal(mac.with(index, Buffer.alloc(index === 4 ? 32 : 16).toString('base64url')).join('.')),
      'decryption_failed',
    )
})

test('encryption: a token whose tag or initialization vector has another length is refused [RFC 7518 §5.2, §5.3]', async () => {
  const [head, key, iv, ciphertext, tag] = (await encrypt(p256, { alg, enc })).split('.')
  // GCM gets both joined, so that they would be the same bytes.
  const joined = Buffer.concat([ciphertext, tag].map(part => Buffer.from(part ?? '', 'base64url')))
  const end = joined.length - 16
  for (const at of [end - 1, end + 1]) {
    const moved = [joined.subarray(0, at), joined.subarray(at)].map(part => part.toString('base64url'))
    assert.equal(await refusal([head, key, iv, ...moved].join('.')), 'decryption_failed')
  }
  const encrypted = await encryptWithIv(16)
  assert.equal(await refusal(encrypted), 'decryption_failed')
  assert.equal(unwrap(await decrypt(await encryptWithIv(12))), content)
})

/** Encrypts with A128GCM and a random initialization vector of this many bytes, which GCM itself allows. */
async function encryptWithIv(bytes: number): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const header = encoded({ alg, enc, epk: publicKey.export({ format: 'jwk' }) })
  const secret = diffieHellman({
    privateKey,
    publicKey: createPublicKey({ format: 'jwk', key: publicJwk(p256) }),
  })
  const number = (value: number): Buffer => Buffer.from(value.toString(16).padStart(8, '0'), 'hex')
  // RFC 7518 §4.6.2: the algorithm, no parties, and the length of the key in bits.
  const purpose = Buffer.concat([number(enc.length), Buffer.from(enc), number(0), number(0), number(128)])
  const key = createHash('sha256').update(number(1)).update(secret).update(purpose).digest().subarray(0, 16)
  const iv = randomBytes(bytes)
  const cipher = createCipheriv('aes-128-gcm', key, iv).setAAD(Buffer.from(header))
  const parts = [iv, Buffer.concat([cipher.update(content), cipher.final()]), cipher.getAuthTag()]
  return [header, '', ...parts.map(part => part.toString('base64url'))].join('.')
}

test('encryption: a token of more than 128 KiB is refused before it is decrypted', async () => {
  const jwe = await encrypt(p256, { alg, enc }, 'a'.repeat(100_000))
  assert.ok(jwe.length > 131_072)
  assert.equal(await refusal(jwe), 'token_malformed')
})

test('encryption: other algorithms are refused unopened, passwords and PKCS #1 v1.5 among them [RFC 8725 §3.2]', async () => {
  assert.equal(await refusal(await encrypt(p256, { alg: 'ECDH-ES+A128KW', enc })), 'encryption_not_allowed')
  const [, ...rest] = (await encrypt(p256, { alg, enc })).split('.')
  for (const header of [
    { alg: 'PBES2-HS512+A256KW', enc, p2c: 2_147_483_647, p2s: 'c2FsdHNhbHQ' },
    { alg: 'RSA1_5', enc },
    { alg: 'dir', enc },
    { alg, enc: 'none' },
    { alg, enc: 7 },
    { alg, enc: 'A192GCM' },
    { alg, enc: 'constructor' },
  ])
    assert.equal(await refusal([encoded(header), ...rest].join('.')), 'encryption_not_allowed')
  const only = jwtDecryption(p256, { alg, enc: 'A256GCM' })
  assert.equal(await refusal(await encrypt(p256, { alg, enc }), only), 'encryption_not_allowed')
})

test('encryption: compressed tokens, unknown critical members, wrong keys of the sender and several recipients are refused', async () => {
  for (const text of [content, ' '.repeat(10_000_000)])
    assert.equal(await refusal(await encrypt(p256, { alg, enc, zip: 'DEF' }, text)), 'critical_header')
  const [, ...rest] = (await encrypt(p256, { alg, enc })).split('.')
  const withHeader = (header: unknown) => refusal([encoded(header), ...rest].join('.'))
  assert.equal(await withHeader({ alg, enc, crit: ['x'], x: 1 }), 'critical_header')
  for (const epk of [
    undefined,
    null,
    'x',
    { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
    { ...publicJwk(p384) },
    { ...publicJwk(rsa), crv: 'P-256' },
  ])
    assert.equal(await withHeader({ alg, enc, epk }), 'decryption_failed')
  assert.equal(await withHeader({ alg, enc, epk: publicJwk(p256), apu: '!' }), 'decryption_failed')
  for (const header of [null, [], 'x', 7]) assert.equal(await withHeader(header), 'token_malformed')
  const general = new GeneralEncrypt(new TextEncoder().encode(content)).setProtectedHeader({ enc })
  for (const key of [p256, p521])
    general.addRecipient(await importJWK(publicJwk(key), alg)).setUnprotectedHeader({
      alg: 'ECDH-ES+A128KW',
    })
  assert.equal(await refusal(JSON.stringify(await general.encrypt())), 'token_malformed')
  for (const text of ['', 'a.b.c', 'a.b.c.d.e.f', `${'A'.repeat(131_072)}.A.A.A.A`])
    assert.equal(await refusal(text), 'token_malformed')
})

test('encryption: a key that can’t decrypt with the algorithm is a TypeError', async () => {
  const jwe = await encrypt(p256, { alg, enc })
  const short = privateJwk(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)
  for (const [key, wanted] of [
    [publicJwk(p256), 'ECDH-ES'],
    [p256, 'RSA-OAEP'],
    [short, 'RSA-OAEP'],
    [{ kty: 'EC' }, 'ECDH-ES'],
  ] as const)
    await assert.rejects(jwtDecryption(key, { alg: wanted })(jwe), TypeError)
})

const signing = await createKey('ES256')
const world = await startAuthorizationWorld({
  clients: [
    ...hybridWorld.clients,
    {
      ...hybridWorld.clients[0],
      client_id: 'sealed',
      jwks: { keys: [signing.jwk, { ...publicJwk(x25519), kid: 'enc', use: 'enc' }] },
      authorization_signed_response_alg: 'ES256',
      authorization_encrypted_response_alg: 'ECDH-ES+A256KW',
      authorization_encrypted_response_enc: 'A256CBC-HS512',
      request_object_encryption_alg: 'ECDH-ES+A128KW',
    },
  ],
})
const client = world.client({ client_id: 'sealed' })
const sign = signedRequests(signing.privateKey, { kid: String(signing.jwk.kid) })

for (const pushed of [false, true])
  test(`encryption: the request and the response of a sign-in are signed and encrypted${pushed ? ', and the request is pushed' : ''} [RFC 9101 §6.1] [JARM §2.2]`, async () => {
    const { url, pending, response } = await authorize(world, client, {
      ...{ response_mode: 'query.jwt', response_type: 'code id_token', scope: 'openid profile' },
      ...{ sign, encrypt: encryptedRequests({ alg: 'ECDH-ES+A128KW' }), pushed },
    })
    if (!pushed) assert.equal(url.searchParams.get('request')?.split('.').length, 5)
    const responseJwt = {
      algorithms: ['ES256'],
      decrypt: jwtDecryption(x25519, { alg: 'ECDH-ES+A256KW' }),
    }
    const plain = await validateAuthorizationResponse(client, response, pending)
    assert.equal(!plain.ok && plain.error.code, 'token_encrypted')
    const completed = await completeAuthorization(client, response, pending, { responseJwt })
    assert.equal(unwrap(completed).claims?.sub, '1')
  })

test('encryption: a response that is only signed is refused by a client that gets them encrypted', async () => {
  const web = world.client()
  const { pending, response } = await authorize(world, web, { response_mode: 'jwt' })
  const responseJwt = { decrypt: jwtDecryption(p256, { alg }) }
  const refused = await validateAuthorizationResponse(web, response, pending, { responseJwt })
  assert.equal(!refused.ok && refused.error.code, 'token_malformed')
  assert.ok((await validateAuthorizationResponse(web, response, pending)).ok)
})

test('encryption: requests for any key and algorithm are opened by jose', async () => {
  for (const [alg, , key] of pairs) {
    const server = startTokenServer([{ ...publicJwk(key), kid: 'k', use: 'enc' }, signing.jwk], {
      authorization_endpoint: `${url}/authorize`,
    })
    for (const enc of encodings) {
      const encrypt = encryptedRequests({ alg, enc })
      const asked = { redirect_uri: callback, sign, encrypt }
      const created = unwrap(await createAuthorizationRequest(server.client, asked))
      const jwe = new URL(created.url).searchParams.get('request') ?? ''
      const opened = await compactDecrypt(jwe, await importJWK(key, alg))
      const { epk: _, ...header } = opened.protectedHeader
      assert.deepEqual(header, { alg, enc, kid: 'k', cty: 'JWT' })
      assert.equal(new TextDecoder().decode(opened.plaintext).split('.').length, 3)
    }
  }
})

test('encryption: a request fails if the server lacks a key or the algorithms, and needs a signature', async () => {
  const failure = async (keys: readonly unknown[], metadata: object = {}, options = {}) => {
    const server = startTokenServer(keys, { authorization_endpoint: `${url}/authorize`, ...metadata })
    const encrypt = encryptedRequests(options)
    const created = await createAuthorizationRequest(server.client, { redirect_uri: callback, sign, encrypt })
    return created.ok ? 'sent' : created.error.code
  }
  const jwk = { ...publicJwk(p256), use: 'enc' }
  assert.equal(await failure([jwk]), 'sent')
  for (const other of [
    { ...jwk, use: 'sig' },
    { ...jwk, alg: 'ECDH-ES+A256KW' },
    publicJwk(rsa),
    { kty: 'EC' },
  ])
    assert.equal(await failure([other]), 'request_encryption_unsupported')
  for (const metadata of [
    { request_object_encryption_alg_values_supported: ['RSA-OAEP'] },
    { request_object_encryption_enc_values_supported: ['A128GCM' satisfies ContentEncryption] },
  ])
    assert.equal(await failure([jwk], metadata), 'request_encryption_unsupported')
  await assert.rejects(
    createAuthorizationRequest(client, { redirect_uri: callback, encrypt: encryptedRequests() }),
    TypeError,
  )
})
