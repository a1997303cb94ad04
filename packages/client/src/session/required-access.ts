/** Requirements that the refusal of an API names (RFC 6750 §3.1, RFC 9470 §3, RFC 9728 §5.1). */

import { type ApiChallenge, challengeOf } from './challenge.ts'

export type RequiredAccess = {
  /** `token`: a valid token. `scope`: more scope. `authentication`: another or a more recent sign-in of the user. */
  readonly kind: 'token' | 'scope' | 'authentication'
  /** Undefined for a 401 without any challenge. */
  readonly challenge: ApiChallenge | undefined
}

/** Returns what a response requires; undefined if it is no refusal that another token could change. */
export function requiredBy(response: Response): RequiredAccess | undefined {
  const { status, headers } = response
  if (status !== 401 && status !== 403) return undefined
  const challenges = ['DPoP', 'Bearer'].flatMap(scheme => challengeOf(response, scheme) ?? [])
  // The challenge of the scheme that was used has the error.
  const challenge = challenges.find(({ error }) => error !== undefined) ?? challenges[0]
  const { error } = challenge ?? {}
  if (status === 403) return error === 'insufficient_scope' ? { kind: 'scope', challenge } : undefined
  if (error === 'insufficient_user_authentication') return { kind: 'authentication', challenge }
  if (!challenge && headers.has('www-authenticate')) return undefined
  return error === undefined || error === 'invalid_token' ? { kind: 'token', challenge } : undefined
}

/** Returns equal keys for requirements of equal meaning. A token is always the same requirement. */
export function requirementKey({ kind, challenge = { scheme: '' } }: RequiredAccess): string {
  if (kind === 'token') return kind
  const { scope = '', acr_values, max_age } = challenge
  return JSON.stringify([kind, scope.split(' ').toSorted(), acr_values ?? null, max_age ?? null])
}
