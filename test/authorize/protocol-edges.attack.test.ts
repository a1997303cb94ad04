/** The protocol's small parsers at their limits: each check refuses what it alone refuses. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAcrValues } from '@tessera/protocol/acr-values'
import { parseDisplay } from '@tessera/protocol/display'
import { statusOf } from '@tessera/protocol/errors'
import { type Limits, parseParameters } from '@tessera/protocol/parameters'
import { codeChallengeOf, isCodeVerifier } from '@tessera/protocol/pkce'
import { brings, bringsToken, parseResponseType } from '@tessera/protocol/response-type'
import type { Result } from '@tessera/protocol/result'
import { isScopeToken, isWithin, parseScope } from '@tessera/protocol/scope'

const refusalOf = (result: Result<unknown>) => (result.ok ? undefined : [result.error, result.reason])

test('acr_values: one provider and one tenant are named, each by a valid name; the rest keeps its order', () => {
  for (const [text, value] of [
    [undefined, { acr: [] }],
    ['', { acr: [] }],
    [' ', { acr: [] }],
    ['2  1', { acr: ['2', '1'] }],
    ['idp:corp', { idp: 'corp', acr: [] }],
    ['1 tenant:acme idp:corp 0', { idp: 'corp', tenant: 'acme', acr: ['1', '0'] }],
    ['xidp:corp', { acr: ['xidp:corp'] }],
  ] as const) {
    const parsed = parseAcrValues(text)
    assert.deepEqual(parsed.ok && parsed.value, value)
  }
  for (const [text, reason] of [
    ['idp:', 'acr_values_idp_malformed'],
    ['idp:a idp:b', 'acr_values_idp_malformed'],
    ['idp:a idp:a', 'acr_values_idp_malformed'],
    ['tenant:', 'acr_values_tenant_malformed'],
    ['tenant:a idp:c tenant:b', 'acr_values_tenant_malformed'],
  ] as const)
    assert.deepEqual(refusalOf(parseAcrValues(text)), ['invalid_request', reason], text)
})

const limits: Limits = { scope: [3, 'invalid_scope'] }

for (const [what, text, refusal] of [
  ['a value at its limit', 'scope=abc', undefined],
  ['a longer value', 'scope=abcd', ['invalid_scope', 'parameter_too_long']],
  ['a value of the common limit', `x=${'a'.repeat(4096)}`, undefined],
  ['an unknown parameter beyond it', `x=${'a'.repeat(4097)}`, undefined],
  ['a name of a built-in object property', 'constructor=abcd&toString=x', undefined],
  ['a name of 64 characters', `${'n'.repeat(64)}=1`, undefined],
  ['a name that no parameter has', `${'n'.repeat(65)}=1`, undefined],
  ['a name sent twice', 'x=1&x=1', ['invalid_request', 'repeated_parameter']],
  ['a name sent twice, empty', 'x=&x=', ['invalid_request', 'repeated_parameter']],
  ['a name sent twice, encoded differently', 'x=1&%78=1', ['invalid_request', 'repeated_parameter']],
  ['half an escape', 'x=%4', ['invalid_request', 'malformed_encoding']],
  ['an invalid escape in an unknown name', '%zz=1', ['invalid_request', 'malformed_encoding']],
  ['bytes that are not UTF-8', 'x=%ff', ['invalid_request', 'malformed_encoding']],
  ['NUL', 'x=a%00b', ['invalid_request', 'malformed_encoding']],
  ['text that was not UTF-8 before', 'x=\uFFFD', ['invalid_request', 'malformed_encoding']],
  ['an escaped replacement character', 'x=%EF%BF%BD', undefined],
] as const)
  test(`parameters: ${what} is ${refusal === undefined ? 'read' : 'refused'}`, () => {
    assert.deepEqual(refusalOf(parseParameters(text, limits)), refusal)
  })

test('parameters: a name of 64 characters is read, and a longer one is ignored', () => {
  const read = parseParameters(`${'n'.repeat(64)}=1&${'m'.repeat(65)}=2`)
  assert.ok(read.ok)
  assert.deepEqual([...read.value.names()], ['n'.repeat(64)])
})

test('parameters: 64 are read and the next is refused; empty ones between separators do not count', () => {
  const of = (count: number) => Array.from({ length: count }, (_, n) => `p${n}=1`).join('&')
  assert.equal(refusalOf(parseParameters(of(64))), undefined)
  assert.equal(refusalOf(parseParameters(`&&${of(64)}&&&`)), undefined)
  assert.deepEqual(refusalOf(parseParameters(of(65))), ['invalid_request', 'too_many_parameters'])
})

test('parameters: empty values count as omitted, and repeatable ones keep their order', () => {
  const read = parseParameters('a=&b&c=1=2&resource=&resource=x&resource=y&audience=z&d=%2B+%20')
  assert.ok(read.ok)
  const { value } = read
  assert.deepEqual(
    ['a', 'b', 'c', 'resource', 'audience', 'd', 'e'].map(name => value.get(name)),
    [undefined, undefined, '1=2', 'x', 'z', '+  ', undefined],
  )
  assert.deepEqual(
    ['a', 'c', 'resource', 'audience', 'e'].map(name => value.all(name)),
    [[], ['1=2'], ['x', 'y'], ['z'], []],
  )
  assert.deepEqual([...value.names()], ['a', 'b', 'c', 'resource', 'audience', 'd'])
})

test('response types: words in any order, each once, and no others [RFC 6749 §3.1.1]', () => {
  for (const [text, type] of [
    ['code', 'code'],
    ['token id_token', 'id_token token'],
    ['token  id_token code', 'code id_token token'],
    ['code code', undefined],
    ['token', undefined],
    ['none', undefined],
    ['code none', undefined],
    ['', undefined],
    ['code id_token token code', undefined],
  ] as const)
    assert.equal(parseResponseType(text), type, text)
  assert.deepEqual(['code', 'token', 'id_token', 'code token', 'none'].map(bringsToken), [
    false,
    true,
    true,
    true,
    false,
  ])
  assert.deepEqual([brings('id_token token', 'token'), brings('id_token', 'token')], [true, false])
})

test('scope: a sorted list is kept, any other is sorted, and duplicates are removed', () => {
  for (const [text, names] of [
    ['a b c', ['a', 'b', 'c']],
    ['b a', ['a', 'b']],
    ['a a', ['a']],
    ['a b b', ['a', 'b']],
    ['  ', undefined],
    ['', undefined],
    ['a"', undefined],
    ['a\\', undefined],
    ['a\tb', undefined],
  ] as const)
    assert.deepEqual(parseScope(text), names, JSON.stringify(text))
  assert.deepEqual(['a', 'a b', '', '"'].map(isScopeToken), [true, false, false, false])
  for (const whole of [['a', 'b'], new Set(['a', 'b'])]) {
    assert.equal(isWithin(['a'], whole), true)
    assert.equal(isWithin([], whole), true)
    assert.equal(isWithin(['a', 'c'], whole), false)
  }
})

test('PKCE, display and error statuses: which values are known, and which are not', () => {
  assert.equal(
    codeChallengeOf('v', 'S256', text => `hash of ${text}`),
    'hash of v',
  )
  assert.equal(
    codeChallengeOf('v', 'plain', () => 'hash'),
    'v',
  )
  assert.deepEqual(
    [42, 43, 128, 129].map(length => isCodeVerifier('x'.repeat(length))),
    [false, true, true, false],
  )
  assert.deepEqual(
    [parseDisplay('popup'), parseDisplay('else'), parseDisplay(undefined)],
    ['popup', 'page', 'page'],
  )
  assert.deepEqual(
    ['invalid_client', 'server_error', 'urn:own', 'constructor', 'toString'].map(statusOf),
    [401, 500, 400, 400, 400],
  )
})
