/**
 * Decides which page comes next for an authorization request (OpenID Connect Core 1.0 §3.1.2.3, §3.1.2.4), as a pure
 * function.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { ValidatedAuthorizationRequest } from '../../authorization-request/authorization-request.ts'
import { mayUseProvider } from '../../identity/provider-access.ts'
import type { Session } from '../../model/authorization.ts'
import type { Progress } from './continuation.ts'
import { sealLifetime } from './seal.ts'

/** `other_user`: a user has just signed in, but not the one that the client expects. */
export type NextPrompt =
  | 'create'
  | 'login'
  | 'select_account'
  | 'second_factor'
  | 'consent'
  | 'none'
  | 'other_user'

type PromptState = {
  readonly request: Pick<
    ValidatedAuthorizationRequest,
    'client' | 'consent_scope' | 'prompt' | 'max_age' | 'tenant' | 'idp'
  >
  readonly progress: Progress
  /** The browser's active session, if its user may get tokens. */
  readonly session?: Session
  /** Whether the sign-in lacks a second factor. */
  readonly lacksSecondFactor?: boolean
  /** Whether the operator's policy requires consent; the client's configuration can require it too. */
  readonly asksConsent?: boolean
  /** Remembered scopes that the user agreed to earlier. */
  readonly remembered?: readonly string[]
  /** false: the client expects another user. */
  readonly isExpected?: boolean
}

export function nextPrompt({
  request,
  progress,
  session,
  lacksSecondFactor,
  asksConsent = false,
  remembered = [],
  isExpected = true,
}: PromptState): NextPrompt {
  const before = request.prompt.has('create') ? 'create' : 'login'
  if (!session || !fits(request, progress, session)) return before
  const justSignedIn = signedInSince(progress, session)
  if ((mustSignIn(request) || progress.restarted === 'sign_in') && !justSignedIn) return before
  // A sign-in since the request is new enough for any max_age.
  if (!justSignedIn && request.max_age !== undefined && !isWithin(request.max_age, progress, session))
    return 'login'
  if (!isExpected) return justSignedIn ? 'other_user' : 'login'
  if (mustSelect(request, progress, session) && !justSignedIn)
    return progress.another ? 'login' : 'select_account'
  if (lacksSecondFactor) return 'second_factor'
  return mustAgree(request, progress, session, asksConsent, remembered) ? 'consent' : 'none'
}

/** Returns whether the session has the requested tenant and provider, and the client may use that provider. */
const fits = (request: PromptState['request'], { idp: chosen }: Progress, session: Session): boolean => {
  const idp = request.idp ?? chosen
  return (
    session.tenant === request.tenant &&
    (idp === undefined || session.idp === idp) &&
    mayUseProvider(request.client, session.idp)
  )
}

/**
 * `max_age=0` means the same as `prompt=login` (§3.1.2.1). Creating an account is independent of the current session.
 */
const mustSignIn = ({ prompt, max_age }: PromptState['request']): boolean =>
  prompt.has('login') || prompt.has('create') || max_age === 0

/**
 * Returns whether the sign-in is new enough. A time that is later than any sign-in while the request was pending was
 * noted by a clock that was ahead, so the age of the sign-in is unknown.
 */
const isWithin = (maxAge: Seconds, { asked_at }: Progress, { auth_time }: Session): boolean =>
  auth_time >= asked_at - maxAge && auth_time <= asked_at + sealLifetime

/** Returns whether the user must choose an account. A sign-in counts as a choice. */
const mustSelect = (
  { prompt }: PromptState['request'],
  { selected_sid }: Progress,
  { sid }: Session,
): boolean => prompt.has('select_account') && selected_sid !== sid

/**
 * Returns whether the user signed in while the request was pending. Compares the handle, which each sign-in changes,
 * because times in seconds are too coarse. If a provider authenticated the user earlier, a separate check handles that.
 */
export const signedInSince = ({ prior_handle, asked_at }: Progress, session: Session | undefined): boolean =>
  session !== undefined &&
  prior_handle !== undefined &&
  session.hash !== prior_handle &&
  session.created_at >= asked_at

function mustAgree(
  { client, prompt, consent_scope }: PromptState['request'],
  { consented_sid }: Progress,
  session: Session,
  asked: boolean,
  remembered: readonly string[],
): boolean {
  if (consented_sid === session.sid) return false
  if (prompt.has('consent')) return true
  return (client.require_consent || asked) && !consent_scope.every(name => remembered.includes(name))
}
