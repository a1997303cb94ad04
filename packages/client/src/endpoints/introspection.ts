/** Token introspection (RFC 7662), with signed responses on request (RFC 9701). */

import type { Seconds } from '@tessera/protocol/brand'
import { isJsonObject } from '@tessera/protocol/json'
import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../create-client.ts'
import { ClientError } from '../error.ts'
import { type CallOptions, invalidResponse, postAsClient } from '../http/client-request.ts'
import { type FormParameters, mergeParameters } from '../http/form.ts'
import { hasMediaType, jsonObject, type ReceivedResponse } from '../http/response.ts'
import { fail, ok, type Result } from '../result.ts'
import type { TokenTypeHint } from './revocation.ts'
import { verifyResponse } from './signed-response.ts'

/** The server's description of a token (RFC 7662 §2.2). */
export type Introspection = InactiveToken | ActiveToken

/** A token that is expired, revoked, unknown, or not for this client. */
export type InactiveToken = { readonly active: false }

export type ActiveToken = {
  readonly active: true
  /** Space-separated names. */
  readonly scope?: string
  readonly client_id?: string
  readonly username?: string
  readonly token_type?: string
  readonly exp?: Seconds
  readonly iat?: Seconds
  readonly nbf?: Seconds
  readonly sub?: string
  readonly aud?: string | readonly string[]
  readonly iss?: string
  readonly jti?: string
  /** RFC 9470 §6.2. */
  readonly acr?: string
  /** RFC 9470 §6.2. */
  readonly auth_time?: Seconds
  /** The key that the token is bound to (RFC 8705 §3.2). */
  readonly cnf?: JsonObject
  /** Of a refresh token: how long it may be kept without being used (draft-ietf-oauth-refresh-token-expiration-03 §7). */
  readonly refresh_token_timeout?: Seconds
  /** Of a refresh token: how long the user's authorization lasts. */
  readonly authorization_expires_in?: Seconds
  /** All members, as received. */
  readonly members: JsonObject
}

export type IntrospectionOptions = CallOptions & {
  /** Helps the server to find the token faster (RFC 7662 §2.1). */
  readonly token_type_hint?: TokenTypeHint | undefined
  /**
   * Requires a response that the server has signed for this client (RFC 9701) and that can be kept as evidence. By
   * default, the response is plain JSON, which only TLS protects.
   */
  readonly signed?: boolean | undefined
  /** The signature algorithms that are accepted; by default those with a key pair that the server's metadata lists. */
  readonly algorithms?: readonly string[] | undefined
  /** More parameters of the request. */
  readonly parameters?: FormParameters | undefined
}

/**
 * Requests the state of a token. The client authenticates as the API that received the token. A token that the server
 * does not accept is not an error: it is inactive. Fails with `invalid` if a member is not of its type.
 */
export async function introspectToken(
  client: Client,
  token: string,
  { token_type_hint, signed = false, algorithms, parameters = {}, signal }: IntrospectionOptions = {},
): Promise<Result<Introspection>> {
  const received = await postAsClient(client, {
    operation: 'introspection',
    endpoint: 'introspection_endpoint',
    parameters: mergeParameters(parameters, { token, token_type_hint }),
    accept: signed ? signedType : 'application/json',
    signal,
  })
  if (!received.ok) return received
  const { value: response } = received
  if (signed) return readSigned(client, response, algorithms, signal)
  const members = jsonObject(response)
  return members
    ? readIntrospection(members, response)
    : fail(invalidResponse('the introspection response is not a JSON object', response))
}

const signedType = 'application/token-introspection+jwt'

/** RFC 9701 §5: the token is for this client, and its type tells it from all other tokens of the server. */
async function readSigned(
  client: Client,
  response: ReceivedResponse,
  algorithms: readonly string[] | undefined,
  signal: AbortSignal | undefined,
): Promise<Result<Introspection>> {
  if (!hasMediaType(response, signedType))
    return fail(
      new ClientError('policy', 'response_not_signed', 'the introspection response is not signed', {
        response,
      }),
    )
  const verified = await verifyResponse(client, response, {
    algorithms,
    supported: 'introspection_signing_alg_values_supported',
    types: ['token-introspection+jwt'],
    required: true,
    signal,
  })
  if (!verified.ok) return verified
  const { token_introspection: description } = verified.value
  return isJsonObject(description)
    ? readIntrospection(description as JsonObject, response)
    : fail(invalidResponse('the introspection response has no token_introspection', response))
}

/** Reads the members that describe a token. Fails with `invalid` if one is not of its type. */
function readIntrospection(members: JsonObject, response: ReceivedResponse): Result<Introspection> {
  if (members.active === false) return ok({ active: false })
  const wrong = members.active === true ? wrongMember(members) : 'active'
  return wrong === undefined
    ? ok({ ...known(members), active: true, members })
    : fail(invalidResponse(`${wrong} in the introspection response is not of its type`, response))
}

type Check = (value: unknown) => boolean

const isText: Check = value => typeof value === 'string'
const isTime: Check = value => typeof value === 'number' && Number.isFinite(value)
const isTextOrList: Check = value => isText(value) || (Array.isArray(value) && value.every(isText))

const checks: Readonly<Record<Exclude<keyof ActiveToken, 'active' | 'members'>, Check>> = {
  scope: isText,
  client_id: isText,
  username: isText,
  token_type: isText,
  exp: isTime,
  iat: isTime,
  nbf: isTime,
  sub: isText,
  aud: isTextOrList,
  iss: isText,
  jti: isText,
  acr: isText,
  auth_time: isTime,
  cnf: isJsonObject,
  refresh_token_timeout: isTime,
  authorization_expires_in: isTime,
}

/** Null is a missing value. */
const present = (value: unknown): boolean => value !== undefined && value !== null

const wrongMember = (members: JsonObject): string | undefined =>
  Object.entries(checks).find(([name, check]) => present(members[name]) && !check(members[name]))?.[0]

const known = (members: JsonObject): Partial<ActiveToken> =>
  Object.fromEntries(
    Object.keys(checks).flatMap(name => (present(members[name]) ? [[name, members[name]]] : [])),
  )
