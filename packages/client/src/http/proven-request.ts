/** Requests with a proof of possession, such as DPoP (RFC 9449). */

import type { Client } from '../create-client.ts'
import type { Proof, ProofRequest } from '../proof.ts'
import type { Result } from '../result.ts'
import type { ReceivedResponse } from './response.ts'
import type { OutgoingRequest } from './transport.ts'

/**
 * Sends a request, and repeats it once if the proof asks for that, because the server refused the proof and did nothing
 * else.
 * @param build returns the request; called for each attempt, because credentials may be valid once.
 */
export async function sendProven(
  client: Client,
  proof: Proof | undefined,
  about: ProofRequest,
  build: () => OutgoingRequest | Promise<OutgoingRequest>,
): Promise<Result<ReceivedResponse>> {
  for (let attempt = 1; ; attempt++) {
    const request = await build()
    const headers = { ...request.headers, ...(await proof?.headers(about)) }
    const received = await client.send({ ...request, headers })
    if (!received.ok) return received
    const isRefused = await proof?.received?.(about, received.value)
    if (!isRefused || attempt > 1 || !canRefuse(received.value)) return received
  }
}

/** A request that was accepted is not repeated, even if a proof asks for it. */
const canRefuse = ({ status }: ReceivedResponse): boolean => status === 400 || status === 401
