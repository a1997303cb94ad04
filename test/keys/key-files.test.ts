/** Key files of other servers: which are read, and which keys are refused. */

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { calculateJwkThumbprint, type JWK } from 'jose'
import type { FoundKey } from '../../packages/server/src/keys/found-key.ts'
import { importedKey } from '../../packages/server/src/keys/imported-key.ts'
import { readKeyFile } from '../../packages/server/src/keys/key-file.ts'
import { one } from '../support/certificates.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed = generateKeyPairSync('ed25519')
const passphrase = 'old-passphrase'
const certificate = `-----BEGIN CERTIFICATE-----\n${one}\n-----END CERTIFICATE-----\n`

/** Made by OpenSSL 3.0: `openssl pkcs12 -export`, the first one with `-legacy`. */
const fixture = (name: string): Uint8Array => readFileSync(new URL(`fixtures/${name}`, import.meta.url))

const noPassphrase = (): Promise<string> => Promise.reject(new Error('it asked for a passphrase'))
const read = (content: string | Uint8Array, given?: string) =>
  readKeyFile(
    typeof content === 'string' ? Buffer.from(content) : content,
    given === undefined ? noPassphrase : async () => given,
  )
const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' | 'spki', cipher?: string): string =>
  String(key.export({ format: 'pem', type, ...(cipher && { cipher, passphrase }) } as never))
const jwk = (key: KeyObject, members: object = {}): JWK =>
  ({ ...key.export({ format: 'jwk' }), ...members }) as JWK

const readable: readonly (readonly [name: string, content: string, key: KeyObject, passphrase?: string])[] = [
  ['PKCS #8', pem(rsa.privateKey, 'pkcs8'), rsa.privateKey],
  ['PKCS #1', pem(rsa.privateKey, 'pkcs1'), rsa.privateKey],
  ['SEC 1', pem(ec.privateKey, 'sec1'), ec.privateKey],
  ['Ed25519', pem(ed.privateKey, 'pkcs8'), ed.privateKey],
  ['a public key', pem(rsa.publicKey, 'spki'), rsa.publicKey],
  ['encrypted PKCS #8', pem(rsa.privateKey, 'pkcs8', 'aes-256-cbc'), rsa.privateKey, passphrase],
  ['encrypted SEC 1', pem(ec.privateKey, 'sec1', 'aes-128-cbc'), ec.privateKey, passphrase],
  ['a JWK', JSON.stringify(jwk(ec.privateKey)), ec.privateKey],
  ['a JWK Set', JSON.stringify({ keys: [{ use: 'enc' }, jwk(ec.publicKey)] }), ec.publicKey],
]

for (const [name, content, key, given] of readable)
  test(`key files: ${name} is read`, async () => {
    const found = await read(content, given)
    assert.equal(found.length, 1)
    assert.ok(found[0]!.key.equals(key))
    assert.equal(found[0]!.x5c, undefined)
  })

test('key files: keys and certificates in DER are read without a passphrase', async () => {
  const der = (key: KeyObject, type: string): Buffer => key.export({ format: 'der', type } as never) as never
  for (const [content, key] of [
    [der(rsa.privateKey, 'pkcs8'), rsa.privateKey],
    [der(rsa.privateKey, 'pkcs1'), rsa.privateKey],
    [der(ec.privateKey, 'sec1'), ec.privateKey],
    [der(ed.privateKey, 'pkcs8'), ed.privateKey],
    [der(rsa.publicKey, 'spki'), rsa.publicKey],
    [der(rsa.publicKey, 'pkcs1'), rsa.publicKey],
  ] as const)
    assert.ok((await read(content))[0]!.key.equals(key))
  const [certified] = await read(Buffer.from(one, 'base64'))
  assert.deepEqual([certified!.key.type, certified!.x5c], ['public', [one.replaceAll(/\s/g, '')]])
})

test('key files: PFX with RC2 and Triple DES, or with AES and a chain, is read with its passphrase [RFC 7292]', async () => {
  const [old] = await read(fixture('rc2-and-3des.pfx'), passphrase)
  assert.deepEqual([old!.key.asymmetricKeyType, old!.x5c?.length], ['rsa', 1])
  const [current] = await read(fixture('aes-256-ec-with-chain.pfx'), passphrase)
  // The leaf, then its issuer, which is the certificate of the other file.
  assert.deepEqual([current!.key.asymmetricKeyType, current!.x5c?.length], ['ec', 2])
  assert.equal(current!.x5c![1], old!.x5c![0])
  assert.notEqual(current!.x5c![0], current!.x5c![1])
  for (const name of ['rc2-and-3des.pfx', 'aes-256-ec-with-chain.pfx'])
    await assert.rejects(read(fixture(name), 'wrong'), /can't be opened: the passphrase is wrong/)
})

/** Returns DER: a value with its length, in the long form (X.690 §8.1.3.5). */
const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const head = Buffer.of(tag, 0x82, 0, 0)
  head.writeUInt16BE(content.length, 2)
  return Buffer.concat([head, content])
}
const data = (content: Uint8Array): Buffer =>
  der(0x30, Buffer.from('06092a864886f70d010701', 'hex'), der(0xa0, der(0x04, content)))

/** Returns a PFX file with these keys in the clear, and without a MAC (RFC 7292 §4). */
function pfxOf(...keys: readonly KeyObject[]): Buffer {
  const keyBag = Buffer.from('060b2a864886f70d010c0a0101', 'hex')
  const bags = keys.map(key => der(0x30, keyBag, der(0xa0, key.export({ format: 'der', type: 'pkcs8' }))))
  return der(0x30, Buffer.of(2, 1, 3), data(der(0x30, data(der(0x30, ...bags)))))
}

test('key files: PFX with one key in the clear is read, and with none or several refused [RFC 7292 §4.2.1]', async () => {
  assert.ok((await read(pfxOf(ec.privateKey), passphrase))[0]!.key.equals(ec.privateKey))
  await assert.rejects(read(pfxOf(), passphrase), /no private key/)
  await assert.rejects(read(pfxOf(rsa.privateKey, ec.privateKey), passphrase), /several private keys/)
})

test('key files: a certificate in PEM is the x5c of its key, and alone it is a public key [RFC 7517 §4.7]', async () => {
  const [certified] = await read(certificate)
  assert.equal(certified!.key.type, 'public')
  assert.equal(certified!.x5c?.length, 1)
  // A certificate of another key is left out.
  assert.equal((await read(pem(rsa.privateKey, 'pkcs8') + certificate))[0]!.x5c, undefined)
})

const secretValue = 'c2VjcmV0LXN5bW1ldHJpYy12YWx1ZQ'
const unreadable: readonly (readonly [
  name: string,
  content: string | Uint8Array,
  error: RegExp,
  given?: string,
])[] = [
  ['a wrong passphrase', pem(rsa.privateKey, 'pkcs8', 'aes-256-cbc'), /the passphrase is wrong/, 'x'],
  ['a symmetric key', JSON.stringify({ kty: 'oct', k: secretValue }), /is a symmetric key/],
  [
    'a symmetric key in a set',
    JSON.stringify({ keys: [jwk(ec.publicKey), { kty: 'oct', k: secretValue }] }),
    /keys\[1\] is a symmetric key/,
  ],
  ['a damaged JWK', JSON.stringify({ kty: 'EC', crv: 'P-256', x: secretValue }), /the JWK is not a valid/],
  ['null in a set', '{"keys":[null]}', /keys\[0\] is not a valid/],
  ['a set without keys', '{"keys":[]}', /no key with "use": "sig"/],
  ['damaged JSON', `{"kty":"oct","k":"${secretValue}`, /not valid JSON/],
  ['two private keys', pem(rsa.privateKey, 'pkcs8') + pem(ec.privateKey, 'sec1'), /several keys/],
  [
    'PEM without a key',
    '-----BEGIN DH PARAMETERS-----\nMA==\n-----END DH PARAMETERS-----\n',
    /no key and no certificate/,
  ],
  ['other text', 'hello', /is not a key file/],
  ['other bytes', Buffer.from('3003020101', 'hex'), /the PFX file can't be opened/, 'x'],
]

for (const [name, content, error, given] of unreadable)
  test(`key files: ${name} is refused without repeating any of it`, async () => {
    await assert.rejects(read(content, given), (thrown: Error) => {
      assert.match(thrown.message, error)
      assert.ok(!thrown.message.includes(secretValue.slice(0, 8)))
      return true
    })
  })

const options = { use: 'sign', kid: 'k', signs: ['ES256', 'RS256'] } as const
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
const exponent3 = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 })
const curve = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })

const refusals: readonly (readonly [name: string, found: FoundKey, changes: object, error: RegExp])[] = [
  ['a public key that should sign', { key: rsa.publicKey }, {}, /public key, which can only verify/],
  ['RSA with 1024 bits', { key: weak.privateKey }, {}, /has 1024 bits; expected at least 2048/],
  ['RSA with 1024 bits, to verify', { key: weak.publicKey }, { use: 'verify' }, /has 1024 bits/],
  ['RSA with the exponent 3', { key: exponent3.privateKey }, {}, /exponent of the RSA key is 3/],
  ['secp256k1', { key: curve.privateKey }, { use: 'verify' }, /curve secp256k1 is not supported/],
  ['P-384 that should sign', { key: p384.privateKey }, {}, /does not sign with ES384/],
  ['Ed25519 where nothing signs with it', { key: ed.privateKey }, {}, /does not sign with EdDSA/],
  [
    'X25519',
    { key: generateKeyPairSync('x25519').publicKey },
    { use: 'verify' },
    /type x25519 is not supported/,
  ],
  ['an algorithm of another key', { key: ec.privateKey, alg: 'RS256' }, {}, /can't be RS256; expected ES256/],
  ['HMAC', { key: rsa.privateKey }, { alg: 'HS256' }, /can't be HS256/],
  ['no kid', { key: ec.privateKey }, { kid: undefined }, /it has no kid/],
  [
    'a kid with a line break',
    { key: ec.privateKey, kid: 'a\nb' },
    { kid: undefined },
    /not 1 to 255 printable/,
  ],
]

for (const [name, found, changes, error] of refusals)
  test(`key import: ${name} is refused`, () => {
    assert.throws(() => importedKey(found, { ...options, ...changes }), error)
  })

test('key import: the x5c of another key is refused [RFC 7517 §4.7]', async () => {
  const [certified] = await read(certificate)
  assert.throws(
    () => importedKey({ key: ec.privateKey, x5c: certified!.x5c }, options),
    /first certificate of x5c is of another key/,
  )
})

test('key import: only certificates of x5c are published, and nothing else that its texts contain [RFC 7517 §4.7]', async () => {
  const [certified] = await read(certificate)
  const [leaf = ''] = certified!.x5c!
  const key = certified!.key
  const verify = { ...options, use: 'verify' } as const
  const withMore = Buffer.from(`${pem(rsa.privateKey, 'pkcs8')}${certificate}`).toString('base64')
  for (const first of [leaf, withMore])
    assert.deepEqual(importedKey({ key, x5c: [first, withMore] }, verify).jwk.x5c, [leaf, leaf])
  for (const x5c of [
    [leaf, Buffer.from(pem(rsa.privateKey, 'pkcs8')).toString('base64')],
    [leaf, 'nonsense'],
  ])
    assert.throws(() => importedKey({ key, x5c }, verify), /x5c contains a text that is not a certificate/)
})

test('key import: a key that only verifies keeps no private member, and a certificate its thumbprint [RFC 7517 §4.9]', async () => {
  const [old] = await read(fixture('rc2-and-3des.pfx'), passphrase)
  const { kid, alg, jwk: kept } = importedKey(old!, { ...options, use: 'verify', until: 5 })
  assert.deepEqual([kid, alg, kept.exp], ['k', 'RS256', 5])
  assert.deepEqual(Object.keys(kept).sort(), ['e', 'exp', 'imported', 'kty', 'n', 'x5c', 'x5t#S256'])
  assert.equal(kept['x5t#S256'], 'qBFV3cdKeXd99v6eKsN5jlYS-_28JPFzSWqix_Pqh-I')
})

test('key import: without a kid, the usual forms of IdentityServer are named', async () => {
  const [old] = await read(fixture('rc2-and-3des.pfx'), passphrase)
  assert.throws(
    () => importedKey(old!, { ...options, kid: undefined }),
    /228FBA0905DE7FE5479B3C68128929C022EC982FRS256 \(IdentityServer 4\.x\)/,
  )
})

test('key import: the kid and algorithm of the file are kept', async () => {
  const thumbprint = await calculateJwkThumbprint(jwk(rsa.publicKey))
  const [found] = await read(JSON.stringify(jwk(rsa.privateKey, { kid: thumbprint, alg: 'PS256' })))
  const { kid, alg } = importedKey(found!, { use: 'sign', signs: ['PS256'] })
  assert.deepEqual([kid, alg], [thumbprint, 'PS256'])
})
