/** Checks whether an access token is valid: by its signature (RFC 9068 §4), by introspection (RFC 7662), or by both. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Json, JsonObject } from '@tessera/protocol/result'
import type { Issuer } from '../discovery/issuer.ts'
import { ClientError } from '../error.ts'
import { decodeJwt } from '../jwt/decode.ts'
import { quote } from '../quote.ts'
import { type Ok, ok } from '../result.ts'
import { type AccessTokenRequirements, validateAccessToken } from '../validation/access-token.ts'
import type { CheckedToken } from './access.ts'
import {
  createIntrospection,
  type Introspect,
  type IntrospectionOptions,
  unavailable,
} from './introspection.ts'
import { type Refusal, type RefusalReason, refuse } from './refusal.ts'

/**
 * How tokens are checked:
 * - `jwt`: by signature and claims. No request for each token, but a revoked token is valid until it expires.
 * - `introspection`: at the server, with the cache of the options.
 * - `jwt-or-introspection`: JWTs as `jwt`, all others as `introspection`.
 * - `jwt-and-introspection`: JWTs by both, so that revocation has an effect at once and no invalid JWT causes a request;
 *   all others as `introspection`.
 */
export type Validation = 'jwt' | 'introspection' | 'jwt-or-introspection' | 'jwt-and-introspection'

export type TokenCheckOptions = Pick<AccessTokenRequirements, 'algorithms' | 'clockTolerance' | 'typ'> & {
  readonly audience: readonly string[]
  /** The default is `jwt`, or `jwt-or-introspection` if there is `introspection`. */
  readonly validation?: Validation | undefined
  readonly introspection?: IntrospectionOptions | undefined
}

type Outcome = Ok<CheckedToken> | Refusal

/** Returns a function that checks a token for one of the issuers. */
export function createTokenCheck(
  issuers: readonly Issuer[],
  options: TokenCheckOptions & { readonly clockTolerance: Seconds },
): (token: string) => Promise<Outcome> {
  const { introspection, validation = introspection ? 'jwt-or-introspection' : 'jwt' } = options
  if (introspection && validation === 'jwt')
    throw new TypeError('validation is "jwt", but there is introspection')
  if (!introspection && validation !== 'jwt')
    throw new TypeError(`validation "${validation}" needs introspection`)
  const everyIssuer = validation === 'introspection' || validation === 'jwt-and-introspection'
  const introspect: Introspect = introspection
    ? createIntrospection(issuers, introspection, options, everyIssuer)
    : async () => refuse('token_unrecognized')

  return async token => {
    const decoded = decodeJwt(token)
    if (!decoded.ok) return introspect(token, undefined)
    const { claims } = decoded.value
    const issuer = issuers.find(({ url }) => url === claims.iss)
    if (!issuer) return refuseIssuer(claims.iss, issuers)
    if (validation === 'introspection') return introspect(token, issuer)
    const verified = await verify(issuer, token, claims, options)
    if (!verified.ok || validation !== 'jwt-and-introspection') return verified
    const introspected = await introspect(token, issuer)
    if (!introspected.ok) return introspected
    // The server may describe less than the token does, for example only the scopes of this API.
    const merged = { ...verified.value.claims, ...introspected.value.claims }
    return ok({ issuer: issuer.url, claims: merged, source: 'jwt+introspection' })
  }
}

async function verify(
  issuer: Issuer,
  token: string,
  { cnf }: JsonObject,
  { audience, algorithms, clockTolerance, typ }: TokenCheckOptions,
): Promise<Outcome> {
  const validated = await validateAccessToken(issuer, token, {
    audience,
    algorithms,
    clockTolerance,
    typ,
    // The guard checks confirmations itself, with the request.
    cnf: cnf as Readonly<Record<string, string>> | undefined,
  })
  if (!validated.ok) return refuseToken(validated.error)
  return ok({ issuer: issuer.url, claims: validated.value, source: 'jwt' })
}

function refuseIssuer(iss: Json | undefined, issuers: readonly Issuer[]): Refusal {
  const trusted = issuers.map(({ url }) => quote(url)).join(', ')
  const message = `the token is of issuer ${quote(iss)}, and the guard trusts ${trusted}`
  return refuse('issuer_untrusted', { cause: new ClientError('policy', 'issuer_untrusted', message) })
}

/** Failures of a token. Any other failure means that it could not be checked. */
const reasons: Readonly<Record<string, RefusalReason>> = {
  token_expired: 'token_expired',
  audience_mismatch: 'audience_mismatch',
  type_mismatch: 'token_type_mismatch',
  confirmation_mismatch: 'confirmation_unsupported',
  token_too_large: 'token_invalid',
  token_malformed: 'token_invalid',
  payload_malformed: 'token_invalid',
  token_encrypted: 'token_invalid',
  algorithm_not_allowed: 'token_invalid',
  critical_header: 'token_invalid',
  key_not_found: 'token_invalid',
  key_unusable: 'token_invalid',
  signature_invalid: 'token_invalid',
  claim_missing: 'token_invalid',
  claim_invalid: 'token_invalid',
  token_not_yet_valid: 'token_invalid',
  issued_in_future: 'token_invalid',
}

function refuseToken(cause: ClientError): Refusal {
  const reason = Object.hasOwn(reasons, cause.code) && !isOfServer(cause) ? reasons[cause.code] : undefined
  return reason ? refuse(reason, { cause }) : unavailable(cause)
}

/** A server's own error code may have the same name. */
const isOfServer = ({ kind }: ClientError): boolean => kind === 'response' || kind === 'network'
