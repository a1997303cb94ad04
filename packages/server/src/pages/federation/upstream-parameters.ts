/**
 * Selects the client's request parameters to pass on to a provider (OpenID Connect Core 1.0 §3.1.2.1), and checks
 * whether it honored them.
 */

import { parseAcrValues } from '@tessera/protocol/acr-values'
import type { Seconds } from '@tessera/protocol/brand'
import type { UpstreamRequestParameters, UpstreamUser } from '../../identity/federation/upstream.ts'
import type { Subject } from '../../model/user.ts'
import type { Continuation } from '../flow/continuation.ts'
import type { Requester } from '../flow/requester.ts'

/** `prompt=consent` is not passed on: consent is between the user, this server and its client. */
const passedOn = ['login', 'select_account'] as const

/** Returns the parameters of the upstream authorization request. */
export function requestParametersOf(
  requester: Requester,
  continuation: Continuation,
): UpstreamRequestParameters {
  const { max_age, ui_locales, acr_values } = requester
  const acr = parseAcrValues(acr_values)
  return {
    prompt: promptOf(requester, continuation) || undefined,
    max_age,
    login_hint: continuation.login_hint ?? requester.login_hint,
    ui_locales: ui_locales.join(' ') || undefined,
    acr: acr.ok && acr.value.acr.length > 0 ? acr.value.acr : undefined,
  }
}

/** If an account page redirected a signed-in user, it requires a new sign-in. */
function promptOf({ prompt }: Requester, continuation: Continuation): string {
  if (continuation.kind === 'account' && continuation.prior_handle) return 'login'
  return passedOn.filter(value => prompt?.has(value)).join(' ')
}

/** Tolerated clock difference. */
const tolerance: Seconds = 60

/**
 * Whether the upstream sign-in is recent enough. A provider that does not send `auth_time` is trusted to have honored
 * `prompt=login`. It is not trusted to have honored `max_age`, which requires `auth_time` (§2).
 */
export function isRecentEnough(
  { auth_time }: Pick<UpstreamUser, 'auth_time'>,
  { prompt, max_age }: UpstreamRequestParameters,
  { asked_at }: Pick<Continuation, 'asked_at'>,
): boolean {
  const again = prompt?.split(' ').includes('login') ?? false
  if (auth_time === undefined) return max_age === undefined
  const oldest = again ? asked_at : max_age === undefined ? undefined : asked_at - max_age
  return oldest === undefined || auth_time >= oldest - tolerance
}

/**
 * Returns when the user signed in, as stated by the provider, but not a time in the future, and when this server
 * accepted that.
 */
export const signInTimesOf = (
  { auth_time = Number.POSITIVE_INFINITY }: Pick<UpstreamUser, 'auth_time'>,
  now: Seconds,
): Pick<Subject, 'auth_time' | 'signed_in_at'> => ({
  auth_time: Math.min(auth_time, now),
  ...(auth_time < now && { signed_in_at: now }),
})
