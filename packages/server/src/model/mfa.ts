/**
 * How strongly a user proved who they are: authentication context classes (`acr`, OpenID Connect Core 1.0 §2) and what a
 * policy asks for.
 */

import type { Awaitable } from '../runtime/ports.ts'
import type { Subject } from './user.ts'

/**
 * The classes that this server speaks of, the weakest first. `1`: one factor. `2`: two factors. `phr`: two factors, one of
 * them resistant to phishing (OpenID Connect Extended Authentication Profile ACR Values 1.0 §2): a passkey.
 */
export const acrs = ['1', '2', 'phr'] as const
export type Acr = (typeof acrs)[number]

export const isAcr = (value: string): value is Acr => acrs.some(acr => acr === value)

/** Whether one class is at least another. */
export const reaches = (acr: Acr, least: Acr): boolean => acrs.indexOf(acr) >= acrs.indexOf(least)

/** The class of a sign-in: what it says itself, else two factors where its methods say so (RFC 8176 §2, `mfa`). */
export const acrOf = ({ acr, amr }: Pick<Subject, 'acr' | 'amr'>): Acr => {
  if (acr !== undefined && isAcr(acr)) return acr
  return amr.includes('mfa') ? '2' : '1'
}

/** A sign-in with what was proven since. Two factors are more than their methods: `mfa` (RFC 8176 §2). */
export function raised(
  proven: Pick<Subject, 'amr' | 'acr'>,
  gain: { readonly amr: readonly string[]; readonly acr: Acr },
): Pick<Subject, 'amr' | 'acr'> {
  if (gain.amr.length === 0) return { amr: proven.amr, ...(proven.acr !== undefined && { acr: proven.acr }) }
  const acr = reaches(acrOf(proven), gain.acr) ? acrOf(proven) : gain.acr
  return { amr: [...new Set([...proven.amr, ...gain.amr, 'mfa'])], acr }
}

/** What an authorization request asks of the sign-in (OpenID Connect Core 1.0 §3.1.2.1, §5.5.1.1). */
export type RequestedAcr = {
  /** Any of these will do; those that this server does not know never will. */
  readonly values: readonly string[]
}

/** The `acr` to answer: the first of the values asked for that the sign-in reaches (OpenID Connect Core 1.0 §5.5.1.1), else its own. */
export const answeredAcr = (subject: Pick<Subject, 'acr' | 'amr'>, asked: readonly string[]): string =>
  asked.find(value => isAcr(value) && reaches(acrOf(subject), value)) ?? subject.acr ?? acrOf(subject)

/** Second factors that a user can have. */
export const factorMethods = ['totp', 'passkey'] as const
export type FactorMethod = (typeof factorMethods)[number]

/** When a second factor is asked for, and which. */
export type MfaPolicy = {
  /** `if_enrolled`: of users who have one; `required`: of all, who enrol when they sign in. */
  readonly mode: 'off' | 'if_enrolled' | 'required'
  readonly methods: readonly FactorMethod[]
  /** For how long a browser may be remembered, if the user wants; 0: not at all. */
  readonly remember_browser_days: number
  /** Whether the password grant, which knows no second factor, refuses users who need one. */
  readonly password_grant: 'refuse' | 'allow'
}

/** A module's say, for each sign-in; what it leaves out is as configured. */
export type MfaPolicyHook = (request: {
  readonly sub: string
  readonly tenant?: string
  readonly idp: string
  readonly amr: readonly string[]
  /** Omitted: this server's own account pages. */
  readonly client_id?: string
}) => Awaitable<Partial<MfaPolicy> | undefined>
