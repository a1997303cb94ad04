/** The code challenge of an authorization request (RFC 7636 §4.3, §4.4.1). */

import type { Parameters } from '@tessera/protocol/parameters'
import { type CodeChallengeMethod, codeChallengeMethods, isCodeVerifier } from '@tessera/protocol/pkce'
import { ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import { hasPrivateUseScheme } from '@tessera/protocol/uri-scheme'
import { isPublic } from '../model/client.ts'
import { maskedSecret, shownValue } from '../model/masked.ts'
import type { ResponseTarget } from './authorization-request.ts'

type CodeChallenge = {
  readonly code_challenge?: string
  readonly code_challenge_method?: CodeChallengeMethod
}

/**
 * Refuses `invalid_request` for a missing required challenge, a malformed one, or a method that is unknown or not
 * allowed.
 */
export function validateCodeChallenge(
  { client, redirect_uri }: Pick<ResponseTarget, 'client' | 'redirect_uri'>,
  parameters: Parameters,
): Result<CodeChallenge> {
  const challenge = parameters.get('code_challenge')
  const named = parameters.get('code_challenge_method')
  if (challenge === undefined) {
    if (named !== undefined) return invalid('code_challenge_missing', 'code_challenge is missing')
    // PKCE is required for public clients, regardless of the configuration (RFC 9700 §2.1.1), and for redirects to a
    // private-use scheme, which another application may have claimed (RFC 8252 §8.1).
    return client.require_pkce || isPublic(client) || hasPrivateUseScheme(redirect_uri)
      ? invalid('code_challenge_missing', 'code_challenge is missing')
      : ok({})
  }
  // RFC 7636 §4.3: the default is "plain".
  const method = codeChallengeMethods.find(known => known === (named ?? 'plain'))
  if (!method || (method === 'plain' && !client.allow_plain_pkce)) {
    return invalid('code_challenge_method_not_allowed', 'Transform algorithm not supported', {
      expected: client.allow_plain_pkce ? codeChallengeMethods : ['S256'],
      received: shownValue(named ?? 'plain (the default)'),
    })
  }
  if (!isCodeVerifier(challenge)) {
    return invalid('code_challenge_malformed', 'Invalid code_challenge', {
      expected: '43 to 128 unreserved characters',
      received: maskedSecret(challenge),
    })
  }
  return ok({ code_challenge: challenge, code_challenge_method: method })
}

const invalid = (reason: string, description: string, log?: Refusal['log']): Refusal =>
  refuse('invalid_request', reason, { description, log })
