import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { codeChallengeOf, isCodeVerifier } from '@tessera/protocol/pkce'
import fc from 'fast-check'

const sha256 = (text: string): string => hash('sha256', text, 'base64url')
const unreserved = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~']
const verifier = fc.string({ unit: fc.constantFrom(...unreserved), minLength: 43, maxLength: 128 })

test('pkce: an S256 challenge is well-formed, and matches only its own verifier', () => {
  fc.assert(
    fc.property(verifier, verifier, (one, other) => {
      const challenge = codeChallengeOf(one, 'S256', sha256)
      assert.ok(isCodeVerifier(challenge))
      assert.equal(codeChallengeOf(other, 'S256', sha256) === challenge, one === other)
      assert.notEqual(codeChallengeOf(challenge, 'S256', sha256), challenge)
    }),
  )
})

test('pkce: a verifier is 43 to 128 unreserved characters and nothing else', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 140 }), text => {
      const expected =
        text.length >= 43 && text.length <= 128 && [...text].every(letter => unreserved.includes(letter))
      assert.equal(isCodeVerifier(text), expected)
    }),
  )
  fc.assert(fc.property(verifier, isCodeVerifier))
  assert.equal(isCodeVerifier(`${'a'.repeat(43)}\n`), false)
})

test('pkce: the RFC’s own example is accepted [RFC 7636 appendix B]', () => {
  const challenge = codeChallengeOf('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk', 'S256', sha256)
  assert.equal(challenge, 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM')
})
