/** Responses that the server has signed for the client: userinfo and introspection. */

import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../create-client.ts'
import { issuerKeys } from '../discovery/keys.ts'
import type { ReceivedResponse } from '../http/response.ts'
import { unlessAborted } from '../http/unless-aborted.ts'
import { verifyJwt } from '../jwt/verify.ts'
import { ok, type Result } from '../result.ts'
import { type AlgorithmList, supportedAlgorithms } from '../validation/algorithms.ts'
import { checkAudience, checkIssuer } from '../validation/claims.ts'

type SignedResponse = {
  /** The accepted algorithms, if the caller chose them. */
  readonly algorithms: readonly string[] | undefined
  /** The metadata that lists them otherwise. */
  readonly supported: AlgorithmList
  readonly types?: readonly string[]
  /** Whether `iss` and `aud` must be present; they are always checked if they are. */
  readonly required: boolean
  /** Ends the wait for the keys of the server. */
  readonly signal: AbortSignal | undefined
}

/** Verifies the signature of a response, and that it is of this server for this client. Returns its claims. */
export async function verifyResponse(
  client: Client,
  { body }: ReceivedResponse,
  { algorithms, supported, types, required, signal }: SignedResponse,
): Promise<Result<JsonObject>> {
  const { issuer, client_id, clockTolerance } = client
  const accepted = algorithms
    ? ok(algorithms)
    : await unlessAborted(supportedAlgorithms(issuer, supported), signal)
  if (!accepted.ok) return accepted
  const rules = { algorithms: accepted.value, now: issuer.now(), clockTolerance, types }
  const verified = await unlessAborted(verifyJwt(body.trim(), issuerKeys(issuer), rules), signal)
  if (!verified.ok) return verified
  const { claims } = verified.value
  const refused =
    (required || claims.iss !== undefined ? checkIssuer(claims, issuer.url) : undefined) ??
    (required || claims.aud !== undefined ? checkAudience(claims, [client_id]) : undefined)
  return refused ?? ok(claims)
}
