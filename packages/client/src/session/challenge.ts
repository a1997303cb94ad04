/** Why an API refused an access token (RFC 6750 §3, RFC 9470 §3, RFC 9728 §5.1). */

import type { Seconds } from '@tessera/protocol/brand'
import { type Challenge, parseChallenges } from '../http/www-authenticate.ts'

/** The challenge of an API. Its members are named as in the specifications. */
export type ApiChallenge = {
  /** The authentication scheme in lower case, such as `bearer` or `dpop`. */
  readonly scheme: string
  readonly realm?: string
  /** `invalid_token`, `insufficient_scope`, `insufficient_user_authentication` or another code. */
  readonly error?: string
  readonly error_description?: string
  readonly error_uri?: string
  /** The scope that the request needs, as space-separated names. */
  readonly scope?: string
  /** Authentication contexts that the API accepts, space-separated, in order of preference (RFC 9470 §3). */
  readonly acr_values?: string
  /** The longest time since the user authenticated (RFC 9470 §3). */
  readonly max_age?: Seconds
  /** The URL of the API's metadata (RFC 9728 §5.1). */
  readonly resource_metadata?: string
}

const textParameters = [
  'realm',
  'error',
  'error_description',
  'error_uri',
  'scope',
  'acr_values',
  'resource_metadata',
] as const satisfies readonly (keyof ApiChallenge)[]

/**
 * Returns the challenge of a response for access tokens; undefined if there is none. If there are several, one with an
 * error is preferred. In a browser, APIs of other origins must list `WWW-Authenticate` in
 * `Access-Control-Expose-Headers`, or no challenge can be read.
 * @param tokenType the type of the access token, which is its scheme; the default is `Bearer`.
 */
export function challengeOf(
  response: { readonly headers: Pick<Headers, 'get'> },
  tokenType = 'Bearer',
): ApiChallenge | undefined {
  const challenges = parseChallenges(response.headers.get('www-authenticate')).filter(
    ({ scheme }) => scheme === tokenType.toLowerCase(),
  )
  const challenge = challenges.find(({ parameters }) => parameters.has('error')) ?? challenges[0]
  return challenge && readChallenge(challenge)
}

function readChallenge({ scheme, parameters }: Challenge): ApiChallenge {
  const texts = textParameters.flatMap(name => {
    const value = parameters.get(name)
    return value === undefined ? [] : [[name, value]]
  })
  const maxAge = parameters.get('max_age') ?? ''
  return {
    scheme,
    ...Object.fromEntries(texts),
    ...(/^\d{1,10}$/.test(maxAge) && { max_age: Number(maxAge) }),
  }
}
