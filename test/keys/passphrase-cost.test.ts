/** Key files that demand too much work for their passphrase are refused before it is done. */

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import forge from 'node-forge'
import { readKeyFile } from '../../packages/server/src/keys/key-file.ts'
import { requireCheapPassphrase } from '../../packages/server/src/keys/passphrase-cost.ts'

const { asn1 } = forge
type Asn1 = forge.asn1.Asn1
const { Type, Class } = asn1
const passphrase = 'old-passphrase'
const huge = 2 ** 31

const der = (value: Asn1): Buffer => Buffer.from(asn1.toDer(value).getBytes(), 'binary')
const parse = (bytes: Uint8Array): Asn1 => asn1.fromDer(Buffer.from(bytes).toString('binary'), false)
const universal = (type: number, value: string | Asn1[]): Asn1 =>
  asn1.create(Class.UNIVERSAL, type, Array.isArray(value), value)
const sequence = (...parts: Asn1[]) => universal(Type.SEQUENCE, parts)
const octets = (bytes = '12345678') => universal(Type.OCTETSTRING, bytes)
const oid = (text: string) => universal(Type.OID, asn1.oidToDer(text).getBytes())
const integer = (value: number | bigint) => {
  const hex = value.toString(16)
  // A leading zero keeps it positive.
  return universal(
    Type.INTEGER,
    Buffer.from(`00${hex.length % 2 ? '0' : ''}${hex}`, 'hex').toString('binary'),
  )
}

const pbes2 = (derivation: Asn1) =>
  sequence(
    oid('1.2.840.113549.1.5.13'),
    sequence(derivation, sequence(oid('2.16.840.1.101.3.4.1.42'), octets())),
  )
const pbkdf2 = (iterations: number | bigint) =>
  sequence(oid('1.2.840.113549.1.5.12'), sequence(octets(), integer(iterations)))
const scrypt = (n: number, r: number, p: number) =>
  sequence(oid('1.3.6.1.4.1.11591.4.11'), sequence(octets(), integer(n), integer(r), integer(p)))
const pbe = (scheme: string, iterations: number) =>
  sequence(oid(scheme), sequence(octets(), integer(iterations)))
const encryptedKey = (algorithm: Asn1) => der(sequence(algorithm, octets()))
const pem = (bytes: Uint8Array) =>
  `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${Buffer.from(bytes).toString('base64')}\n-----END ENCRYPTED PRIVATE KEY-----\n`

/** Replaces each INTEGER of this value, also in the octets of a PFX file. */
function replaced(value: Asn1, from: number, to: Asn1): Asn1 {
  if (Array.isArray(value.value))
    return { ...value, value: value.value.map(part => replaced(part, from, to)) }
  if (
    value.type === Type.INTEGER &&
    Number.parseInt(Buffer.from(value.value, 'binary').toString('hex'), 16) === from
  )
    return to
  if (value.type !== Type.OCTETSTRING || value.tagClass !== Class.UNIVERSAL) return value
  try {
    return {
      ...value,
      value: der(replaced(parse(Buffer.from(value.value, 'binary')), from, to)).toString('binary'),
    }
  } catch {
    return value
  }
}

const refused: readonly (readonly [name: string, algorithm: Asn1, cost: RegExp])[] = [
  ['PBKDF2', pbes2(pbkdf2(huge)), /costs 2147483648 iterations in total; expected at most 1000000/],
  ['PBKDF2 with a number of 100 bits', pbes2(pbkdf2(2n ** 100n)), /iterations in total/],
  ['scrypt with a large p', pbes2(scrypt(2, 1, 2 ** 29)), /1073741824 blocks of scrypt/],
  ['scrypt with a large N', pbes2(scrypt(2 ** 20, 8, 1)), /8388608 blocks of scrypt/],
  ['PBES1', pbe('1.2.840.113549.1.5.10', huge), /iterations in total/],
  ['the scheme of PKCS #12', pbe('1.2.840.113549.1.12.1.3', huge), /iterations in total/],
]
for (const [name, algorithm, cost] of refused)
  test(`key files: an encrypted PEM with ${name} that never ends is refused [RFC 8018 §4.2]`, async () => {
    const asked = () => Promise.reject(new Error('it asked for a passphrase'))
    await assert.rejects(readKeyFile(Buffer.from(pem(encryptedKey(algorithm))), asked), cost)
  })

test('key files: the limits are 1,000,000 iterations and 2^20 blocks of scrypt; OpenSSL writes far fewer', () => {
  requireCheapPassphrase(encryptedKey(pbes2(pbkdf2(1_000_000))))
  assert.throws(() => requireCheapPassphrase(encryptedKey(pbes2(pbkdf2(1_000_001)))), /-iter 100000/)
  requireCheapPassphrase(encryptedKey(pbes2(scrypt(2 ** 17, 8, 1))))
  assert.throws(() => requireCheapPassphrase(encryptedKey(pbes2(scrypt(2 ** 17, 8, 2)))), /scrypt/)
})

test('key files: an encrypted key that can’t be parsed is refused', async () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const whole = privateKey.export({ format: 'der', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase })
  const longer = Buffer.concat([whole, Buffer.alloc(3)])
  await assert.rejects(
    readKeyFile(Buffer.from(pem(longer)), async () => passphrase),
    /damaged/,
  )
  const [found] = await readKeyFile(Buffer.from(pem(whole)), async () => passphrase)
  assert.ok(found!.key.equals(privateKey))
})

/** Both were written with 2048 iterations, of the MAC and of each encryption. */
for (const name of ['rc2-and-3des.pfx', 'aes-256-ec-with-chain.pfx'])
  test(`key files: ${name} with 2^31 iterations is refused [RFC 7292 §4, appendix B]`, async () => {
    const file = parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url)))
    const given = der(replaced(file, 2048, integer(huge)))
    assert.notEqual(given.length, der(file).length)
    await assert.rejects(
      readKeyFile(given, async () => passphrase),
      /iterations in total; expected at most/,
    )
    const parts = file.value as Asn1[]
    // Of the MAC alone, and of one algorithm alone.
    const mac = der({ ...file, value: [parts[0]!, parts[1]!, replaced(parts[2]!, 2048, integer(huge))] })
    const rest = der({ ...file, value: [parts[0]!, replaced(parts[1]!, 2048, integer(huge)), parts[2]!] })
    for (const one of [mac, rest])
      await assert.rejects(
        readKeyFile(one, async () => passphrase),
        /costs \d{10,} iterations/,
      )
  })

test('key files: an expensive key inside of encrypted contents is refused', () => {
  const inner = sequence(sequence(sequence(pbes2(pbkdf2(huge)), octets())))
  const [algorithm, encrypted] = forge.pki.encryptPrivateKeyInfo(inner, passphrase, {
    algorithm: 'aes256',
    count: 1,
  }).value as [Asn1, Asn1]
  const contents = asn1.create(Class.CONTEXT_SPECIFIC, 0, false, encrypted.value)
  const outer = sequence(oid(String(forge.pki.oids.data)), algorithm, contents)
  const file = der(sequence(integer(3), octets(der(sequence(outer)).toString('binary'))))
  assert.throws(() => requireCheapPassphrase(file, passphrase), /2147483649 iterations in total/)
  // Without the passphrase, nobody does that work.
  requireCheapPassphrase(file, 'wrong')
})
