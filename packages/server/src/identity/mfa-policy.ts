/** Decides which second factor a sign-in needs, by the policies of the server, the tenant and the client, and the operator's hook. */

import type { Client } from '../model/client.ts'
import type { CheckedHook } from '../model/hook.ts'
import {
  type Acr,
  acrOf,
  acrs,
  isAcr,
  type MfaPolicy,
  type MfaPolicyHook,
  type RequestedAcr,
  reaches,
} from '../model/mfa.ts'
import type { Subject } from '../model/user.ts'
import type { Factors, FindFactors } from './factors.ts'

/** The sign-in to check: of an existing session, or a new one. */
export type Proven = Pick<Subject, 'sub' | 'epoch' | 'tenant' | 'idp' | 'amr' | 'acr'>

export type SecondFactorNeed = {
  readonly policy: MfaPolicy
  /** The class that the sign-in must reach. */
  readonly acr: Acr
  readonly factors: Factors
}

type SecondFactorQuestion = {
  readonly proven: Proven
  /** Omitted: the server's own account pages. */
  readonly client?: Client
  readonly asked: RequestedAcr
  /**
   * Returns whether the user chose to have this browser remembered, with these factors. It satisfies a policy, but not
   * an explicit request for a second factor.
   */
  readonly remembered?: (factors: Factors, policy: MfaPolicy) => Promise<boolean>
}

/** Returns the second factor that is still required; undefined if none is. */
export type AskSecondFactor = (question: SecondFactorQuestion) => Promise<SecondFactorNeed | undefined>

type MfaPolicyPorts = {
  readonly mfa: MfaPolicy
  readonly tenantMfa: ReadonlyMap<string, MfaPolicy>
  readonly mfaPolicy?: CheckedHook<MfaPolicyHook>
  readonly findFactors: FindFactors
}

/** Returns whether the password grant must refuse this user. */
export type BarsPasswordGrant = (proven: Proven, client: Client) => Promise<boolean>

/** Returns the policy for a sign-in. */
export type PolicyFor = (proven: Proven, client?: Client) => Promise<MfaPolicy>

export type MfaPolicies = {
  readonly askSecondFactor: AskSecondFactor
  readonly barsPasswordGrant: BarsPasswordGrant
  readonly policyFor: PolicyFor
}

/** Returns the classes that this server can reach, weakest first (`acr_values_supported`). */
export const acrsOffered = ({ mode, methods }: MfaPolicy): readonly Acr[] =>
  acrs.filter(acr => acr === '1' || (mode !== 'off' && (acr === '2' || methods.includes('passkey'))))

export function createMfaPolicies({ mfa, tenantMfa, mfaPolicy, findFactors }: MfaPolicyPorts): MfaPolicies {
  const offered = acrsOffered(mfa)

  const policyFor: PolicyFor = async (proven, client) => {
    const { sub, tenant, idp, amr } = proven
    const settled = {
      ...mfa,
      ...(tenant !== undefined && tenantMfa.get(tenant)),
      ...client?.mfa,
    }
    // The operator's hook does not receive members without a value.
    const more = await mfaPolicy?.({
      sub,
      idp,
      amr,
      ...(tenant !== undefined && { tenant }),
      ...(client && { client_id: client.client_id }),
    })
    const policy = { ...settled, ...more }
    // A tenant, client or hook can't add a method that the server doesn't offer.
    const methods = mfa.methods.filter(method => policy.methods.includes(method))
    return { ...policy, methods: methods.length > 0 ? methods : mfa.methods }
  }

  const askSecondFactor: AskSecondFactor = async ({ proven, client, asked, remembered }) => {
    if (mfa.mode === 'off') return undefined
    const has = acrOf(proven)
    const policy = await policyFor(proven, client)
    const wanted = asked.values.filter(isAcr).filter(acr => offered.includes(acr))
    // Any of the values satisfies the request (OpenID Connect Core 1.0 §3.1.2.1), so the weakest is enough.
    const [least] = acrs.filter(acr => wanted.includes(acr))
    const met = proven.acr !== undefined && asked.values.includes(proven.acr)
    const required = least === undefined || met || reaches(has, least) ? undefined : least
    if (required === undefined && policy.mode === 'off') return undefined
    // If passkeys are the only method, only a passkey satisfies the policy.
    const usual: Acr = policy.methods.includes('totp') ? '2' : 'phr'
    if (required === undefined && reaches(has, usual)) return undefined
    const factors = await findFactors(proven.sub)
    // An explicit request allows every method of the server, even if the policy itself requires nothing.
    if (required !== undefined) return { policy: { ...policy, methods: mfa.methods }, acr: required, factors }
    const asks = policy.mode === 'required' || policy.methods.some(method => factors[method].length > 0)
    return asks && !(await remembered?.(factors, policy)) ? { policy, acr: usual, factors } : undefined
  }

  return {
    policyFor,
    askSecondFactor,
    async barsPasswordGrant(proven, client) {
      const need = await askSecondFactor({ proven, client, asked: { values: [] } })
      return need !== undefined && need.policy.password_grant === 'refuse'
    },
  }
}
