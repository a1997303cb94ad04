/** Which second factor a sign-in needs, if any: by the server's policy, the tenant's, the client's, and a module's last word. */

import type { Client } from '../model/client.ts'
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

/** A sign-in that is looked at: of a session, or of one that begins. */
export type Proven = Pick<Subject, 'sub' | 'epoch' | 'tenant' | 'idp' | 'amr' | 'acr'>

export type SecondFactorNeed = {
  readonly policy: MfaPolicy
  /** What the sign-in must reach. */
  readonly acr: Acr
  readonly factors: Factors
}

type SecondFactorQuestion = {
  readonly proven: Proven
  /** Omitted: this server's own account pages. */
  readonly client?: Client
  readonly asked: RequestedAcr
  /** Whether the user let this browser be remembered, with these factors: it spares what a policy asks for, not what a request does. */
  readonly remembered?: (factors: Factors, policy: MfaPolicy) => boolean
}

/** Answers what is missing; undefined: nothing. */
export type AskSecondFactor = (question: SecondFactorQuestion) => Promise<SecondFactorNeed | undefined>

export type MfaPolicyPorts = {
  readonly mfa: MfaPolicy
  readonly tenantMfa: ReadonlyMap<string, MfaPolicy>
  readonly mfaPolicy?: MfaPolicyHook
  readonly findFactors: FindFactors
}

/** Whether the password grant must refuse this user. */
export type BarsPasswordGrant = (proven: Proven, client: Client) => Promise<boolean>

/** The policy for a sign-in. */
export type PolicyFor = (proven: Proven, client?: Client) => Promise<MfaPolicy>

export type MfaPolicies = {
  readonly askSecondFactor: AskSecondFactor
  readonly barsPasswordGrant: BarsPasswordGrant
  readonly policyFor: PolicyFor
}

/** The classes that this server can reach, the weakest first (`acr_values_supported`). */
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
    const more = await mfaPolicy?.({
      ...{ sub, idp, amr },
      ...(tenant !== undefined && { tenant }),
      ...(client && { client_id: client.client_id }),
    })
    const policy = { ...settled, ...more }
    // What the server does not offer, no tenant, client or module adds.
    const methods = mfa.methods.filter(method => policy.methods.includes(method))
    return { ...policy, methods: methods.length > 0 ? methods : mfa.methods }
  }

  const askSecondFactor: AskSecondFactor = async ({ proven, client, asked, remembered }) => {
    if (mfa.mode === 'off') return undefined
    const has = acrOf(proven)
    const policy = await policyFor(proven, client)
    const wanted = asked.values.filter(isAcr).filter(acr => offered.includes(acr))
    // Any value will do (OpenID Connect Core 1.0 §3.1.2.1), so the least of them.
    const [least] = acrs.filter(acr => wanted.includes(acr))
    const met = proven.acr !== undefined && asked.values.includes(proven.acr)
    const required = least === undefined || met || reaches(has, least) ? undefined : least
    if (required === undefined && policy.mode === 'off') return undefined
    // Passkeys only: nothing less than one will do.
    const usual: Acr = policy.methods.includes('totp') ? '2' : 'phr'
    if (required === undefined && reaches(has, usual)) return undefined
    const factors = await findFactors(proven.sub)
    // What a request asks for by name is not less where the policy asks for nothing itself.
    if (required !== undefined) return { policy: { ...policy, methods: mfa.methods }, acr: required, factors }
    const asks = policy.mode === 'required' || policy.methods.some(method => factors[method].length > 0)
    return asks && !remembered?.(factors, policy) ? { policy, acr: usual, factors } : undefined
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
