/** What of the client's wishes is passed on to a provider (OpenID Connect Core 1.0 §3.1.2.1), and whether it was heard. */

import { parseAcrValues } from '@tessera/protocol/acr-values'
import type { Seconds } from '@tessera/protocol/brand'
import type { UpstreamRequestParameters, UpstreamUser } from '../../identity/federation/upstream.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { Continuation } from '../flow/continuation.ts'
import type { Requester } from '../flow/requester.ts'

/** Consent is between the user, this server and its client: `prompt=consent` stays here. */
const passedOn = ['login', 'select_account'] as const

export function requestParametersOf(
  requester: Requester,
  continuation: Continuation,
): UpstreamRequestParameters {
  const { max_age, ui_locales, acr_values } = requester
  const prompt = promptOf(requester, continuation)
  const login_hint = continuation.login_hint ?? requester.login_hint
  const acr = parseAcrValues(acr_values)
  return {
    ...(prompt !== '' && { prompt }),
    ...(max_age !== undefined && { max_age }),
    ...(login_hint !== undefined && { login_hint }),
    ...(ui_locales.length > 0 && { ui_locales: ui_locales.join(' ') }),
    ...(acr.ok && acr.value.acr.length > 0 && { acr: acr.value.acr }),
  }
}

/** An account page that sends a signed-in user here wants them to prove anew who they are. */
function promptOf({ prompt }: Requester, continuation: Continuation): string {
  if (continuation.kind === 'account' && continuation.prior_handle) return 'login'
  return passedOn.filter(value => prompt?.has(value)).join(' ')
}

/** Two clocks are never quite alike. */
const tolerance: Seconds = 60

/**
 * Whether the sign-in there is as new as it has to be. A provider that does not say when it was is believed to have
 * heard `prompt=login`, but can't be believed about a `max_age`, which obliges it to say so (§2, `auth_time`).
 */
export function isNewEnough(
  { auth_time }: Pick<UpstreamUser, 'auth_time'>,
  { prompt, max_age }: UpstreamRequestParameters,
  { asked_at }: Pick<Continuation, 'asked_at'>,
): boolean {
  const again = prompt?.split(' ').includes('login') ?? false
  if (auth_time === undefined) return max_age === undefined
  const oldest = again ? asked_at : max_age === undefined ? undefined : asked_at - max_age
  return oldest === undefined || auth_time >= oldest - tolerance
}

/** When the user proved who they are: what the provider says, never in the future. */
export const authTimeOf = ({ auth_time }: Pick<UpstreamUser, 'auth_time'>, clock: Clock): Seconds =>
  Math.min(auth_time ?? clock.now(), clock.now())
