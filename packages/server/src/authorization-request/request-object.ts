/** Request objects: authorization requests as JWTs of the client (RFC 9101, OpenID Connect Core 1.0 §6). */

import type { Seconds } from '@tessera/protocol/brand'
import { parseStrangersObject } from '@tessera/protocol/json'
import type { Parameters } from '@tessera/protocol/parameters'
import { type Json, type JsonObject, ok, type Refusal, type Result, refuse } from '@tessera/protocol/result'
import type { VerifyClientSignature } from '../clients/keys/signature.ts'
import type { Client } from '../model/client.ts'
import { jwtType } from '../model/jose.ts'
import type { Decryption } from '../model/keys.ts'
import { includesProfile, permitsAlgorithm } from '../model/security-profile.ts'
import type { Clock } from '../runtime/ports.ts'
import { maxRequestObjectLength, parseRequest } from './parameter-limits.ts'

export type RequestObjectPorts = {
  readonly issuer: string
  readonly clock: Clock
  readonly verifySignature: VerifyClientSignature
  readonly decryption: Pick<Decryption, 'decrypt'>
  /** The maximum lifetime in seconds. A client may have a shorter one. */
  readonly requestObjectMaxLifetime?: Seconds
}

export type RequestObject = {
  readonly parameters: Parameters
  readonly isSigned: boolean
  /** Whether it is encrypted, so that the browser can't read it. */
  readonly isEncrypted: boolean
  /** Typed `oauth-authz-req+jwt`: parameters outside the object are ignored (RFC 9101 §5). */
  readonly isStrict: boolean
}

/** Tolerated clock difference of clients (seconds). */
const clockTolerance = 60

const strictType = 'oauth-authz-req+jwt'

/**
 * Reads a request object. Refuses `invalid_request_object`, and `temporarily_unavailable` if the client's keys can't be
 * fetched now.
 */
export async function readRequestObject(
  sent: string,
  client: Client,
  ports: RequestObjectPorts,
): Promise<Result<RequestObject>> {
  if (sent.length > maxRequestObjectLength) return invalid('request_object_malformed')
  // The algorithms that a client registers for this restrict nothing, and it may send unencrypted objects (OpenID Connect
  // Dynamic Client Registration 1.0 §2).
  const jwt = isEncrypted(sent) ? await ports.decryption.decrypt(sent) : sent
  if (jwt === undefined) return invalid('request_object_encryption_wrong')
  const header = headerOf(jwt)
  if (!header) return invalid('request_object_malformed')
  const type = jwtType(header.typ)
  // RFC 8725 §3.11: reject JWTs made for another purpose, such as assertions and ID tokens.
  if (type !== 'jwt' && type !== strictType) return invalid('request_object_type_wrong')
  const isSigned = header.alg !== 'none'
  const claims = isSigned ? await signedClaims(jwt, client, ports) : unsignedClaims(jwt, client, ports)
  if (!claims.ok) return claims
  const refusal = claimsRefusal(claims.value, client, ports) ?? lifetimeRefusal(claims.value, client, ports)
  if (refusal) return refusal
  const parameters = parametersOf(claims.value)
  return parameters.ok
    ? ok({
        parameters: parameters.value,
        isSigned,
        isEncrypted: isEncrypted(sent),
        isStrict: type === strictType,
      })
    : invalid('request_object_parameters_malformed', { parameters: parameters.reason })
}

/** RFC 7516 §9: a compact JWE, in which a signed object is encrypted (RFC 9101 §6.1), has five parts. */
const isEncrypted = (jwt: string): boolean => jwt.split('.', 6).length === 5

/** Verifies the signature. Shared secrets can't verify one, because only their hashes are stored. */
async function signedClaims(
  jwt: string,
  client: Client,
  { clock, verifySignature }: RequestObjectPorts,
): Promise<Result<JsonObject>> {
  const verified = await verifySignature(client, jwt, {
    alg: client.request_object_signing_alg,
    clockTolerance,
    currentDate: new Date(clock.now() * 1000),
  })
  if (verified.ok) return ok(verified.payload as JsonObject)
  return verified.unavailable
    ? refuse('temporarily_unavailable', 'client_keys_unavailable', {
        description: 'The keys of the client can not be fetched now; try again',
      })
    : invalid('request_object_signature_invalid', { error_code: verified.code })
}

/**
 * Reads an unsigned object; refuses it if the client registered an algorithm (OpenID Connect Dynamic Client
 * Registration 1.0 §2). An unsigned object may come from anyone, like plain parameters.
 */
function unsignedClaims(
  jwt: string,
  { request_object_signing_alg, security_profile }: Client,
  { clock }: RequestObjectPorts,
): Result<JsonObject> {
  const [, payload = '', signature, ...more] = jwt.split('.')
  if ((request_object_signing_alg ?? 'none') !== 'none' || !permitsAlgorithm(security_profile, 'none'))
    return invalid('request_object_unsigned')
  const claims = parseJson(payload)
  if (!claims || signature !== '' || more.length > 0) return invalid('request_object_malformed')
  const { exp, nbf } = claims
  const now = clock.now()
  const lives = exp === undefined || (typeof exp === 'number' && exp > now - clockTolerance)
  const began = nbf === undefined || (typeof nbf === 'number' && nbf <= now + clockTolerance)
  return lives && began ? ok(claims) : invalid('request_object_expired')
}

/** Checks RFC 9101 §4, §5 and OpenID Connect Core 1.0 §6.1. */
function claimsRefusal(
  claims: JsonObject,
  { client_id, security_profile }: Client,
  ports: RequestObjectPorts,
): Refusal | undefined {
  const { iss, aud } = claims
  if (claims.request !== undefined || claims.request_uri !== undefined)
    return invalid('request_object_nested')
  if (claims.client_id !== client_id) return invalid('request_object_client_id_mismatch')
  if (iss !== undefined && iss !== client_id) return invalid('request_object_issuer_wrong')
  // FAPI 2.0 Message Signing §5.3.1 (2).
  const needsAudience = aud !== undefined || includesProfile(security_profile, 'fapi2-message-signing')
  if (needsAudience && ![aud].flat().includes(ports.issuer)) return invalid('request_object_audience_wrong')
  return typeof claims.iat === 'number' && claims.iat > ports.clock.now() + clockTolerance
    ? invalid('request_object_from_the_future')
    : undefined
}

/** Requires a short lifetime that began recently, if configured (FAPI 2.0 Message Signing §5.3.1). */
function lifetimeRefusal(
  { nbf, exp }: JsonObject,
  { request_object_max_lifetime: ofClient = Number.POSITIVE_INFINITY }: Client,
  { clock, requestObjectMaxLifetime: ofServer = Number.POSITIVE_INFINITY }: RequestObjectPorts,
): Refusal | undefined {
  const most = Math.min(ofClient, ofServer)
  if (most === Number.POSITIVE_INFINITY) return undefined
  if (typeof nbf !== 'number' || typeof exp !== 'number') return invalid('request_object_without_lifetime')
  if (nbf < clock.now() - most - clockTolerance) return invalid('request_object_too_old')
  return exp > nbf + most ? invalid('request_object_lives_too_long') : undefined
}

/** Claims of the JWT, which are not request parameters. */
const jwtClaims: ReadonlySet<string> = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti', 'sub'])

/**
 * Converts claims to parameters: strings as they are, a list of resources as repeated parameters, anything else as
 * JSON.
 */
function parametersOf(claims: JsonObject): Result<Parameters> {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(claims)) {
    if (jwtClaims.has(name) || value === null) continue
    // Values other than strings stay JSON, which matches no resource (RFC 8707 §2).
    if (name === 'resource' && Array.isArray(value)) for (const one of value) form.append(name, textOf(one))
    else form.append(name, textOf(value))
  }
  return parseRequest(form.toString())
}

function textOf(value: Json): string {
  if (typeof value === 'string') return value
  // JSON would write large integers, such as a `max_age`, with an exponent.
  return Number.isInteger(value) ? BigInt(value as number).toString() : JSON.stringify(value)
}

const headerOf = (jwt: string): JsonObject | undefined => parseJson(jwt.slice(0, jwt.indexOf('.')))

const parseJson = (part: string): JsonObject | undefined =>
  parseStrangersObject(Buffer.from(part, 'base64url').toString())

const invalid = (reason: string, log?: Readonly<Record<string, unknown>>): Refusal =>
  refuse('invalid_request_object', reason, { description: 'Invalid JWT request', log })
