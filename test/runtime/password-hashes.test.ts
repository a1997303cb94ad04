/** Password hashes of other servers: every format verifies hashes that another implementation computed. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importedPasswordHash } from '../../packages/server/src/runtime/password-hash/exported.ts'
import { isHash } from '../../packages/server/src/runtime/password-hash/format.ts'
import {
  findPasswordHash,
  passwordHashError,
  readPasswordHash,
} from '../../packages/server/src/runtime/password-hash/read.ts'
import { keycloakVectors, passwordHashVectors } from '../support/password-hashes.ts'

const matches = async (hash: string, password: string): Promise<boolean | undefined> =>
  findPasswordHash(hash)?.matches(password)

for (const [index, { name, source, password, hash }] of passwordHashVectors.entries())
  test(`password hashes: ${name} is verified (${source})`, async () => {
    assert.equal(await matches(hash, password), true)
    // Each format has several vectors, so together they try every change. Each attempt costs what it costs an attacker.
    const changed = [`${password} `, password.slice(1), `${password}${password}`][index % 3]!
    for (const wrong of [changed, '']) assert.equal(await matches(hash, wrong), false, wrong)
  })

for (const { name, source, password, hash } of keycloakVectors)
  test(`password hashes: a credential of ${name} is converted (${source})`, async () => {
    const converted = importedPasswordHash(hash)
    assert.match(converted, /^\$(pbkdf2-|argon2)/)
    assert.equal(await matches(converted, password), true)
    assert.equal(await matches(converted, `${password}x`), false)
    // Data within the credential may also be JSON itself.
    const { credentialData, secretData, ...rest } = JSON.parse(hash)
    if (credentialData === undefined) return
    const nested = { ...rest, credentialData: JSON.parse(credentialData), secretData: JSON.parse(secretData) }
    assert.equal(importedPasswordHash(JSON.stringify(nested)), converted)
  })

test('password hashes: a bare hash of ASP.NET Identity is converted', async () => {
  for (const { name, password, hash } of passwordHashVectors.filter(({ hash }) =>
    hash.startsWith('$aspnet'),
  )) {
    const bare = hash.slice('$aspnet-identity$'.length)
    assert.equal(importedPasswordHash(`${bare}\n`), hash, name)
    assert.equal(await matches(importedPasswordHash(bare), password), true, name)
  }
})

const firebase = passwordHashVectors.find(({ name }) => name === "Firebase's scrypt")!
/** The example of the README of firebase/scrypt, as `firebase auth:export` and the console show it. */
const firebaseUser = {
  localId: 'f1',
  email: 'user1@test.com',
  passwordHash: 'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
  salt: '42xEC+ixf3L2lw==',
  hash_config: {
    algorithm: 'SCRYPT',
    base64_signer_key:
      'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
    base64_salt_separator: 'Bw==',
    rounds: 8,
    mem_cost: 14,
  },
}

test('password hashes: a user of firebase auth:export is converted with the hash_config of the project', () => {
  assert.equal(importedPasswordHash(JSON.stringify(firebaseUser)), firebase.hash)
  const { passwordHash, salt } = firebaseUser
  const web = (text: string) => text.replaceAll('+', '-').replaceAll('/', '_')
  const asOfApi = { ...firebaseUser, passwordHash: web(passwordHash), salt: web(salt) }
  assert.equal(importedPasswordHash(JSON.stringify(asOfApi)), firebase.hash)
  const { hash_config } = firebaseUser
  for (const incomplete of [
    { ...firebaseUser, hash_config: undefined },
    { ...firebaseUser, salt: undefined },
    { ...firebaseUser, passwordHash: 7 },
    { ...firebaseUser, hash_config: { ...hash_config, rounds: '8' } },
    { ...firebaseUser, hash_config: { ...hash_config, base64_signer_key: '' } },
    { ...firebaseUser, hash_config: { ...hash_config, algorithm: 'HMAC_SHA256' } },
    { ...firebaseUser, hash_config: [] },
  ]) {
    const error = passwordHashError(importedPasswordHash(JSON.stringify(incomplete)))
    assert.equal(error?.problem, 'it is not a password hash in a known format')
  }
})

test('password hashes: text in none of these formats is left for the reader to refuse', () => {
  for (const text of [
    '{"a":1}',
    '{"type":"password","credentialData":"{","secretData":"{}"}',
    '{"credentialData":{"algorithm":"md5","hashIterations":1},"secretData":{"salt":"AAAA","value":"AAAA"}}',
    '{"credentialData":{"algorithm":"constructor","hashIterations":1},"secretData":{"salt":"AAAA","value":"AAAA"}}',
    'hunter2',
    '',
  ])
    assert.ok(passwordHashError(importedPasswordHash(text)), text)
})

const malformed = /^it is not /
const outOfBounds = 'its cost is out of bounds'
const salt = 'A'.repeat(22)
const key = 'A'.repeat(43)

test('password hashes: costs outside the limits are refused, and costs at the limits are read', () => {
  const bcryptOf = (cost: string) => `$2b$${cost}$${'.'.repeat(53)}`
  const firebase = (costs: string) => `$firebase-scrypt$${costs},ss=Bw,sk=${key}$${salt}$${key}`
  const aspNet = (iterations: number) => {
    const header = Buffer.alloc(13)
    header[0] = 1
    header.writeUInt32BE(1, 1)
    header.writeUInt32BE(iterations, 5)
    header.writeUInt32BE(16, 9)
    return `$aspnet-identity$${Buffer.concat([header, Buffer.alloc(48)]).toString('base64')}`
  }
  for (const [within, beyond] of [
    [bcryptOf('04'), bcryptOf('03')],
    [bcryptOf('14'), bcryptOf('15')],
    [`$pbkdf2-sha1$i=2000000$${salt}$${key}`, `$pbkdf2-sha1$i=2000001$${salt}$${key}`],
    [aspNet(2_000_000), aspNet(2_000_001)],
    [aspNet(1), aspNet(2 ** 32 - 1)],
    [`$scrypt$ln=18,r=8,p=1$${salt}$${key}`, `$scrypt$ln=18,r=8,p=2$${salt}$${key}`],
    [`$scrypt$ln=1,r=1,p=1$${salt}$${key}`, `$scrypt$ln=21,r=1,p=1$${salt}$${key}`],
    [firebase('ln=14,r=8'), firebase('ln=20,r=8')],
    [`$scrypt$ln=15,r=1,p=1$${salt}$${key}`, `$scrypt$ln=16,r=1,p=1$${salt}$${key}`],
    [`$scrypt$ln=1,r=1,p=1024$${salt}$${key}`, `$scrypt$ln=1,r=1,p=1025$${salt}$${key}`],
    [`$scrypt$ln=1,r=1024,p=1$${salt}$${key}`, `$scrypt$ln=1,r=1025,p=1$${salt}$${key}`],
    [`$argon2id$v=19$m=262144,t=8,p=16$${salt}$${key}`, `$argon2id$v=19$m=262144,t=9,p=16$${salt}$${key}`],
    [`$argon2id$v=19$m=262144,t=1,p=16$${salt}$${key}`, `$argon2id$v=19$m=262145,t=1,p=16$${salt}$${key}`],
    [`$argon2id$v=19$m=8,t=16,p=1$${salt}$${key}`, `$argon2id$v=19$m=8,t=17,p=1$${salt}$${key}`],
    [`$argon2i$v=16$m=8,t=1,p=1$${salt}$${key}`, `$argon2i$v=16$m=7,t=1,p=1$${salt}$${key}`],
  ] as const) {
    assert.ok(isHash(readPasswordHash(within)), within)
    assert.equal(passwordHashError(beyond)?.problem, outOfBounds, beyond)
  }
})

test('password hashes: a hash of ASP.NET Core Identity that is cut off is refused', () => {
  const whole = Buffer.concat([Buffer.from([1, 0, 0, 0, 1, 0, 0, 39, 16, 0, 0, 0, 16]), Buffer.alloc(48)])
  const problemOf = (length: number) =>
    passwordHashError(`$aspnet-identity$${whole.subarray(0, length).toString('base64')}`)?.problem
  assert.equal(problemOf(whole.length), undefined)
  for (let length = 1; length < 30; length++) assert.match(problemOf(length) ?? '', malformed, String(length))
})

test('password hashes: a salt or key that no encoder writes is refused', () => {
  // The last letter has bits that belong to no byte.
  const [own, other] = ['A'.repeat(22), `${'A'.repeat(21)}B`]
  for (const start of ['$argon2id$v=19$m=8,t=1,p=1', '$pbkdf2-sha256$i=1000', '$scrypt$ln=1,r=1,p=1']) {
    assert.equal(passwordHashError(`${start}$${own}$${own}`), undefined)
    for (const parts of [
      [own, other],
      [other, own],
    ])
      assert.match(passwordHashError(`${start}$${parts.join('$')}`)?.problem ?? '', /^it is not/, start)
  }
})

test('password hashes: every scrypt hash that is read can be computed', async () => {
  for (const ln of [1, 2, 9, 15, 16, 17])
    for (const r of [1, 2, 1024])
      for (const p of [1, 3, 1024]) {
        const hash = `$scrypt$ln=${ln},r=${r},p=${p}$${salt}$${key}`
        if (2 ** ln * r * p <= 2 ** 18) assert.notEqual(await matches(hash, 'a password'), true, hash)
      }
})

test('password hashes: an argon2 hash without a version is one of version 1.0', async () => {
  const { password, hash } = passwordHashVectors.find(({ hash }) => hash.includes('$v=16$'))!
  assert.equal(await matches(hash.replace('$v=16', ''), password), true)
  assert.equal(await matches(hash.replace('$v=16', ''), `${password}x`), false)
})

test('password hashes: bcrypt with unused bits that are set is refused, because nothing would match it', () => {
  const { hash } = passwordHashVectors.find(({ hash }) => hash.startsWith('$2b$'))!
  for (const changed of [`${hash.slice(0, 28)}/${hash.slice(29)}`, `${hash.slice(0, 59)}/`])
    assert.match(passwordHashError(changed)?.problem ?? '', malformed)
})

test('password hashes: the text that an extension of Keycloak stores is converted', async () => {
  const { password, hash } = passwordHashVectors.find(({ hash }) => hash.startsWith('$2b$'))!
  const credential = {
    type: 'password',
    secretData: JSON.stringify({ value: hash, salt: '', additionalParameters: {} }),
    credentialData: JSON.stringify({ hashIterations: 4, algorithm: 'bcrypt', additionalParameters: {} }),
  }
  assert.equal(importedPasswordHash(JSON.stringify(credential)), hash)
  assert.equal(await matches(importedPasswordHash(JSON.stringify(credential)), password), true)
})

/** Texts that differ from a hash so that it can't be one. */
const damaged = (hash: string): readonly string[] => [
  hash.slice(0, hash.lastIndexOf('$') + 1),
  hash.slice(0, Math.floor(hash.length / 2)),
  `${hash}!`,
  ` ${hash}`,
  hash.replaceAll(/[A-Za-z]/g, '*'),
  hash.repeat(20),
]

for (const { name, password, hash } of passwordHashVectors)
  test(`password hashes: a truncated or changed hash matches nothing: ${name}`, async () => {
    for (const text of damaged(hash)) {
      const error = passwordHashError(text)
      // Half of a hash may still have the form of one.
      if (error) assert.match(error.problem, malformed)
      else assert.equal(await matches(text, password), false, text)
    }
    const shortened = hash.replace(/=+$/, '').slice(0, -1)
    if (findPasswordHash(shortened)) assert.equal(await matches(shortened, password), false)
    const at = hash.lastIndexOf('$') === -1 ? hash.indexOf('}') + 8 : hash.lastIndexOf('$') + 12
    const other = hash[at] === 'B' ? 'C' : 'B'
    const changed = hash.slice(0, at) + other + hash.slice(at + 1)
    if (findPasswordHash(changed)) assert.equal(await matches(changed, password), false, changed)
  })

test('password hashes: an error quotes nothing of the text', () => {
  for (const text of ['hunter2hunter2', '$2b$99$hunter2', '{SSHA}hunter2', '$argon2id$hunter2']) {
    const error = passwordHashError(text)
    assert.ok(error)
    assert.doesNotMatch(JSON.stringify(error), /hunter2/)
  }
})

test('password hashes: bcrypt uses the first 72 bytes of a password in UTF-8, as every origin does', async () => {
  // The Python package bcrypt 4.0.1, for 80 times "a" and for 40 times "é".
  for (const [letter, count, hash] of [
    ['a', 80, '$2b$04$LUP/fhruh0GU6GXuc7fiC.tiYGLYrBEb4/49ysnx6520vMvKQAqsq'],
    ['é', 40, '$2b$04$J0wIqCmpXhUm0dVxLoXe4OjWM/htFlD4qgo2v4CSguGc.17StD.tm'],
  ] as const) {
    const bytes = Buffer.byteLength(letter)
    assert.equal(await matches(hash, letter.repeat(count)), true)
    assert.equal(await matches(hash, letter.repeat(72 / bytes)), true)
    assert.equal(await matches(hash, letter.repeat(72 / bytes - 1)), false)
  }
})

test('password hashes: weak hashes are named, and only argon2id of the default cost or more is kept', () => {
  for (const [hash, weakness] of [
    [`{SHA}${Buffer.alloc(20).toString('base64')}`, /without a salt/],
    [`{SSHA512}${Buffer.alloc(72).toString('base64')}`, /one fast digest/],
    [`$pbkdf2-sha1$i=2000000$${salt}$${key}`, /SHA-1/],
    [`$pbkdf2-sha256$i=27500$${salt}$${key}`, /27500 iterations/],
    [`$pbkdf2-sha256$i=600000$${salt}$${key}`, undefined],
    [`$2b$09$${'.'.repeat(53)}`, /cost 9/],
    [`$2b$10$${'.'.repeat(53)}`, undefined],
    [`$scrypt$ln=10,r=8,p=1$${salt}$${key}`, /ln=10/],
    [`$scrypt$ln=17,r=8,p=1$${salt}$${key}`, undefined],
    [`$argon2id$v=19$m=1024,t=1,p=1$${salt}$${key}`, /m=1024/],
    [`$argon2id$v=19$m=7168,t=5,p=1$${salt}$${key}`, undefined],
  ] as const) {
    const found = findPasswordHash(hash)
    if (weakness) assert.match(found?.weakness ?? '', weakness)
    else assert.equal(found?.weakness, undefined, hash)
    assert.equal(found?.isCurrent, false, hash)
  }
  assert.equal(findPasswordHash(`$argon2id$v=19$m=19456,t=2,p=1$${salt}$${key}`)?.isCurrent, true)
  assert.equal(findPasswordHash(`$argon2id$v=19$m=65536,t=3,p=4$${salt}$${key}`)?.isCurrent, true)
  assert.equal(findPasswordHash(`$argon2i$v=19$m=65536,t=3,p=4$${salt}$${key}`)?.isCurrent, false)
})
