/** Claims from two documents about one user: an ID token and UserInfo, or a provider and a record. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProfile } from '../../packages/server/src/identity/profile.ts'
import { mergeClaims } from '../../packages/server/src/model/merged-claims.ts'

const one = 'one@example.com'
const two = 'two@example.com'

for (const [value, verified] of [
  ['email', 'email_verified'],
  ['phone_number', 'phone_number_verified'],
] as const)
  test(`claims of two documents: ${verified} stays with its ${value} [OpenID Connect Core 1.0 §5.1]`, () => {
    const claims = (given: unknown, isVerified?: unknown) => ({
      ...(given !== undefined && { [value]: given }),
      ...(isVerified !== undefined && { [verified]: isVerified }),
    })
    for (const [others, preferred, expected] of [
      [claims(one, true), claims(two), claims(two)],
      [claims(one, true), claims(one), claims(one, true)],
      [claims(one, false), claims(one), claims(one, false)],
      [claims(one, true), claims(one, false), claims(one, false)],
      [claims(one, false), claims(two, true), claims(two, true)],
      [claims(one, true), {}, claims(one, true)],
      [{}, claims(two, true), claims(two, true)],
      [claims(one), claims(undefined, true), claims(one)],
      [claims(one, false), claims(undefined, true), claims(one, false)],
      [claims(undefined, true), claims(two), claims(two)],
      [{}, {}, {}],
    ] as const)
      assert.deepEqual(mergeClaims(others, preferred), expected, JSON.stringify([others, preferred]))
    assert.deepEqual(mergeClaims({ name: 'One', locale: 'de' }, { name: 'Two' }), {
      name: 'Two',
      locale: 'de',
    })
  })

test('claims of two documents: a provider does not verify the address of a record', async () => {
  const names = ['email', 'email_verified', 'phone_number', 'phone_number_verified']
  const record = { sub: 'u', username: 'u', active: true, claims: { email: one, phone_number: '+1 555' } }
  const profile = createProfile({
    users: { find: () => record } as never,
    tenants: new Set(),
    isVouchedFor: () => true,
  } as never)
  const claims = { email: two, email_verified: true, phone_number_verified: true }
  const subject = { sub: 'u', idp: 'corp', claims }
  assert.deepEqual(await profile.claims({ subject, names } as never), { email: one, phone_number: '+1 555' })
})
