/** Valid and invalid DPoP proofs (RFC 9449 §4.3), without a server. */

import assert from 'node:assert/strict'
import { constants, createHmac, generateKeyPairSync, hash, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import type { HttpRequest } from '@tessera/protocol/http'
import { parseJsonObject, parseStrangersObject } from '@tessera/protocol/json'
import { isWeakRsaKey } from '@tessera/protocol/rsa-key'
import { normalTargetUri } from '@tessera/protocol/target-uri'
import { calculateJwkThumbprint } from 'jose'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import { signingAlgorithms } from '../../packages/server/src/model/client.ts'
import { mlDsaTypes } from '../../packages/server/src/model/signature-algorithm.ts'
import { createDpopProofs } from '../../packages/server/src/proof/dpop-proof.ts'
import { createProofNonces } from '../../packages/server/src/proof/proof-nonce.ts'
import { createClock, masterKey } from '../keys/keys.ts'
import { createProver, type ProofOptions, signProof } from '../support/dpop.ts'
import { issuer, startOfTime as now } from '../support/tessera.ts'

const prover = await createProver()
const verify = createDpopProofs({
  bases: [issuer, 'https://mtls.example:8443'],
  clock: createClock(now),
  algorithms: signingAlgorithms,
})
const requestWith = (dpop: string, more: object = {}): HttpRequest =>
  ({ method: 'POST', path: '/connect/token', query: '', headers: { dpop }, ...more }) as never
const reasonOf = (dpop: string, token?: string) => {
  const outcome = verify(requestWith(dpop), token)
  return outcome.ok ? 'valid' : `${outcome.error} ${outcome.reason}`
}
const refused = (options: ProofOptions, token?: string) => reasonOf(prover.proof(options), token)

test('dpop: a valid proof returns the thumbprint of its key [RFC 9449 §4.3]', () => {
  const outcome = verify(requestWith(prover.proof()))
  assert.equal(outcome.ok && outcome.value.jkt, prover.jkt)
})

test('dpop: each defect of the header is refused with its own reason [RFC 9449 §4.3]', () => {
  const { jwk } = prover
  const wrong: readonly (readonly [string, object])[] = [
    ['dpop_type_wrong', { typ: 'JWT' }],
    ['dpop_type_wrong', { typ: undefined }],
    ['dpop_type_wrong', { typ: 7 }],
    ['dpop_algorithm_not_allowed', { alg: 'none' }],
    ['dpop_algorithm_not_allowed', { alg: 'HS256' }],
    ['dpop_algorithm_not_allowed', { alg: 'toString' }],
    ['dpop_algorithm_not_allowed', { alg: undefined }],
    ['dpop_proof_malformed', { crit: ['b64'], b64: false }],
    ['dpop_key_missing', { jwk: undefined }],
    ['dpop_key_missing', { jwk: [jwk] }],
    ['dpop_key_private', { jwk: { ...jwk, d: jwk.x } }],
    ['dpop_key_private', { jwk: { ...jwk, k: '' } }],
    ['dpop_key_unsuitable', { jwk: { kty: 'oct' } }],
    ['dpop_key_unsuitable', { jwk: { ...jwk, crv: 'P-384' } }],
    ['dpop_key_unsuitable', { alg: 'RS256' }],
    ['dpop_key_invalid', { jwk: { ...jwk, x: jwk.y } }],
    ['dpop_key_invalid', { jwk: { ...jwk, x: `${jwk.x}=` } }],
    ['dpop_key_invalid', { jwk: { ...jwk, x: 7 } }],
  ]
  for (const [reason, header] of wrong)
    assert.equal(refused({ header }), `invalid_dpop_proof ${reason}`, JSON.stringify(header))
})

test('dpop: each wrong claim is refused with its own reason [RFC 9449 §4.3]', () => {
  const wrong: readonly (readonly [string, object])[] = [
    ['dpop_method_wrong', { htm: 'GET' }],
    ['dpop_method_wrong', { htm: 'post' }],
    ['dpop_method_wrong', { htm: undefined }],
    ['dpop_url_wrong', { htu: `${issuer}/connect/userinfo` }],
    ['dpop_url_wrong', { htu: 'https://other.example/connect/token' }],
    ['dpop_url_wrong', { htu: 'http://id.example/connect/token' }],
    ['dpop_url_wrong', { htu: '/connect/token' }],
    ['dpop_url_wrong', { htu: undefined }],
    ['dpop_time_wrong', { iat: undefined }],
    ['dpop_time_wrong', { iat: String(now) }],
    ['dpop_time_wrong', { iat: now - 121 }],
    ['dpop_time_wrong', { exp: now - 60 }],
    ['dpop_time_wrong', { nbf: now + 61 }],
    ['dpop_time_wrong', { nbf: String(now) }],
    ['dpop_time_wrong', { iat: now + 61 }],
    ['dpop_id_missing', { jti: undefined }],
    ['dpop_id_missing', { jti: '' }],
    ['dpop_id_missing', { jti: 7 }],
    ['dpop_id_missing', { jti: 'x'.repeat(257) }],
  ]
  for (const [reason, claims] of wrong)
    assert.equal(refused({ claims }), `invalid_dpop_proof ${reason}`, JSON.stringify(claims))
  assert.equal(refused({ claims: { jti: 'x'.repeat(256) } }), 'valid')
  for (const iat of [now - 120, now + 60, now - 0.5]) assert.equal(refused({ claims: { iat } }), 'valid')
})

test('dpop: a proof is identified by its key, its URI and its id [RFC 9449 §11.1]', async () => {
  const other = await createProver()
  const idOf = (by: typeof prover, claims: object, path = '/connect/token') => {
    const outcome = verify(requestWith(by.proof({ claims: { jti: 'id', ...claims } }), { path }))
    return outcome.ok ? outcome.value.use.hash : outcome.reason
  }
  const elsewhere = { htu: `${issuer}/connect/par` }
  const ids = [
    idOf(prover, {}),
    idOf(prover, { jti: 'other' }),
    idOf(prover, elsewhere, '/connect/par'),
    idOf(other, {}),
  ]
  assert.equal(new Set(ids).size, ids.length, String(ids))
  assert.equal(idOf(prover, { iat: now - 1 }), ids[0])
})

test('dpop: only the algorithms of the server are accepted', () => {
  const clock = createClock(now)
  for (const [alg, reason] of [
    ['ES256', 'valid'],
    ['PS256', 'dpop_algorithm_not_allowed'],
  ] as const) {
    const outcome = createDpopProofs({ bases: [issuer], clock, algorithms: [alg] })(
      requestWith(prover.proof()),
    )
    assert.equal(outcome.ok ? 'valid' : outcome.reason, reason)
  }
})

test('dpop: the id of a proof is remembered until the last second in which it is accepted, and five minutes more', () => {
  for (const iat of [now - 100, now - 0.5, now + 60]) {
    const outcome = verify(requestWith(prover.proof({ claims: { iat } })))
    assert.ok(outcome.ok)
    // A clock that is set back by less could otherwise accept it again.
    assert.equal(outcome.value.use.expires_at, Math.ceil(iat) + 60 + 60 + 300)
  }
})

/** Returns base64url that decodes to the same bytes: the last character of 64 bytes has four bits that do not count. */
function otherSpelling(signature: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const other = `${signature.slice(0, -1)}${letters[letters.indexOf(signature.at(-1) ?? '') + 1]}`
  assert.deepEqual(Buffer.from(other, 'base64url'), Buffer.from(signature, 'base64url'))
  return other
}

test('dpop: what is not a single JWT of reasonable size, or is not signed by its key, is refused', async () => {
  const valid = prover.proof()
  const other = await createProver()
  const [head, payload, signature] = valid.split('.') as [string, string, string]
  for (const [reason, text] of [
    ['dpop_proof_malformed', ''],
    ['dpop_proof_malformed', 'x'],
    ['dpop_proof_malformed', `${valid}.x`],
    ['dpop_proof_malformed', `${Buffer.from('[]').toString('base64url')}.${payload}.${signature}`],
    ['several_dpop_proofs', `${valid}, ${prover.proof()}`],
    ['dpop_proof_too_long', `${valid}${'A'.repeat(12_288)}`],
    ['dpop_proof_too_long', 'A'.repeat(12_289)],
    ['dpop_proof_malformed', 'A'.repeat(12_288)],
    ['dpop_signature_invalid', `${head}.${payload}.AAAA`],
    ['dpop_signature_invalid', `${head}.${other.proof().split('.')[1]}.${signature}`],
    ['dpop_signature_invalid', other.proof({ header: { jwk: prover.jwk } })],
    ['dpop_signature_invalid', `${head}.${payload}.${signature}A`],
    ['dpop_signature_invalid', `${head}.${payload}.${otherSpelling(signature)}`],
  ] as const)
    assert.equal(reasonOf(text), `invalid_dpop_proof ${reason}`, text.slice(-30))
})

test('dpop: at a resource, a proof is for one access token [RFC 9449 §4.3 (12)]', () => {
  assert.equal(refused({ token: 'ta_one' }, 'ta_one'), 'valid')
  for (const options of [{}, { token: 'ta_two' }, { claims: { ath: 7 } }])
    assert.equal(refused(options, 'ta_one'), 'invalid_dpop_proof dpop_token_hash_wrong')
})

test('dpop: URIs are compared in their normal form, without query and fragment [RFC 9449 §4.3 (9)]', () => {
  for (const htu of [
    'HTTPS://ID.EXAMPLE/connect/token',
    'https://id.example:443/connect/token',
    'https://id.example/connect/token?client_id=web',
    'https://id.example/connect/token#here',
    'https://id.example/connect/./x/../token',
    'https://id.example/connect/%74oken',
    'https://id.example/connect/token?a={|}^`',
    'https://mtls.example:8443/connect/token',
  ])
    assert.equal(refused({ claims: { htu } }), 'valid', htu)
  assert.equal(normalTargetUri('https://h/a%2fb%7E'), 'https://h/a%2Fb~')
  assert.equal(normalTargetUri('http://h'), 'http://h/')
  // Browsers and Node send these unencoded.
  for (const uri of ['https://h/auth0|1^', 'https://h/auth0%7C1%5e'])
    assert.equal(normalTargetUri(uri), 'https://h/auth0%7C1%5E')
  for (const uri of [
    'https://id.example@evil.example/connect/token',
    'https:/id.example/connect/token',
    'https:\\\\id.example\\connect\\token',
    ' https://id.example/connect/token',
    'https://id.example/connect/\ttoken',
    'https://id.example/"',
    'https://[/',
    'ftp://id.example/',
  ])
    assert.equal(normalTargetUri(uri), undefined, uri)
})

test('rsa: an exponent of one, with which anyone can sign, or an even one is weak', () => {
  const modulus =
    generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }).n ?? ''
  for (const [exponent, weak] of [
    ['AQ', true],
    ['Ag', true],
    ['AQAA', true],
    ['Aw', false],
    ['AQAB', false],
  ] as const)
    assert.equal(isWeakRsaKey(modulus, exponent), weak, exponent)
})

test('json: only objects are parsed, and other texts are undefined instead of an error that quotes them', () => {
  assert.deepEqual(parseJsonObject('{"a":[1]}'), { a: [1] })
  for (const text of ['[]', 'null', '1', '"{}"', '', '{', '{"a":1}x', 'undefined'])
    assert.equal(parseJsonObject(text), undefined, text)
})

test('json: an object of a stranger has at most 500 levels; brackets in strings do not count', () => {
  const nested = (levels: number, text = '') =>
    `{"a":${'['.repeat(levels - 1)}${text}${']'.repeat(levels - 1)}}`
  assert.ok(parseStrangersObject(nested(500)))
  assert.ok(parseStrangersObject(nested(500, JSON.stringify('"[{\\'.repeat(1000)))))
  assert.ok(parseStrangersObject(`{"a":[${'[],{},'.repeat(1000)}1]}`))
  for (const text of [nested(501), `{"b":"\\\\",${nested(501).slice(1)}`])
    assert.equal(parseStrangersObject(text), undefined)
  assert.ok(parseJsonObject(nested(501)))
})

type Pair = { readonly privateKey: KeyObject; readonly publicKey: KeyObject }

/** Signs as RFC 7518 §3 says, written apart from the server. */
const signatureOf = (alg: string, key: KeyObject) => (text: string) => {
  const data = Buffer.from(text)
  if (/^(Ed|ML)/.test(alg)) return sign(null, data, key)
  const digest = `sha${alg.slice(2)}`
  if (alg.startsWith('ES')) return sign(digest, data, { key, dsaEncoding: 'ieee-p1363' })
  const padding = alg.startsWith('PS') ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
  return sign(digest, data, {
    key,
    padding,
    ...(alg.startsWith('PS') && { saltLength: Number(alg.slice(2)) / 8 }),
  })
}

test('dpop: every algorithm in discovery is verified, with the thumbprint of RFC 7638', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const curves: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }
  const pairOf = (alg: string): Pair => {
    if (/^Ed/.test(alg)) return generateKeyPairSync('ed25519')
    if (alg.startsWith('ML-DSA')) return generateKeyPairSync(mlDsaTypes[alg as 'ML-DSA-44'])
    return alg in curves ? generateKeyPairSync('ec', { namedCurve: curves[alg]! }) : rsa
  }
  for (const alg of signingAlgorithms) {
    const { privateKey, publicKey } = pairOf(alg)
    const jwk = publicKey.export({ format: 'jwk' })
    const claims = {
      jti: 'j'.repeat(200),
      htm: 'POST',
      htu: `${issuer}/connect/token`,
      iat: now,
      ath: 'a'.repeat(43),
    }
    const header = { typ: 'dpop+jwt', alg, jwk: { ...jwk, kid: 'x', use: 'sig' } }
    const outcome = verify(requestWith(signProof(header, claims, signatureOf(alg, privateKey))))
    assert.ok(outcome.ok, `${alg} ${JSON.stringify(outcome)}`)
    assert.equal(outcome.value.jkt, await calculateJwkThumbprint(jwk as never), alg)
  }
})

test('dpop: an AKP key is accepted only as the algorithm that it names [RFC 9964 §3]', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ml-dsa-44')
  const jwk = publicKey.export({ format: 'jwk' }) as Readonly<Record<string, string>>
  const ec = prover.jwk
  const reasonFor = (
    alg: string,
    key: object,
    signature: (text: string) => Uint8Array = signatureOf(alg, privateKey),
  ) => {
    const claims = { jti: '1', htm: 'POST', htu: `${issuer}/connect/token`, iat: now }
    return reasonOf(signProof({ typ: 'dpop+jwt', alg, jwk: key }, claims, signature))
  }
  const mac = (text: string) => createHmac('sha256', String(jwk.pub)).update(text).digest()
  assert.equal(reasonFor('ML-DSA-44', jwk), 'valid')
  for (const [reason, alg, key, signature] of [
    ['dpop_key_unsuitable', 'ML-DSA-65', jwk],
    ['dpop_key_unsuitable', 'ML-DSA-44', { ...jwk, alg: undefined }],
    ['dpop_key_unsuitable', 'ML-DSA-44', { ...jwk, alg: 'ML-DSA-65' }],
    ['dpop_key_unsuitable', 'ML-DSA-44', { ...jwk, alg: ['ML-DSA-44'] }],
    ['dpop_key_unsuitable', 'ES256', { ...jwk, alg: 'ES256' }],
    ['dpop_key_unsuitable', 'EdDSA', jwk],
    ['dpop_key_unsuitable', 'ML-DSA-44', ec],
    ['dpop_key_unsuitable', 'ML-DSA-44', { ...ec, alg: 'ML-DSA-44' }],
    ['dpop_key_unsuitable', 'ML-DSA-44', { ...jwk, kty: 'OKP' }],
    ['dpop_key_invalid', 'ML-DSA-44', { ...ec, kty: 'AKP', alg: 'ML-DSA-44' }],
    ['dpop_key_invalid', 'ML-DSA-65', { ...jwk, alg: 'ML-DSA-65' }],
    ['dpop_key_invalid', 'ML-DSA-44', { ...jwk, pub: jwk.pub?.slice(4) }],
    ['dpop_key_invalid', 'ML-DSA-44', { ...jwk, pub: `${jwk.pub}AAAA` }],
    ['dpop_key_invalid', 'ML-DSA-44', { ...jwk, pub: `${jwk.pub}=` }],
    ['dpop_key_invalid', 'ML-DSA-44', { ...jwk, pub: undefined }],
    ['dpop_key_private', 'ML-DSA-44', privateKey.export({ format: 'jwk' })],
    ['dpop_signature_invalid', 'ML-DSA-44', jwk, mac],
    ['dpop_algorithm_not_allowed', 'HS256', jwk, mac],
    ['dpop_algorithm_not_allowed', 'ML-DSA', { ...jwk, alg: 'ML-DSA' }],
    ['dpop_algorithm_not_allowed', 'Ed448', { kty: 'OKP', crv: 'Ed448', x: 'A'.repeat(76) }],
    ['dpop_key_unsuitable', 'EdDSA', { kty: 'OKP', crv: 'Ed448', x: 'A'.repeat(76) }],
    ['dpop_key_unsuitable', 'Ed25519', { kty: 'OKP', crv: 'Ed448', x: 'A'.repeat(76) }],
  ] as const)
    assert.equal(
      reasonFor(alg, key, signature ?? (() => new Uint8Array(64))),
      `invalid_dpop_proof ${reason}`,
      `${alg} ${JSON.stringify(key).slice(0, 60)}`,
    )
})

test('dpop: short and huge RSA keys, and keys used as shared secrets, are refused', () => {
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const jwk = short.publicKey.export({ format: 'jwk' })
  const claims = { jti: '1', htm: 'POST', htu: `${issuer}/connect/token`, iat: now }
  const proofOf = (key: object) =>
    signProof({ typ: 'dpop+jwt', alg: 'RS256', jwk: key }, claims, signatureOf('RS256', short.privateKey))
  assert.equal(reasonOf(proofOf(jwk)), 'invalid_dpop_proof dpop_key_too_small')
  assert.equal(reasonOf(proofOf({ ...jwk, n: 'A'.repeat(1400) })), 'invalid_dpop_proof dpop_key_unsuitable')
  assert.equal(reasonOf(proofOf({ ...jwk, n: `AAAA${jwk.n}` })), 'invalid_dpop_proof dpop_key_too_small')
  // 33 bits. Real exponents have at most 32.
  assert.equal(reasonOf(proofOf({ ...jwk, e: 'AQAAAAE' })), 'invalid_dpop_proof dpop_key_unsuitable')
  const mac = (text: string) => createHmac('sha256', String(prover.jwk.x)).update(text).digest()
  for (const alg of ['HS256', 'none'])
    assert.equal(
      reasonOf(signProof({ typ: 'dpop+jwt', alg, jwk: prover.jwk }, claims, mac)),
      'invalid_dpop_proof dpop_algorithm_not_allowed',
    )
})

test('dpop: nonces of any node are accepted for five minutes, and replaced once they age [RFC 9449 §8]', () => {
  const clock = createClock(now)
  const nonces = createProofNonces({ derived: createDerivedKeys(masterKey(1)), clock })
  const ofAnotherNode = createProofNonces({
    derived: createDerivedKeys(masterKey(1)),
    clock: createClock(now),
  })
  const verifyWithNonce = createDpopProofs({ bases: [issuer], clock, algorithms: signingAlgorithms, nonces })
  const attempt = (nonce: string | undefined) =>
    verifyWithNonce(requestWith(prover.proof({ nonce, at: clock.now() })))
  const first = ofAnotherNode.current()
  assert.match(first, /^[\w-]+$/)
  const fresh = attempt(first)
  assert.ok(fresh.ok && fresh.value.nonce === undefined)
  clock.advance(61)
  const aging = attempt(first)
  assert.ok(aging.ok && aging.value.nonce === nonces.current())
  assert.notEqual(nonces.current(), first)
  clock.advance(240)
  const expired = attempt(first)
  assert.deepEqual(!expired.ok && [expired.error, expired.reason], ['use_dpop_nonce', 'dpop_nonce_expired'])
  const missing = attempt(undefined)
  assert.deepEqual(!missing.ok && [missing.error, missing.reason], ['use_dpop_nonce', 'dpop_nonce_missing'])
  const later = (seconds: number) =>
    createProofNonces({
      derived: createDerivedKeys(masterKey(1)),
      clock: createClock(clock.now() + seconds),
    }).current()
  // Its clock is ahead, and so it made the next nonce already.
  const ahead = attempt(later(60))
  assert.ok(ahead.ok && ahead.value.nonce === undefined)
  assert.ok(!attempt(later(120)).ok)
  const ofAnotherServer = createProofNonces({ derived: createDerivedKeys(masterKey(2)), clock }).current()
  for (const nonce of ['', 'x', `${nonces.current()}A`, ofAnotherServer, hash('sha256', 'x', 'base64url')])
    assert.ok(!attempt(nonce).ok, nonce)
})
