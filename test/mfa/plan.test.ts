/** Decisions of the page for the second factor, by the factors that the user has and the class that is required. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Factors } from '../../packages/server/src/identity/factors.ts'
import type { SecondFactorNeed } from '../../packages/server/src/identity/mfa-policy.ts'
import type { Acr, FactorMethod } from '../../packages/server/src/model/mfa.ts'
import { planSecondFactor } from '../../packages/server/src/pages/flow/second-factor.ts'

type Row = readonly [
  title: string,
  has: readonly ('totp' | 'passkey' | 'recovery_code')[],
  need: { readonly acr: Acr; readonly methods?: readonly FactorMethod[]; readonly proven?: Acr },
  plan: readonly [kind: 'prove' | 'enrol', ...methods: string[]],
]

const every: readonly FactorMethod[] = ['totp', 'passkey']

const rows: readonly Row[] = [
  [
    'every factor, strongest first',
    ['recovery_code', 'totp', 'passkey'],
    { acr: '2' },
    ['prove', 'passkey', 'totp', 'recovery_code'],
  ],
  ['only a passkey for phr', ['passkey', 'totp', 'recovery_code'], { acr: 'phr' }, ['prove', 'passkey']],
  ['only available methods', ['passkey', 'totp'], { acr: '2', methods: ['totp'] }, ['prove', 'totp']],
  [
    'any other before the first passkey, after a password alone',
    ['totp', 'recovery_code'],
    { acr: 'phr' },
    ['prove', 'totp', 'recovery_code'],
  ],
  [
    'a new passkey after two factors',
    ['totp', 'recovery_code'],
    { acr: 'phr', proven: '2' },
    ['enrol', 'passkey'],
  ],
  [
    'a passkey that exists after two factors',
    ['totp', 'passkey'],
    { acr: 'phr', proven: '2' },
    ['prove', 'passkey'],
  ],
  [
    'a factor that is no longer available before a new one, after a password alone',
    ['passkey'],
    { acr: '2', methods: ['totp'] },
    ['prove', 'passkey'],
  ],
  ['a new factor if only codes are left', ['recovery_code'], { acr: '2' }, ['enrol', 'totp', 'passkey']],
  ['a new factor if there is none', [], { acr: '2' }, ['enrol', 'totp', 'passkey']],
  ['a new available factor', [], { acr: '2', methods: ['totp'] }, ['enrol', 'totp']],
  ['a new passkey for phr', [], { acr: 'phr' }, ['enrol', 'passkey']],
]

for (const [title, has, { acr, methods = every, proven = '1' }, plan] of rows)
  test(`mfa: the page asks for ${title}`, () => {
    const factors = {
      totp: has.includes('totp') ? [{}] : [],
      passkey: has.includes('passkey') ? [{}] : [],
      recoveryCodes: has.includes('recovery_code') ? 3 : 0,
    } as unknown as Factors
    const need: SecondFactorNeed = {
      ...{ acr, factors },
      policy: { mode: 'required', methods, remember_browser_days: 0, password_grant: 'refuse' },
    }
    const amr = proven === '1' ? ['pwd'] : ['pwd', 'otp', 'mfa']
    const planned = planSecondFactor(need, { sub: 'alice-1', idp: 'local', amr, acr: proven })
    assert.deepEqual([planned.kind, ...planned.methods], plan)
  })
