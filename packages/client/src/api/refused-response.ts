/** The response to a refused request. */

import { challenge } from './challenge.ts'
import type { TokenScheme } from './confirmation.ts'
import { describe, type Refusal } from './refusal.ts'
import type { ApiResponse } from './request.ts'

export type ChallengeOptions = {
  /** Undefined: the audience, if a challenge has no other parameter. */
  readonly realm: string | undefined
  readonly audience: string
  readonly schemes: readonly TokenScheme[]
  /** The URL of the protected-resource metadata (RFC 9728 §5.1). */
  readonly resource_metadata: string | undefined
}

/** Seconds for `Retry-After`, if the failed request to the server states none. */
const retryAfter = 5

/** The longest time that a server can make clients of the API wait, in seconds. */
const longestRetryAfter = 300

/**
 * Returns the response: each scheme has a challenge, and that of the request names the error. It is not stored, so that
 * no cache returns it to others.
 * @param scheme the scheme of the request in lower case.
 * @param scope the scope that the route requires.
 */
export function refusedResponse(
  refusal: Refusal,
  scheme: string,
  scope: string | undefined,
  options: ChallengeOptions,
): ApiResponse {
  const { status, error, description } = describe(refusal)
  const body = error === undefined ? '' : JSON.stringify({ error, error_description: description })
  const headers: Record<string, string> = { ...refusal.headers, 'cache-control': 'no-store' }
  if (body !== '') headers['content-type'] = 'application/json'
  if (status === 503) {
    const seconds = Math.min(Math.ceil(refusal.retryAfter ?? retryAfter), longestRetryAfter)
    return { status, headers: { ...headers, 'retry-after': `${seconds}` }, body }
  }
  // RFC 6750 §3 has no error code for clients that may not use a resource at all.
  const isCoded = error !== 'access_denied'
  const challenges = ['Bearer', ...options.schemes.map(({ name }) => name)].map(name => {
    const isPresented = name.toLowerCase() === scheme
    const own = options.schemes.find(one => one.name === name)?.parameters
    return challengeOf(name, options, {
      error: isPresented && isCoded ? error : undefined,
      error_description: isPresented && isCoded ? description : undefined,
      scope,
      ...(isPresented && refusal.parameters),
      ...own,
    })
  })
  return { status, headers: { ...headers, 'www-authenticate': challenges.join(', ') }, body }
}

/** RFC 6750 §3: a challenge has at least one parameter. */
function challengeOf(
  name: string,
  { realm, audience, resource_metadata }: ChallengeOptions,
  parameters: Readonly<Record<string, string | undefined>>,
): string {
  const isEmpty =
    resource_metadata === undefined && Object.values(parameters).every(value => value === undefined)
  return challenge(name, {
    realm: realm ?? (isEmpty ? audience : undefined),
    ...parameters,
    resource_metadata,
  })
}
