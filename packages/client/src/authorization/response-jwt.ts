/** Authorization responses in a JWT (JWT Secured Authorization Response Mode for OAuth 2.0 (JARM) §2.4). */

import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../create-client.ts'
import { decodeJwt, invalidToken } from '../jwt/decode.ts'
import type { DecryptJwt } from '../jwt/encryption.ts'
import { ok, type Result } from '../result.ts'
import { checkAudience, checkIssuer, checkNumbers } from '../validation/claims.ts'
import { type ClientTokenOptions, verifyClientToken } from '../validation/client-token.ts'
import { type ResponseParameters, responseNames } from './response-parameters.ts'

/** How authorization responses in a JWT are verified. */
export type ResponseJwtOptions = ClientTokenOptions & {
  /** {@link jwtDecryption}, for a client that gets them encrypted (§2.2). Then others are refused. */
  readonly decrypt?: DecryptJwt | undefined
}

/**
 * Verifies a response and returns its parameters. Fails with `invalid` and a code for the first check that it does not
 * pass, or like the requests for metadata and keys.
 */
export async function readResponseJwt(
  client: Client,
  jwt: string,
  { decrypt, ...options }: ResponseJwtOptions = {},
): Promise<Result<ResponseParameters>> {
  const { issuer, client_id } = client
  const signed = decrypt ? await decrypt(jwt) : ok(jwt)
  if (!signed.ok) return signed
  const verified = await verifyClientToken(client, signed.value, {
    ...options,
    now: issuer.now(),
    types: ['jwt', undefined],
    listedIn: 'authorization_signing_alg_values_supported',
  })
  if (!verified.ok) return verified
  const { claims } = verified.value
  const refused =
    checkIssuer(claims, issuer.url) ?? checkAudience(claims, [client_id]) ?? checkNumbers(claims, ['exp'])
  return refused ?? parametersOf(claims)
}

/** §2.1: the parameters are strings. Servers send `expires_in` as a number too. */
function parametersOf(claims: JsonObject): Result<ResponseParameters> {
  const found: Partial<Record<keyof ResponseParameters, string>> = {}
  for (const name of responseNames) {
    const claim = claims[name]
    const value = name === 'expires_in' && typeof claim === 'number' ? `${claim}` : claim
    if (value === undefined || value === '') continue
    if (typeof value !== 'string')
      return invalidToken('claim_invalid', `${name} of the authorization response is not a string`)
    found[name] = value
  }
  return ok(found)
}

/**
 * Returns the `state` of a response, to find the pending request that it is checked against. It is not verified, and
 * undefined if the response is encrypted.
 */
export function unverifiedState(parameters: URLSearchParams): string | undefined {
  const plain = parameters.get('state')
  if (plain !== null) return plain || undefined
  const decoded = decodeJwt(parameters.get('response') ?? '')
  const state = decoded.ok ? decoded.value.claims.state : undefined
  return typeof state === 'string' && state !== '' ? state : undefined
}
