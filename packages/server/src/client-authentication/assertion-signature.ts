/** The signature of a client assertion under the client's registered keys (RFC 7523 §3, RFC 7517 §5). */

import { ok, type Result } from '@tessera/protocol/result'
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyResult, jwtVerify } from 'jose'
import type { Client } from '../core/client.ts'
import { refuseClient } from './method.ts'

export type AssertionOptions = NonNullable<Parameters<typeof jwtVerify>[2]>

/** Also checks `exp` and `nbf` against the options' date. Refuses `invalid_client` with jose's code for the log. */
export async function verifySignature(
  client: Client,
  assertion: string,
  options: AssertionOptions,
): Promise<Result<JWTVerifyResult>> {
  try {
    return ok(await jwtVerify(assertion, keysOf(client), options))
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return tryEach(error, assertion, options)
    return refuseClient('client_assertion_invalid', { code: codeOf(error) })
  }
}

/** Without a `kid` several keys of the client may fit. */
async function tryEach(
  keys: errors.JWKSMultipleMatchingKeys,
  assertion: string,
  options: AssertionOptions,
): Promise<Result<JWTVerifyResult>> {
  for await (const key of keys) {
    try {
      return ok(await jwtVerify(assertion, key, options))
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed))
        return refuseClient('client_assertion_invalid', { code: codeOf(error) })
    }
  }
  return refuseClient('client_assertion_invalid', { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
}

/** Anything that goes wrong with an assertion and its keys is the client's fault; jose says what by a code. */
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code ?? String(error)

type Keys = ReturnType<typeof createLocalJWKSet>

const noKeys: JSONWebKeySet = { keys: [] }
const known = new WeakMap<Client, Keys>()

/** jose imports each key once and keeps it. */
function keysOf(client: Client): Keys {
  const found = known.get(client)
  if (found) return found
  const keys = createLocalJWKSet((client.jwks as JSONWebKeySet | undefined) ?? noKeys)
  known.set(client, keys)
  return keys
}
