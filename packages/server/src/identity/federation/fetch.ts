/** How openid-client sends its requests: by the server's one guarded way out. */

import type { CustomFetch } from 'openid-client'
import type { Outbound, OutboundFailure } from '../../outbound/outbound.ts'

/** Thrown through openid-client, which knows failures by exceptions only. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
  readonly failure: OutboundFailure

  constructor(failure: OutboundFailure) {
    super(failure.reason)
    this.failure = failure
  }
}

export const createFetch =
  (outbound: Outbound): CustomFetch =>
  async (url, { method, headers, body }) => {
    if (method !== 'GET' && method !== 'POST') throw new Error(`${method} is not sent`)
    const sent = body === null || body === undefined ? undefined : String(body)
    const answer = await outbound(url, { method, headers, ...(sent !== undefined && { body: sent }) })
    if (!answer.ok) throw new Unreachable(answer)
    const known = Object.entries(answer.headers).filter(
      (header): header is [string, string] => header[1] !== undefined,
    )
    return new Response(withoutBody.has(answer.status) ? null : answer.body, {
      status: answer.status,
      headers: known,
    })
  }

/** Fetch Standard §2.2.3: null body statuses. */
const withoutBody: ReadonlySet<number> = new Set([204, 205, 304])
