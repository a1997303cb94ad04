/** Why a sign-in at a provider came to nothing: from what openid-client throws to a refusal. */

import { type Refusal, refuse } from '@tessera/protocol/result'
import { Unreachable } from './fetch.ts'

type Failure = Error & { readonly code?: unknown; readonly error?: unknown }

/** Its token endpoint refused the code, or did not believe who we are. */
const refusedCodes: ReadonlySet<unknown> = new Set([
  'OAUTH_RESPONSE_BODY_ERROR',
  'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
])

/** What a provider may say of itself in the log. */
const mostCharacters = 200

/** @param provider its name, for the log. */
export function refusalOf(thrown: unknown, provider: string): Refusal {
  const error: Failure = thrown instanceof Error ? thrown : new Error('something that is no error was thrown')
  const away = findUnreachable(error)
  if (away) {
    const { reason: outbound, detail } = away.failure
    return refuse('temporarily_unavailable', 'upstream_unreachable', { log: { provider, outbound, detail } })
  }
  const log = { provider, error_code: error.code, error: shorten(error.error ?? error.message) }
  if (error.code === 'OAUTH_AUTHORIZATION_RESPONSE_ERROR') {
    return error.error === 'access_denied'
      ? refuse('access_denied', 'upstream_access_denied', { log })
      : refuse('server_error', 'upstream_refused', { log })
  }
  if (refusedCodes.has(error.code)) return refuse('server_error', 'upstream_refused_code', { log })
  return refuse('server_error', 'upstream_answer_invalid', { log: { ...log, cause: causeOf(error) } })
}

function findUnreachable(error: Failure): Unreachable | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof Unreachable) return at
  }
  return undefined
}

/** The innermost message: it names the claim, never its value. */
function causeOf(error: Failure): string | undefined {
  const { cause } = error
  return cause instanceof Error ? shorten(cause.message) : undefined
}

/** Returns the text, cut to the limit; undefined for a value of another type, because a provider may send anything. */
const shorten = (text: unknown): string | undefined =>
  typeof text === 'string' ? text.slice(0, mostCharacters) : undefined
