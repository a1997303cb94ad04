/** Authentication context classes (`acr`, OpenID Connect Core 1.0 §2) and policies for second factors. */

import type { Hook } from './hook.ts'
import type { Subject } from './user.ts'

/**
 * The supported classes, weakest first. `1`: one factor. `2`: two factors. `phr`: two factors including a passkey, which is
 * phishing-resistant (OpenID Connect Extended Authentication Profile ACR Values 1.0 §2).
 */
export const acrs = ['1', '2', 'phr'] as const
export type Acr = (typeof acrs)[number]

export const isAcr = (value: string): value is Acr => acrs.some(acr => acr === value)

/** Returns whether a class is at least as strong as another. */
export const reaches = (acr: Acr, least: Acr): boolean => acrs.indexOf(acr) >= acrs.indexOf(least)

/** Returns the class of a sign-in: its `acr`, or else `2` if its methods include `mfa` (RFC 8176 §2). */
export const acrOf = ({ acr, amr }: Pick<Subject, 'acr' | 'amr'>): Acr => {
  if (acr !== undefined && isAcr(acr)) return acr
  return amr.includes('mfa') ? '2' : '1'
}

/** Returns a sign-in with an additional factor. Adds `mfa` to the methods (RFC 8176 §2). */
export function raised(
  proven: Pick<Subject, 'amr' | 'acr'>,
  gain: { readonly amr: readonly string[]; readonly acr: Acr },
): Pick<Subject, 'amr' | 'acr'> {
  if (gain.amr.length === 0) return { amr: proven.amr, acr: proven.acr }
  const acr = reaches(acrOf(proven), gain.acr) ? acrOf(proven) : gain.acr
  return { amr: [...new Set([...proven.amr, ...gain.amr, 'mfa'])], acr }
}

/** The classes that an authorization request requires (OpenID Connect Core 1.0 §3.1.2.1, §5.5.1.1). */
export type RequestedAcr = {
  /** Any of these is sufficient. Unknown values are never satisfied. */
  readonly values: readonly string[]
}

/** Returns the `acr` of the response: the first requested value that the sign-in satisfies (OpenID Connect Core 1.0 §5.5.1.1), otherwise the sign-in's own. */
export const answeredAcr = (subject: Pick<Subject, 'acr' | 'amr'>, asked: readonly string[]): string =>
  asked.find(value => isAcr(value) && reaches(acrOf(subject), value)) ?? subject.acr ?? acrOf(subject)

/** Second factors that a user can have. */
export const factorMethods = ['totp', 'passkey'] as const
export type FactorMethod = (typeof factorMethods)[number]

/** When a second factor is required, and which are available. */
export type MfaPolicy = {
  /**
   * `if_enrolled`: required for users who have one. `required`: required for all users, who enroll when they sign in.
   */
  readonly mode: 'off' | 'if_enrolled' | 'required'
  readonly methods: readonly FactorMethod[]
  /** For how many days users can skip the second factor in a remembered browser; 0: not available. */
  readonly remember_browser_days: number
  /** Whether the password grant, which has no second factor, refuses users who need one. */
  readonly password_grant: 'refuse' | 'allow'
}

/** A module's hook for each sign-in. The configuration applies to members that it omits. */
export type MfaPolicyHook = Hook<MfaPolicyRequest, Partial<MfaPolicy> | undefined>
export type MfaPolicyRequest = {
  readonly sub: string
  readonly tenant?: string
  readonly idp: string
  /** How the user signed in (RFC 8176). */
  readonly amr: readonly string[]
  /** Omitted: the server's own account pages. */
  readonly client_id?: string
}
