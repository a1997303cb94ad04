/** The authorization code grant with PKCE (RFC 6749 §4.1.3, RFC 7636 §4.5). */

import { grantTypes } from '@tessera/protocol/grant-types'
import { isCodeVerifier } from '@tessera/protocol/pkce'
import type { Client } from '../create-client.ts'
import type { Issuer } from '../discovery/issuer.ts'
import { ClientError } from '../error.ts'
import { sha256 } from '../jwt/sha256.ts'
import { fail, type Result } from '../result.ts'
import type { IdTokenExpectations } from '../validation/id-token.ts'
import { type UserTokenOptions, type UserTokens, withClaims } from './claims.ts'
import { requestToken } from './request.ts'

/** The code of an authorization response, with values of its request. */
export type AuthorizationCode = {
  readonly code: string
  /** As it was sent in the authorization request. */
  readonly redirect_uri: string
  readonly code_verifier: string
  /** The nonce that was sent. With it, the response must contain an ID token. */
  readonly nonce?: string | undefined
} & Pick<IdTokenExpectations, 'max_age' | 'requestedAt' | 'acr_values' | 'state' | 'sub'>

/**
 * Exchanges a code for tokens. Validate the authorization response first, or call {@link completeAuthorization}, which
 * does both.
 *
 * A code is sent once. If that fails with `mayHaveSucceeded`, start a new authorization: a second use could revoke the
 * tokens (RFC 6749 §4.1.2). Later calls with the same code fail with `code_already_sent` and send nothing. For that, the
 * last 1000 codes of each issuer are remembered in this process. The one exception is a proof that the server refuses
 * without looking at the code, such as DPoP without a nonce (RFC 9449 §8).
 * @throws TypeError if `code_verifier` is not valid.
 */
export async function authorizationCode(
  client: Client,
  { code, redirect_uri, code_verifier, nonce, ...expectations }: AuthorizationCode,
  options: UserTokenOptions = {},
): Promise<Result<UserTokens>> {
  if (!isCodeVerifier(code_verifier))
    throw new TypeError(
      'code_verifier must have 43 to 128 characters of A-Z, a-z, 0-9, ".", "_", "~" and "-"',
    )
  const sent = sentCodes(client.issuer)
  // A hash, so that no code stays in memory and long ones of an attacker take no space.
  const id = await sha256(code)
  if (sent.has(id))
    return fail(
      new ClientError('policy', 'code_already_sent', 'the code was sent before; start a new authorization'),
    )
  remember(sent, id)
  const grant = { grant_type: grantTypes.authorizationCode, code, redirect_uri, code_verifier }
  const tokens = await requestToken(client, grant, options)
  if (!tokens.ok && isUnsent(tokens.error)) sent.delete(id)
  if (tokens.ok && tokens.value.id_token === undefined && nonce !== undefined)
    return fail(
      new ClientError('invalid', 'id_token_missing', 'the token response has no id_token', {
        mayHaveSucceeded: true,
      }),
    )
  return withClaims(client, tokens, { ...expectations, nonce, code }, options)
}

const codesOfIssuers = new WeakMap<Issuer, Set<string>>()
const maxCodes = 1000

function sentCodes(issuer: Issuer): Set<string> {
  const sent = codesOfIssuers.get(issuer) ?? new Set()
  codesOfIssuers.set(issuer, sent)
  return sent
}

function remember(sent: Set<string>, id: string): void {
  sent.add(id)
  const [oldest] = sent
  if (sent.size > maxCodes && oldest !== undefined) sent.delete(oldest)
}

/** Returns whether the call failed before its request was sent, for example because there is no metadata. */
const isUnsent = ({ kind, mayHaveSucceeded }: ClientError): boolean =>
  kind !== 'response' && !mayHaveSucceeded
