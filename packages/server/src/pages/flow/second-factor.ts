/**
 * Determines whether a browser's sign-in lacks a second factor, and whether its page asks the user to prove a factor or
 * to set one up.
 */

import type { HttpRequest } from '@tessera/protocol/http'
import { type Factors, hasFactor } from '../../identity/factors.ts'
import type { AskSecondFactor, Proven, SecondFactorNeed } from '../../identity/mfa-policy.ts'
import type { Client } from '../../model/client.ts'
import { acrOf, type FactorMethod, factorMethods, type RequestedAcr } from '../../model/mfa.ts'
import type { SecondFactorMethod } from '../ui/mfa-pages.ts'
import type { RememberedBrowsers } from './browser-cookies.ts'

/** Resolves to the missing factor, or to undefined. Called wherever a session is about to be used. */
export type LackingSecondFactor = (
  request: HttpRequest,
  proven: Proven,
  context: { readonly client?: Client; readonly asked?: RequestedAcr },
) => Promise<SecondFactorNeed | undefined>

export const createSecondFactorCheck =
  ({
    askSecondFactor,
    rememberedBrowsers,
  }: {
    askSecondFactor: AskSecondFactor
    rememberedBrowsers: RememberedBrowsers
  }): LackingSecondFactor =>
  (request, proven, { client, asked = nothing }) =>
    askSecondFactor({
      proven,
      client,
      asked,
      remembered: (factors, policy) => rememberedBrowsers.holds(request, proven, factors, policy),
    })

const nothing: RequestedAcr = { values: [] }

export type SecondFactorPlan =
  | { readonly kind: 'prove'; readonly methods: readonly SecondFactorMethod[] }
  | { readonly kind: 'enrol'; readonly methods: readonly FactorMethod[] }

/**
 * Decides what the second factor's page asks for. Users who have a factor must prove it before they set up another one,
 * because a password alone must not be enough for that.
 */
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

/** Strongest first. */
const order: readonly SecondFactorMethod[] = ['passkey', 'totp', 'recovery_code']

/** Codes replace a factor. Without one they are left over, and nobody can be asked for them. */
const has = (factors: Factors, methods: readonly SecondFactorMethod[]): readonly SecondFactorMethod[] =>
  order.filter(
    method =>
      methods.includes(method) &&
      (method === 'recovery_code'
        ? factors.recoveryCodes > 0 && hasFactor(factors, factorMethods)
        : factors[method].length > 0),
  )
