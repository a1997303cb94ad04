/** Requests that a test server sends: logout tokens, for example. Only to loopback, and recorded. */

import { isLoopback } from '../configuration/issuer.ts'
import { createOutbound, type Outbound, type OutboundFailure } from '../outbound/outbound.ts'

/** A request that the server sent, or would have sent to a host that is not loopback. */
export type SentRequest = {
  readonly url: string
  readonly method: 'GET' | 'POST'
  /** The fields of a form, such as `logout_token`. */
  readonly form: URLSearchParams
  /** The status of the response; undefined if there was none. */
  readonly status: number | undefined
  /** Why there was no response. */
  readonly failure: OutboundFailure['reason'] | undefined
}

const refusal: OutboundFailure['reason'] = 'outbound_address_private'
const elsewhere: OutboundFailure = { ok: false, reason: refusal, detail: 'not a loopback host' }

/** Sends nothing to other machines: a copied configuration may name a client that real users use. */
export function createRecordedOutbound(): { readonly outbound: Outbound; readonly sent: SentRequest[] } {
  const sent: SentRequest[] = []
  const send = createOutbound({ allowedPrivateNetworks: ['127.0.0.0/8', '::1/128'] })
  return {
    sent,
    async outbound(url, request = {}) {
      const target = URL.parse(String(url))
      const answer = target && isLoopback(target.hostname) ? await send(url, request) : elsewhere
      sent.push({
        url: String(url),
        method: request.method ?? 'GET',
        form: new URLSearchParams(request.method === 'POST' ? request.body : ''),
        status: answer.ok ? answer.status : undefined,
        failure: answer.ok ? undefined : answer.reason,
      })
      return answer
    },
  }
}
