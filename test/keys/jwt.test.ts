/** Our own JWTs: a third-party library verifies what we sign, and we accept only what we signed. */

import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { ManagedKeyRing } from '../../packages/server/src/keys/key-ring.ts'
import type { SigningAlgorithm } from '../../packages/server/src/model/client.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { signJwt, verifyJwt } from '../../packages/server/src/tokens/jwt.ts'
import { openRing } from './keys.ts'

const all: readonly SigningAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA']
const claims = { iss: 'https://id.example', sub: '1', name: 'Zoë 🗝' }
const typ = 'at+jwt'

let keys: ManagedKeyRing
before(async () => {
  keys = await openRing({ keys: createMemoryStores().keys, algorithms: all })
})
after(() => keys.stop())

const encode = (part: object | string): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
const decode = (part = ''): any => JSON.parse(Buffer.from(part, 'base64url').toString())

/** A token with any header, signed as `how` says. */
const forge = (header: object, how: (input: Buffer) => Buffer, payload: object | string = claims): string => {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${how(Buffer.from(input)).toString('base64url')}`
}
const es256 =
  (key: KeyObject = keys.signing('ES256').privateKey) =>
  (input: Buffer) =>
    sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' })
const headerOf = (alg: SigningAlgorithm, more: object = {}) => ({
  alg,
  typ,
  kid: keys.signing(alg).kid,
  ...more,
})
const taken = (token: string) => verifyJwt(keys, token, { typ })

for (const alg of all)
  test(`jwt: ${alg} is verified by jose and by ourselves [RFC 7515 §5]`, async () => {
    const key = keys.signing(alg)
    const token = await signJwt(key, typ, claims)
    const jwks = createLocalJWKSet(JSON.parse(keys.jwks().body))
    const foreign = await jwtVerify(token, jwks, { typ, algorithms: [alg] })
    assert.deepEqual(foreign.payload, claims)
    assert.deepEqual(foreign.protectedHeader, { alg, typ, kid: key.kid })
    assert.deepEqual(taken(token), {
      header: { alg, typ, kid: key.kid },
      claims,
      key: keys.verification(key.kid),
    })
    // Created from the same claims: the forger of the tokens below can create valid ones.
    assert.deepEqual(taken(forge(headerOf('ES256'), es256()))?.claims, claims)
  })

for (const alg of ['ES256', 'RS256'] as const)
  test(`jwt: of many concurrent ${alg} signatures, one that fails does not affect the others`, async () => {
    const key = keys.signing(alg)
    const misfit = { ...key, privateKey: keys.verification(key.kid)!.publicKey }
    const signing = Array.from({ length: 30 }, (_, index) =>
      signJwt(index % 10 === 5 ? misfit : key, typ, { ...claims, index }),
    )
    const signed = await Promise.allSettled(signing)
    for (const [index, one] of signed.entries()) {
      if (index % 10 === 5) assert.equal(one.status, 'rejected')
      else assert.equal(one.status === 'fulfilled' && taken(one.value)?.claims.index, index)
    }
  })

test('jwt: none, and a public key used as a shared secret, are refused [RFC 8725 §3.1]', () => {
  const { publicKey } = keys.verification(keys.signing('RS256').kid)!
  const secrets = [
    publicKey.export({ type: 'spki', format: 'pem' }),
    JSON.stringify(publicKey.export({ format: 'jwk' })),
  ]
  for (const secret of secrets)
    for (const alg of ['HS256', 'RS256'])
      assert.equal(
        taken(
          forge({ ...headerOf('RS256'), alg }, input => createHmac('sha256', secret).update(input).digest()),
        ),
        undefined,
      )
  for (const alg of ['none', 'None', 'NONE', '']) {
    const header = { ...headerOf('ES256'), alg }
    assert.equal(taken(forge(header, es256())), undefined)
    assert.equal(taken(`${encode(header)}.${encode(claims)}.`), undefined)
    assert.equal(taken(`${encode(header)}.${encode(claims)}`), undefined)
  }
})

test('jwt: the algorithm must be that of the key, whatever the header says', async () => {
  for (const alg of all)
    for (const other of all.filter(name => name !== alg)) {
      const kid = keys.signing(other).kid
      assert.equal(taken(await signJwt({ ...keys.signing(alg), kid }, typ, claims)), undefined)
    }
  const rsa = keys.signing('RS256')
  assert.equal(taken(await signJwt({ ...rsa, alg: 'PS256' }, typ, claims)), undefined)
})

test('jwt: another type is refused, and so is a missing one [RFC 8725 §3.11]', async () => {
  for (const other of ['JWT', 'at+JWT', 'application/at+jwt', ''])
    assert.equal(taken(await signJwt(keys.signing('ES256'), other, claims)), undefined)
  assert.equal(taken(forge(headerOf('ES256', { typ: undefined }), es256())), undefined)
  assert.equal(taken(forge(headerOf('ES256', { typ: ['at+jwt'] }), es256())), undefined)
})

test('jwt: an unknown, missing or embedded key is refused', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const own = es256(privateKey)
  const jwk = publicKey.export({ format: 'jwk' })
  for (const more of [{ kid: 'unknown' }, { kid: undefined }, { kid: 1 }, { kid: '__proto__' }, {}])
    assert.equal(taken(forge(headerOf('ES256', { jwk, ...more }), own)), undefined)
  // Not found by trying: the signature is valid, but the token must name its key.
  for (const kid of ['unknown', undefined, 1, '__proto__'])
    assert.equal(taken(forge(headerOf('ES256', { kid }), es256())), undefined)
})

test('jwt: critical extensions are refused [RFC 7515 §4.1.11]', () => {
  assert.equal(taken(forge(headerOf('ES256', { crit: ['b64'], b64: false }), es256())), undefined)
  assert.equal(taken(forge(headerOf('ES256', { crit: [] }), es256())), undefined)
})

test('jwt: claims that are not an object are refused, even with a valid signature', () => {
  for (const payload of ['"text"', '[]', 'null', '1', 'no json'])
    assert.equal(taken(forge(headerOf('ES256'), es256(), payload)), undefined)
})

test('jwt: a signature in DER, truncated, empty or of zeros is refused', () => {
  const { privateKey } = keys.signing('ES256')
  const header = headerOf('ES256')
  assert.equal(taken(forge(header, input => sign('sha256', input, privateKey))), undefined)
  assert.equal(taken(forge(header, input => es256()(input).subarray(0, 63))), undefined)
  assert.equal(taken(forge(header, input => Buffer.concat([es256()(input), Buffer.alloc(1)]))), undefined)
  assert.equal(taken(forge(header, () => Buffer.alloc(64))), undefined)
  assert.equal(taken(forge(header, () => Buffer.alloc(0))), undefined)
})

test('jwt: a second spelling of a valid token is refused', async () => {
  const token = await signJwt(keys.signing('ES256'), typ, claims)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  // 64 bytes leave four bits of the last character unused.
  const last = alphabet.indexOf(token.at(-1)!)
  assert.equal(last % 16, 0)
  const spelled = token.slice(0, -1) + alphabet[last + 1]
  const signatureOf = (text: string) => Buffer.from(text.split('.')[2]!, 'base64url')
  assert.deepEqual(signatureOf(spelled), signatureOf(token))
  for (const other of [
    spelled,
    `${token}=`,
    `${token}==`,
    ` ${token}`,
    `${token}\n`,
    `${token}.`,
    `${token}.x`,
  ])
    assert.equal(taken(other), undefined)
  assert.ok(taken(token))
})

test('jwt: more characters than a form may have are refused unread', async () => {
  const make = (length: number) => signJwt(keys.signing('ES256'), typ, { x: 'a'.repeat(length) })
  const fits = await make(48_900)
  const tooLong = await make(49_200)
  assert.ok(fits.length <= 65_536 && tooLong.length > 65_536)
  assert.ok(taken(fits))
  assert.equal(taken(tooLong), undefined)
})

test('jwt: a token with any changed character is refused', async () => {
  const tokens = await Promise.all(all.map(alg => signJwt(keys.signing(alg), typ, claims)))
  fc.assert(
    fc.property(
      fc.constantFrom(...tokens),
      fc.nat(),
      fc.constantFrom(...'AQgw-_.9z= \u0000é'),
      (token, at, char) => {
        const index = at % token.length
        fc.pre(token[index] !== char)
        assert.equal(taken(token.slice(0, index) + char + token.slice(index + 1)), undefined)
      },
    ),
    { numRuns: 400 },
  )
})

test('jwt: any text is refused without an exception', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(fc.base64String(), { minLength: 3, maxLength: 3 }).map(parts => parts.join('.')),
      ),
      text => {
        assert.equal(taken(text), undefined)
      },
    ),
  )
})

test('jwt: header and claims are base64url of JSON in UTF-8, in the order given', async () => {
  const [header, payload, signature] = (await signJwt(keys.signing('ES256'), typ, claims)).split('.')
  assert.deepEqual(Object.keys(decode(header)), ['alg', 'typ', 'kid'])
  assert.equal(payload, encode(claims))
  assert.equal(Buffer.from(signature!, 'base64url').length, 64)
})
