/** Validation of JWT access tokens at an API (RFC 9068 §4). */

import type { Seconds } from '@tessera/protocol/brand'
import { isJsonObject } from '@tessera/protocol/json'
import type { Json, JsonObject } from '@tessera/protocol/result'
import type { Issuer } from '../discovery/issuer.ts'
import { issuerKeys } from '../discovery/keys.ts'
import { ClientError } from '../error.ts'
import { asymmetricAlgorithms } from '../jwt/algorithms.ts'
import { invalidToken } from '../jwt/decode.ts'
import { verifyJwt } from '../jwt/verify.ts'
import { quote } from '../quote.ts'
import { fail, ok, type Result } from '../result.ts'
import {
  checkAcr,
  checkAudience,
  checkAuthTime,
  checkIssuer,
  checkNumbers,
  checkOptionalTexts,
  checkTexts,
  listOf,
  type Refused,
  type TokenOptions,
} from './claims.ts'

/** Claims of a validated access token (RFC 9068 §2.2). Other claims are as the server sent them. */
export type AccessTokenClaims = JsonObject & {
  readonly iss: string
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly exp: Seconds
  readonly iat: Seconds
  readonly jti: string
  readonly client_id: string
  /** Space-separated names; a list at some servers, if the `typ` of the requirements is `any`. */
  readonly scope?: string | readonly string[]
  readonly auth_time?: Seconds
  readonly acr?: string
  /** The methods of authentication, a list of strings (RFC 8176 §1). Not checked: some servers send one string. */
  readonly amr?: Json
  /** The key or certificate that the token is bound to (RFC 7800 §3.1, RFC 8705 §3.1). */
  readonly cnf?: JsonObject
}

/** The access tokens that an API accepts. */
export type AccessTokenRequirements = TokenOptions & {
  /** The name of this API; with a list, any of them. */
  readonly audience: string | readonly string[]
  /** Scopes that the token must have: a list, or separated by spaces. */
  readonly scope?: string | readonly string[] | undefined
  /** The client that the token must be issued to; with a list, one of them. */
  readonly client_id?: string | readonly string[] | undefined
  /** Classes of authentication of which the token must have one. */
  readonly acr_values?: string | readonly string[] | undefined
  /** The maximum age of the user's authentication in seconds. */
  readonly max_age?: Seconds | undefined
  /**
   * `at+jwt` by default: the type that RFC 9068 requires. `any` also accepts access tokens of other servers, with the
   * type `JWT` or none. Of the claims, these only need `iss`, `aud` and `exp`, and their `scope` may be a list.
   */
  readonly typ?: 'at+jwt' | 'any' | undefined
  /**
   * Confirmations that the caller has checked for this request, such as `{ 'x5t#S256': … }` of the client certificate.
   * A token that is bound to anything else is refused, because it must not be used as a bearer token.
   */
  readonly cnf?: Readonly<Record<string, string | undefined>> | undefined
}

/**
 * Validates a JWT access token and returns its claims. Fails with `invalid` and a code for the first check that it does
 * not pass, with `policy` and `insufficient_scope`, or like the requests for metadata and keys.
 * @throws TypeError if there is no audience.
 */
export async function validateAccessToken(
  issuer: Issuer,
  token: string,
  requirements: AccessTokenRequirements,
): Promise<Result<AccessTokenClaims>> {
  const { algorithms = asymmetricAlgorithms, audience, clockTolerance = 30, typ = 'at+jwt' } = requirements
  if (!audience || audience.length === 0)
    throw new TypeError('audience is missing; the token could be for another API')
  const now = issuer.now()
  const types = typ === 'any' ? ['at+jwt', 'jwt', undefined] : ['at+jwt']
  const verified = await verifyJwt(token, issuerKeys(issuer), { algorithms, now, clockTolerance, types })
  if (!verified.ok) return verified
  const { claims } = verified.value
  const refused =
    checkIssuer(claims, issuer.url) ??
    checkAudience(claims, typeof audience === 'string' ? [audience] : audience) ??
    checkNumbers(claims, typ === 'any' ? ['exp'] : ['exp', 'iat']) ??
    checkTexts(claims, typ === 'any' ? [] : ['sub', 'client_id', 'jti']) ??
    checkOptionalTexts(claims, ['sub', 'client_id', 'jti', 'acr']) ??
    checkKind(claims) ??
    checkConfirmation(claims, requirements.cnf ?? {}) ??
    checkClient(claims, requirements.client_id) ??
    checkScope(claims, requirements.scope, typ === 'any') ??
    checkAuthTime(claims, requirements.max_age, now, clockTolerance) ??
    checkAcr(claims, requirements.acr_values)
  return refused ?? ok(claims as AccessTokenClaims)
}

/** Refuses ID tokens and logout tokens of servers that give all tokens the type `JWT` (RFC 8725 §3.12). */
const checkKind = (claims: JsonObject): Refused =>
  ['at_hash', 'c_hash', 's_hash', 'events'].some(name => claims[name] !== undefined)
    ? invalidToken('type_mismatch', 'the token is not an access token')
    : undefined

/** RFC 8705 §3.1, RFC 9449 §6.1. */
function checkConfirmation(
  { cnf }: JsonObject,
  confirmed: Readonly<Record<string, string | undefined>>,
): Refused {
  if (cnf === undefined) return undefined
  if (!isJsonObject(cnf)) return invalidToken('claim_invalid', 'cnf of the token is invalid')
  return Object.entries(cnf).every(([name, value]) => confirmed[name] === value)
    ? undefined
    : invalidToken('confirmation_mismatch', 'the token is bound to a key that the request did not prove')
}

const checkClient = ({ client_id }: JsonObject, expected: string | readonly string[] | undefined): Refused =>
  expected === undefined || [expected].flat().includes(client_id as string)
    ? undefined
    : invalidToken('client_mismatch', 'the token was issued to another client')

function checkScope(
  { scope = '' }: JsonObject,
  required: string | readonly string[] | undefined,
  mayBeList: boolean,
): Refused {
  const isList = mayBeList && Array.isArray(scope)
  if (!isList && typeof scope !== 'string')
    return invalidToken('claim_invalid', 'scope of the token is not a string')
  const granted: readonly unknown[] = isList ? scope : `${scope}`.split(' ')
  const missing = listOf(required ?? []).find(name => !granted.includes(name))
  return missing === undefined
    ? undefined
    : fail(new ClientError('policy', 'insufficient_scope', `the token lacks the scope ${quote(missing)}`))
}
