import assert from 'node:assert/strict'
import { generateKeyPairSync, sign as nodeSign } from 'node:crypto'
import { test } from 'node:test'
import {
  asymmetricAlgorithms,
  fixedKeys,
  importSigningKey,
  type Jwk,
  signJwt,
  type VerifyOptions,
  verifyJwt,
} from '@tessera/client'
import fc from 'fast-check'
import { exportJWK, importJWK, jwtVerify } from 'jose'
import { decodeBase64url, encodeBase64url } from '../../packages/client/src/jwt/base64url.ts'
import { decodeJwt } from '../../packages/client/src/jwt/decode.ts'
import { createKey, now, sign } from './token-server.ts'

const key = await createKey('ES256', { kid: 'one' })
const jwk = key.jwk as Jwk
const claims = { sub: 'alice', exp: now + 300 }
const token = await sign(claims, key)
const [header = '', payload = '', signature = ''] = token.split('.')

async function outcome(
  token: string,
  jwks: readonly unknown[] = [jwk],
  options: Partial<VerifyOptions> = {},
) {
  const algorithms = [...asymmetricAlgorithms, 'HS256', 'HS384', 'HS512', 'none']
  const verified = await verifyJwt(token, fixedKeys(jwks as Jwk[]), { algorithms, now, ...options })
  if (verified.ok) return 'valid'
  const { message, code } = verified.error
  assert.ok(token.length < 20 || !`${message} ${JSON.stringify(verified.error)}`.includes(token.slice(0, 50)))
  return code
}

/** Signs any header and payload, valid or not. */
function signRaw(header: string | object, payload: string | Buffer | object, privateKey = ecPair.privateKey) {
  const part = (value: string | Buffer | object) =>
    (value instanceof Buffer
      ? value
      : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
    ).toString('base64url')
  const signed = `${part(header)}.${part(payload)}`
  const bytes = nodeSign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${bytes.toString('base64url')}`
}

const ecPair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ecJwk = { ...(await exportJWK(ecPair.publicKey)), kid: 'raw' }
const es256 = { alg: 'ES256', kid: 'raw' }

for (const alg of asymmetricAlgorithms) {
  test(`JWT: a token that another library signed with ${alg} is valid`, async () => {
    const key = await createKey(alg)
    assert.equal(await outcome(await sign(claims, key), [key.jwk]), 'valid')
    // RFC 9964 §3: the algorithm is a part of an AKP key.
    const without = alg.startsWith('ML-DSA') ? 'key_not_found' : 'valid'
    assert.equal(await outcome(await sign(claims, key), [{ ...key.jwk, alg: undefined }]), without)
  })

  test(`JWT: a token that this library signed with ${alg} is valid for another one`, async () => {
    const { privateKey, jwk } = await createKey(alg)
    const signed = await signJwt(claims, await importSigningKey(privateKey, { alg, kid: jwk.kid }), {
      typ: 'x',
    })
    const verified = await jwtVerify(signed, await importJWK({ ...jwk, alg }), {
      currentDate: new Date(now * 1000),
      algorithms: [alg],
    })
    assert.deepEqual(verified.payload, claims)
    assert.deepEqual(verified.protectedHeader, { typ: 'x', alg, kid: jwk.kid })
  })
}

test('JWT: a key for EdDSA verifies tokens of its newer name Ed25519, and the reverse [RFC 9864 §2.2]', async () => {
  const { privateKey, jwk } = await createKey('EdDSA')
  for (const alg of ['EdDSA', 'Ed25519'] as const)
    for (const known of ['EdDSA', 'Ed25519', undefined]) {
      const signed = await signJwt(claims, await importSigningKey(privateKey, { alg, kid: jwk.kid }))
      assert.equal(await outcome(signed, [{ ...jwk, alg: known }]), 'valid')
    }
})

test('JWT: an AKP key verifies only the algorithm that it names [RFC 9964 §3]', async () => {
  const { privateKey, jwk } = await createKey('ML-DSA-44')
  const signed = await signJwt(claims, await importSigningKey(privateKey, { kid: jwk.kid }))
  const [, payload, signature] = signed.split('.')
  const claiming = (alg: string) =>
    `${Buffer.from(JSON.stringify({ alg, kid: jwk.kid })).toString('base64url')}.${payload}.${signature}`
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ec = { ...publicKey.export({ format: 'jwk' }), kid: jwk.kid }
  assert.equal(await outcome(signed, [jwk]), 'valid')
  for (const [expected, token, key] of [
    ['key_not_found', signed, { ...jwk, alg: 'ML-DSA-65' }],
    ['key_not_found', claiming('ML-DSA-65'), jwk],
    ['key_not_found', claiming('EdDSA'), jwk],
    ['key_not_found', claiming('HS256'), jwk],
    ['key_not_found', signed, ec],
    ['key_not_found', signed, { ...ec, alg: 'ML-DSA-44' }],
    ['key_not_found', signed, { ...jwk, kty: 'OKP' }],
    ['key_unusable', signed, { ...ec, kty: 'AKP', alg: 'ML-DSA-44', crv: undefined }],
    ['key_unusable', claiming('ML-DSA-65'), { ...jwk, alg: 'ML-DSA-65' }],
    ['key_unusable', signed, { ...jwk, pub: jwk.pub?.slice(4) }],
    ['algorithm_not_allowed', claiming('Ed448'), jwk],
  ] as const)
    assert.equal(await outcome(token, [key]), expected, `${expected} ${JSON.stringify(key).slice(0, 80)}`)
})

test("JWT: a header can't replace the algorithm and the key id, and undefined claims are left out", async () => {
  const key = await importSigningKey(ecPair.privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    kid: 'raw',
  })
  const signed = await signJwt({ ...claims, jti: undefined }, key, { alg: 'none', kid: 'x' })
  const decoded = decodeJwt(signed)
  assert.deepEqual(decoded, { ok: true, value: { header: es256, claims } })
})

const parts = (...changed: readonly string[]): string => changed.join('.')
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const lastCharacter = (text: string, change: (code: number) => number): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return text.slice(0, -1) + alphabet[change(alphabet.indexOf(text.at(-1) ?? ''))]
}

const malformed: Readonly<Record<string, string>> = {
  'that is empty': '',
  'without a signature part': parts(header, payload),
  'with four parts': parts(token, ''),
  'with six parts': parts(header, payload, signature, '', '', ''),
  'in the JSON serialization [RFC 7515 §7.2]': JSON.stringify({ payload, protected: header, signature }),
  'with padding [RFC 7515 §2]': parts(header, payload, `${signature}==`),
  'with a line break': parts(header, payload, `${signature}\n`),
  'with white space in front': ` ${token}`,
  'in the alphabet of base64': parts(header, payload, `+/${signature.slice(2)}`),
  'with bits that are left over [RFC 4648 §3.5]': parts(
    header,
    payload,
    lastCharacter(signature, at => at ^ 1),
  ),
  'with a part of an impossible length': parts(header, payload, `${signature}AAA`),
  'with a header that is not JSON': parts(Buffer.from('{').toString('base64url'), payload, signature),
  'with a header that is a list': parts(encode([header]), payload, signature),
  'with a header that is null': parts(encode(null), payload, signature),
  'with a header that is empty': parts('', payload, signature),
  'without an algorithm [RFC 7515 §4.1.1]': parts(encode({ kid: 'one' }), payload, signature),
  'with an algorithm that is not a string': parts(encode({ alg: ['ES256'] }), payload, signature),
  'with a key id that is not a string': parts(encode({ alg: 'ES256', kid: 1 }), payload, signature),
  'with a type that is not a string': parts(encode({ alg: 'ES256', typ: {} }), payload, signature),
  'with a byte order mark': parts(
    Buffer.from('\uFEFF{"alg":"ES256"}').toString('base64url'),
    payload,
    signature,
  ),
  'with a header that is not UTF-8': parts(
    Buffer.from([...Buffer.from('{"alg":"ES256","x":"'), 0xff, ...Buffer.from('"}')]).toString('base64url'),
    payload,
    signature,
  ),
}

for (const [name, token] of Object.entries(malformed))
  test(`JWT: a token ${name} is malformed`, async () => {
    assert.equal(await outcome(token), 'token_malformed')
  })

test('JWT: an encrypted token is not supported, and is reported as such', async () => {
  const encrypted = parts(encode({ alg: 'dir', enc: 'A256GCM' }), '', 'AAAA', 'AAAA', 'AAAA')
  const verified = await verifyJwt(encrypted, fixedKeys([]), { algorithms: [], now })
  assert.deepEqual(!verified.ok && [verified.error.kind, verified.error.code], [
    'unsupported',
    'token_encrypted',
  ])
})

test('JWT: a token of more than 128 KiB is refused before it is decoded', async () => {
  const large = await sign({ ...claims, text: 'x'.repeat(100_000) }, key)
  assert.equal(await outcome(large), 'token_too_large')
  assert.equal(await outcome(await sign({ ...claims, text: 'x'.repeat(90_000) }, key)), 'valid')
})

const payloads: Readonly<Record<string, string | Buffer>> = {
  'a list': '[]',
  'a string': '"alice"',
  null: 'null',
  empty: '',
  'not JSON': '{"sub":"alice"',
  'not UTF-8': Buffer.from([0x7b, 0xff, 0x7d]),
}

for (const [name, payload] of Object.entries(payloads))
  test(`JWT: a payload that is ${name} is malformed, even if it is signed [RFC 7519 §7.2]`, async () => {
    assert.equal(await outcome(signRaw(es256, payload), [ecJwk]), 'payload_malformed')
  })

for (const alg of ['none', 'None', 'NONE', ''])
  test(`JWT: the algorithm ${JSON.stringify(alg)} is refused, even if the caller lists it [RFC 8725 §3.2]`, async () => {
    for (const end of ['', signature])
      assert.equal(
        await outcome(parts(encode({ alg }), payload, end), [jwk], { algorithms: [alg] }),
        'algorithm_not_allowed',
      )
  })

test('JWT: an algorithm that the caller does not list is refused before a key is looked for', async () => {
  let searches = 0
  const source = {
    find: async () => {
      searches += 1
      return { ok: true as const, value: [jwk] }
    },
  }
  const verified = await verifyJwt(token, source, { algorithms: ['RS256'], now })
  assert.equal(!verified.ok && verified.error.code, 'algorithm_not_allowed')
  assert.equal(searches, 0)
})

const critical: Readonly<Record<string, object>> = {
  'an unknown extension': { crit: ['x'], x: 1 },
  'an unencoded payload [RFC 7797 §3]': { crit: ['b64'], b64: false },
  'a parameter of the specification': { crit: ['exp'], exp: now },
  nothing: { crit: [] },
  'something that is not a list': { crit: 'x' },
}

for (const [name, more] of Object.entries(critical))
  test(`JWT: a header that declares ${name} critical is refused [RFC 7515 §4.1.11]`, async () => {
    assert.equal(await outcome(signRaw({ ...es256, ...more }, claims), [ecJwk]), 'critical_header')
  })

test('JWT: keys and addresses of keys in the header are ignored [RFC 8725 §3.10]', async () => {
  const mine = await exportJWK(ecPair.publicKey)
  const forged = signRaw(
    { alg: 'ES256', kid: 'one', jwk: mine, jku: 'https://x.example', x5c: ['x'] },
    claims,
  )
  assert.equal(await outcome(forged), 'signature_invalid')
  assert.equal(await outcome(signRaw({ ...es256, jwk: mine }, claims)), 'key_not_found')
})

const { x = '', y = '' } = jwk
const otherKey = await createKey('RS256', { kid: 'one', alg: undefined })
const unfit: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'for encryption': { use: 'enc' },
  'that may only sign': { key_ops: ['sign'] },
  'with operations that are not a list': { key_ops: 'verify' },
  'of another algorithm': { alg: 'ES384' },
  'of an algorithm for encryption': { alg: 'ECDH-ES' },
  'on another curve': { crv: 'P-384' },
  'with another id': { kid: 'two' },
  'without an id': { kid: undefined },
  'of another type': otherKey.jwk as Record<string, unknown>,
}

for (const [name, more] of Object.entries(unfit))
  test(`JWT: a key ${name} is not used [RFC 7517 §4]`, async () => {
    assert.equal(await outcome(token, [{ ...jwk, ...more }]), 'key_not_found')
  })

test('JWT: keys that a source of the caller returns are checked as well', async () => {
  const source = { find: async () => ({ ok: true as const, value: [{ ...jwk, use: 'enc' }] }) }
  const verified = await verifyJwt(token, source, { algorithms: ['ES256'], now })
  assert.equal(!verified.ok && verified.error.code, 'key_unusable')
})

test('JWT: a key that may verify is used', async () => {
  assert.equal(await outcome(token, [{ ...jwk, key_ops: ['verify'] }]), 'valid')
})

const invalidKeys: Readonly<Record<string, object>> = {
  'a point that is not on the curve': { x: y, y: x },
  'no coordinates': { x: undefined, y: undefined },
  'coordinates that are too short': { x: 'AA', y: 'AA' },
}

for (const [name, more] of Object.entries(invalidKeys))
  test(`JWT: a key with ${name} can't be used`, async () => {
    assert.equal(await outcome(token, [{ ...jwk, ...more }]), 'key_unusable')
    assert.equal(await outcome(token, [{ ...jwk, ...more }, jwk]), 'valid')
  })

test('JWT: an RSA key of less than 2048 bits is not used [RFC 7518 §3.3]', async () => {
  for (const [modulusLength, expected] of [
    [2047, 'key_unusable'],
    [2048, 'valid'],
  ] as const) {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength })
    const signed = signRaw({ alg: 'RS256' }, claims, privateKey)
    assert.equal(await outcome(signed, [await exportJWK(publicKey)]), expected)
  }
})

test('JWT: a secret that is shorter than the hash is not used [RFC 7518 §3.2]', async () => {
  const secret = { kty: 'oct', k: Buffer.alloc(31, 1).toString('base64url') }
  assert.equal(await outcome(parts(encode({ alg: 'HS256' }), payload, 'AAAA'), [secret]), 'key_unusable')
})

const signatures: Readonly<Record<string, string>> = {
  'that is empty': '',
  'that is cut': signature.slice(0, 40),
  'that is longer': Buffer.concat([Buffer.from(signature, 'base64url'), Buffer.alloc(1)]).toString(
    'base64url',
  ),
  'of zeros only': Buffer.alloc(64).toString('base64url'),
}

for (const [name, signature] of Object.entries(signatures))
  test(`JWT: a signature ${name} is wrong`, async () => {
    assert.equal(await outcome(parts(header, payload, signature)), 'signature_invalid')
  })

test('JWT: a signature by elliptic curve in DER is wrong [RFC 7518 §3.4]', async () => {
  const valid = signRaw(es256, claims)
  const signed = valid.slice(0, valid.lastIndexOf('.'))
  const der = nodeSign('sha256', Buffer.from(signed), ecPair.privateKey).toString('base64url')
  assert.equal(await outcome(valid, [ecJwk]), 'valid')
  assert.equal(await outcome(parts(signed, der), [ecJwk]), 'signature_invalid')
})

test('JWT: the parts of two valid tokens do not make another one', async () => {
  const other = (await sign({ sub: 'bob', exp: now + 300 }, key)).split('.')
  assert.equal(await outcome(parts(header, other[1] ?? '', signature)), 'signature_invalid')
  assert.equal(await outcome(parts(header, payload, other[2] ?? '')), 'signature_invalid')
})

const times: Readonly<Record<string, readonly [string, object | string]>> = {
  'that expired longer ago than the tolerance': ['token_expired', { exp: now - 30 }],
  'that expired within the tolerance': ['valid', { exp: now - 29.5 }],
  'that becomes valid after the tolerance': ['token_not_yet_valid', { nbf: now + 31 }],
  'that becomes valid within the tolerance': ['valid', { nbf: now + 30 }],
  'without times': ['valid', {}],
  'that expires at no number': ['claim_invalid', { exp: null }],
  'that expires at a number that is too large': ['claim_invalid', '{"exp":1e999}'],
  'with a start that is a string': ['claim_invalid', { nbf: `${now}` }],
  'with a time of issue that is a date': ['claim_invalid', { iat: '2026-01-01T00:00:00Z' }],
}

for (const [name, [expected, payload]] of Object.entries(times))
  test(`JWT: the outcome for a token ${name} is ${expected} [RFC 7519 §4.1]`, async () => {
    assert.equal(await outcome(signRaw(es256, payload), [ecJwk]), expected)
  })

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('')

test('JWT: a token in which any character is replaced, added or removed is never valid', async () => {
  const change = fc.record({
    at: fc.nat(token.length - 1),
    removed: fc.constantFrom(0, 1),
    added: fc.constantFrom('', '.', '=', ...alphabet),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async changes => {
      const changed = changes.reduce(
        (text, { at, removed, added }) => text.slice(0, at) + added + text.slice(at + removed),
        token,
      )
      fc.pre(changed !== token)
      assert.notEqual(await outcome(changed), 'valid')
    }),
    { numRuns: 1000 },
  )
})

test('base64url: what was encoded is decoded, and nothing else encodes the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
      const text = encodeBase64url(bytes)
      assert.equal(text, Buffer.from(bytes).toString('base64url'))
      assert.deepEqual(decodeBase64url(text), bytes)
    }),
  )
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...alphabet, '=', '+', ' '), { maxLength: 9 }), characters => {
      const text = characters.join('')
      const bytes = decodeBase64url(text)
      assert.equal(bytes === undefined, Buffer.from(text, 'base64url').toString('base64url') !== text)
    }),
  )
})

test('base64url: large values are encoded in parts', () => {
  const bytes = new Uint8Array(300_001).fill(200)
  assert.deepEqual(decodeBase64url(encodeBase64url(bytes)), bytes)
})
