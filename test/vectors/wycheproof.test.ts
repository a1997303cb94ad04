/**
 * The vectors of Wycheproof through every place that verifies a signature or decrypts: the client library, the keys of
 * clients, DPoP proofs and request objects. `wycheproof.json` has the vectors of JOSE, and a selection of those of each
 * signature algorithm.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fixedKeys, type Jwk, verifyJwt } from '@tessera/client'
import { algorithmParameters } from '../../packages/client/src/jwt/algorithms.ts'
import { importVerificationKey } from '../../packages/client/src/jwt/jwk.ts'
import { createClientKeyFinder } from '../../packages/server/src/clients/keys/jwks.ts'
import { createClientSignatures } from '../../packages/server/src/clients/keys/signature.ts'
import { openJwe } from '../../packages/server/src/keys/decryption-key.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../../packages/server/src/model/client.ts'
import { importProofKey, isSignedBy } from '../../packages/server/src/proof/proof-key.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'

type Result = 'valid' | 'invalid' | 'acceptable'
type Key = Readonly<Record<string, string>>
type Group<Test> = {
  readonly file: string
  readonly group: string
  readonly keys: readonly Key[]
  readonly tests: readonly Test[]
}
type Jws = readonly [id: number, comment: string, result: Result, jws: string]
type Jwe = readonly [id: number, comment: string, result: Result, jwe: string, plaintext: string]
type Raw = readonly [id: number, comment: string, result: Result, message: string, signature: string]

const vectors = JSON.parse(readFileSync(new URL('wycheproof.json', import.meta.url), 'utf8')) as {
  readonly jws: readonly Group<Jws>[]
  readonly jwe: readonly Group<Jwe>[]
  readonly raw: readonly {
    readonly file: string
    readonly alg: SigningAlgorithm
    readonly groups: readonly { readonly key: Key; readonly tests: readonly Raw[] }[]
  }[]
}

type Outcome = { readonly name: string; readonly expected: Result; readonly accepted: boolean }

/**
 * Compares what was accepted with the vectors.
 * @param others the vectors with another result here, and why.
 */
function assertResults(results: readonly Outcome[], others: Readonly<Record<string, string>> = {}): void {
  assert.ok(results.length > 80)
  const differing = results
    .filter(({ expected, accepted }) => expected !== 'acceptable' && accepted !== (expected === 'valid'))
    .map(({ name, accepted }) => `${name} ${accepted ? 'accepted' : 'refused'}`)
  assert.deepEqual(differing.sort(), Object.keys(others).sort())
}

const otherAlg = 'the header has the right algorithm, but alg of the key in the vector names another one'

test('Wycheproof: the client library accepts the valid tokens and no others', async () => {
  const results = []
  for (const { file, group, keys, tests } of vectors.jws)
    for (const [id, comment, expected, jws] of tests) {
      const algorithms = [...signingAlgorithms, 'HS256', 'HS384', 'HS512']
      const outcome = await verifyJwt(jws, fixedKeys(keys as readonly Jwk[]), { algorithms, now: 0 })
      // Most payloads are not JSON, which is found after the signature was verified.
      const accepted = outcome.ok || outcome.error.code === 'payload_malformed'
      results.push({ name: `${file} ${id} ${group} ${comment}`, expected, accepted })
    }
  const lenient = 'the text is not base64url, although the vector calls it valid'
  const same = 'the vector has no padding, and is equal to a valid one'
  const ambiguous = 'the application chose the keys, and each is used only for its own algorithm'
  assertResults(results, {
    'json_web_signature 346 rfc7520 Figure20 refused': otherAlg,
    'json_web_signature 347 rfc7520 Figure27 refused': otherAlg,
    'json_web_signature 350 rfc7520WithKeyOps Figure20 refused': otherAlg,
    'json_web_signature 351 rfc7520WithKeyOps Figure27 refused': otherAlg,
    'json_web_signature 367 base64 invalidBase64Padding accepted': same,
    'json_web_signature 370 base64 invalidBase64PaddingInPayload accepted': same,
    'json_web_signature 372 base64 InvalidCharacterInsertedInHeader refused': lenient,
    'json_web_signature 373 base64 InvalidCharacterInsertedInPayload refused': lenient,
    'json_web_crypto 47 jws_mixedSymmetryKeyset rejectsValid accepted': ambiguous,
    'json_web_key 1 jws_mixedSymmetryKeyset rejectsValid accepted': ambiguous,
    'json_web_key 4 jws_duplicate_kid rejectsDuplicateKid accepted': ambiguous,
  })
})

test('Wycheproof: keys of clients verify the valid tokens and no others; a shared secret verifies none', async () => {
  const results = []
  for (const { file, group, keys, tests } of vectors.jws)
    for (const [id, comment, expected, jws] of tests) {
      const outbound = async () => ({ ok: true, status: 200, headers: {}, body: JSON.stringify({ keys }) })
      const clock = { now: () => 0 }
      const findKeys = createClientKeyFinder({ outbound: outbound as never, clock, log: silentLog })
      const verify = createClientSignatures(findKeys, signingAlgorithms)
      const client = { jwks_uri: 'https://client.example/jwks' } as never
      const outcome = await verify(client, jws, { currentDate: new Date(0), clockTolerance: 0 })
      // The payload is read after the signature was verified.
      const accepted = outcome.ok || (!outcome.unavailable && outcome.code === 'ERR_JWT_INVALID')
      const isSecret = keys.every(({ kty }) => kty === 'oct')
      results.push({
        name: `${file} ${id} ${group} ${comment}`,
        expected: isSecret ? ('invalid' as const) : expected,
        accepted,
      })
    }
  assertResults(results, {
    'json_web_signature 346 rfc7520 Figure20 refused': otherAlg,
    'json_web_signature 347 rfc7520 Figure27 refused': otherAlg,
    'json_web_signature 350 rfc7520WithKeyOps Figure20 refused': otherAlg,
    'json_web_signature 351 rfc7520WithKeyOps Figure27 refused': otherAlg,
  })
})

test('Wycheproof: the keys of proofs accept the valid signatures of each algorithm and no others', () => {
  const results = vectors.raw.flatMap(({ file, alg, groups }) =>
    groups.flatMap(({ key: jwk, tests }) => {
      const key = importProofKey(alg, jwk)
      return tests.map(([id, comment, expected, message, signature]) => ({
        name: `${file} ${id} ${comment}`,
        expected,
        accepted:
          typeof key !== 'string' &&
          isSignedBy(key, Buffer.from(message, 'base64url'), Buffer.from(signature, 'base64url')),
      }))
    }),
  )
  assertResults(results)
  assert.equal(new Set(vectors.raw.map(({ alg }) => alg)).size, signingAlgorithms.length - 1)
})

test('Wycheproof: the client library accepts the valid signatures of each algorithm and no others', async () => {
  const results = []
  for (const { file, alg, groups } of vectors.raw)
    for (const { key: jwk, tests } of groups) {
      const key = await importVerificationKey(jwk, alg)
      const web = algorithmParameters(alg)?.web
      assert.ok(web)
      for (const [id, comment, expected, message, signature] of tests)
        results.push({
          name: `${file} ${id} ${comment}`,
          expected,
          accepted:
            key !== undefined &&
            (await crypto.subtle
              .verify(web, key, Buffer.from(signature, 'base64url'), Buffer.from(message, 'base64url'))
              .catch(() => false)),
        })
    }
  assertResults(results)
})

test('Wycheproof: request objects are decrypted by the algorithms in discovery, and by no others', async () => {
  const results = []
  for (const { file, group, keys, tests } of vectors.jwe)
    for (const [id, comment, expected, jwe, plaintext] of tests) {
      const [key] = keys
      const opened = await openJwe(jwe, key ?? {})
      if (opened !== undefined && expected === 'valid' && plaintext !== '')
        assert.equal(opened, Buffer.from(plaintext, 'hex').toString())
      results.push({
        name: `${file} ${id} ${group} ${comment}`,
        expected: key?.kty === 'EC' ? expected : ('invalid' as const),
        accepted: opened !== undefined,
      })
    }
  const notListed = 'ECDH-ES+A192KW is not in discovery'
  assertResults(results, {
    'json_web_encryption 60 jwe_ec acceptsEcdhEsA192KwA192Gcm refused': notListed,
    'json_web_encryption 61 jwe_ec acceptsEcdhEsA192KwA192CbcHs384 refused': notListed,
  })
})
