/** What the second factor's page asks for: a factor that the user has, or that one is set up. A pure decision. */

import type { Factors } from '../../identity/factors.ts'
import type { Proven, SecondFactorNeed } from '../../identity/mfa-policy.ts'
import { acrOf, type FactorMethod, factorMethods } from '../../model/mfa.ts'
import type { SecondFactorMethod } from '../ui/mfa-pages.ts'

export type SecondFactorPlan =
  | { readonly kind: 'prove'; readonly methods: readonly SecondFactorMethod[] }
  | { readonly kind: 'enrol'; readonly methods: readonly FactorMethod[] }

/** Who has a factor shows it before anything is set up: a password alone must not add another one beside it. */
export function planSecondFactor(
  { policy, acr, factors }: SecondFactorNeed,
  proven: Proven,
): SecondFactorPlan {
  const suitable: readonly SecondFactorMethod[] =
    acr === 'phr' ? ['passkey'] : [...policy.methods, 'recovery_code']
  const usable = has(factors, suitable)
  if (usable.length > 0) return { kind: 'prove', methods: usable }
  const any = has(factors, [...factorMethods, 'recovery_code'])
  if (acrOf(proven) === '1' && any.length > 0) return { kind: 'prove', methods: any }
  return { kind: 'enrol', methods: acr === 'phr' ? ['passkey'] : policy.methods }
}

/** The strongest first. */
const order: readonly SecondFactorMethod[] = ['passkey', 'totp', 'recovery_code']

const has = (factors: Factors, methods: readonly SecondFactorMethod[]): readonly SecondFactorMethod[] =>
  order.filter(
    method =>
      methods.includes(method) &&
      (method === 'recovery_code' ? factors.recoveryCodes > 0 : factors[method].length > 0),
  )
