import assert from 'node:assert/strict'
import { test } from 'node:test'
import { challengeOf } from '@tessera/client'
import fc from 'fast-check'
import { parseChallenges } from '../../packages/client/src/http/www-authenticate.ts'

type Plain = readonly [scheme: string, parameters?: Readonly<Record<string, string>> | string]

const plain = (header: string): readonly Plain[] =>
  parseChallenges(header).map(({ scheme, parameters, token68 }) => [
    scheme,
    token68 ?? Object.fromEntries(parameters),
  ])

const headers: readonly (readonly [header: string, challenges: readonly Plain[]])[] = [
  ['Bearer', [['bearer', {}]]],
  ['Bearer realm="a, b", error="invalid_token"', [['bearer', { realm: 'a, b', error: 'invalid_token' }]]],
  // The example of RFC 9110 §11.6.1.
  [
    'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
    [
      ['basic', { realm: 'simple' }],
      ['newauth', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
    ],
  ],
  [
    'Negotiate oRkw+/a==, Bearer , DPoP algs="ES256"',
    [
      ['negotiate', 'oRkw+/a=='],
      ['bearer', {}],
      ['dpop', { algs: 'ES256' }],
    ],
  ],
  [', ,Bearer a = b,, C="d",', [['bearer', { a: 'b', c: 'd' }]]],
  ['Bearer error=a, error=b', [['bearer', { error: 'a' }]]],
  ['Bearer toString="x"', [['bearer', { tostring: 'x' }]]],
  // From the first character that breaks the grammar, the rest is ignored.
  ['Basic realm="x", Bearer error="unterminated', [['basic', { realm: 'x' }]]],
  ['Basic realm="x", Bearer error="a" scope="b"', [['basic', { realm: 'x' }]]],
  ['Basic realm="x", Bearer;', [['basic', { realm: 'x' }]]],
  ['"Bearer"', []],
  ['', []],
]

for (const [header, challenges] of headers)
  test(`challenges: ${header === '' ? 'an empty header' : header} [RFC 9110 §11.6.1]`, () => {
    assert.deepEqual(plain(header), challenges)
  })

test('challenges: a header over 16 KiB is ignored', () => {
  assert.equal(parseChallenges(`Bearer a="${'x'.repeat(16_000)}"`).length, 1)
  assert.equal(parseChallenges(`Bearer a="${'x'.repeat(17_000)}"`).length, 0)
})

test('challenges: whatever was written is read again', () => {
  const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,9}$/)
  const value = fc.string({ unit: fc.integer({ min: 32, max: 126 }).map(code => String.fromCharCode(code)) })
  const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
  const challenge = fc.record({
    scheme: token,
    parameters: fc.uniqueArray(fc.tuple(token, value), {
      selector: ([name]) => name.toLowerCase(),
      minLength: 1,
      maxLength: 4,
    }),
  })
  fc.assert(
    fc.property(fc.array(challenge), challenges => {
      const header = challenges
        .map(
          ({ scheme, parameters }) =>
            `${scheme} ${parameters.map(([name, text]) => `${name}=${quoted(text)}`).join(', ')}`,
        )
        .join(', ')
      assert.deepEqual(
        parseChallenges(header).map(({ scheme, parameters }) => [scheme, [...parameters]]),
        challenges.map(({ scheme, parameters }) => [
          scheme.toLowerCase(),
          parameters.map(([name, text]) => [name.toLowerCase(), text]),
        ]),
      )
    }),
  )
})

const challenged = (header: string, tokenType?: string) =>
  challengeOf({ headers: new Headers({ 'www-authenticate': header }) }, tokenType)

test('challenges: the one for the type of the token is returned, with its parameters [RFC 6750 §3, RFC 9470 §3]', () => {
  const header =
    'Basic realm="x", Bearer error="insufficient_user_authentication", acr_values="a b", max_age="5", resource_metadata="https://api.example/.well-known/oauth-protected-resource"'
  assert.deepEqual(challenged(header), {
    scheme: 'bearer',
    error: 'insufficient_user_authentication',
    acr_values: 'a b',
    max_age: 5,
    resource_metadata: 'https://api.example/.well-known/oauth-protected-resource',
  })
  assert.equal(challenged(header, 'DPoP'), undefined)
  assert.equal(challenged('Bearer max_age="-1"')?.max_age, undefined)
  assert.equal(challenged('Bearer realm="a", Bearer error="invalid_token"')?.error, 'invalid_token')
})
