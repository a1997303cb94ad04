/** Responses that the server has signed for the client: userinfo and introspection. */

import type { JsonObject } from '@tessera/protocol/result'
import type { Client } from '../create-client.ts'
import { issuerKeys } from '../discovery/keys.ts'
import type { ReceivedResponse } from '../http/response.ts'
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
}

/** Verifies the signature of a response, and that it is of this server for this client. Returns its claims. */
export async function verifyResponse(
  client: Client,
  { body }: ReceivedResponse,
  { algorithms, supported, types, required }: SignedResponse,
): Promise<Result<JsonObject>> {
  const { issuer, client_id, clockTolerance } = client
  const accepted = algorithms ? ok(algorithms) : await supportedAlgorithms(issuer, supported)
  if (!accepted.ok) return accepted
  const verified = await verifyJwt(body.trim(), issuerKeys(issuer), {
    algorithms: accepted.value,
    now: issuer.now(),
    clockTolerance,
    types,
  })
  if (!verified.ok) return verified
  const { claims } = verified.value
  const refused =
    (required || claims.iss !== undefined ? checkIssuer(claims, issuer.url) : undefined) ??
    (required || claims.aud !== undefined ? checkAudience(claims, [client_id]) : undefined)
  return refused ?? ok(claims)
}
