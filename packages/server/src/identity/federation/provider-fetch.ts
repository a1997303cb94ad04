/** Requests to providers: sends them through `outbound`, and converts failures into refusals. */

import { type Refusal, refuse } from '@tessera/protocol/result'
import type { CustomFetch } from 'openid-client'
import type { Outbound, OutboundFailure } from '../../outbound/outbound.ts'

/** Passes an expected failure through openid-client, which reports failures only as exceptions. */
class Unreachable extends Error {
  override readonly name = 'Unreachable'
  readonly failure: OutboundFailure

  constructor(failure: OutboundFailure) {
    super(failure.reason)
    this.failure = failure
  }
}

/** Returns a `fetch` for openid-client that sends every request through `outbound`. */
export const createFetch =
  (outbound: Outbound): CustomFetch =>
  async (url, { method, headers, body }) => {
    if (method !== 'GET' && method !== 'POST') throw new Error(`the method ${method} is not supported`)
    const sent = body === null || body === undefined ? undefined : String(body)
    const response = await outbound(url, { method, headers, body: sent })
    if (!response.ok) throw new Unreachable(response)
    const received = Object.entries(response.headers).filter(
      (header): header is [string, string] => header[1] !== undefined,
    )
    return new Response(withoutBody.has(response.status) ? null : response.body, {
      status: response.status,
      headers: received,
    })
  }

/** Fetch Standard §2.2.3: null body statuses. */
const withoutBody: ReadonlySet<number> = new Set([204, 205, 304])

type Failure = Error & { readonly code?: unknown; readonly error?: unknown }

/** The provider's token endpoint refused the code or the authentication of this server. */
const refusedCodes: ReadonlySet<unknown> = new Set([
  'OAUTH_RESPONSE_BODY_ERROR',
  'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
])

/** Limits what a provider can write to the log. */
const mostCharacters = 200

/**
 * Converts an exception of openid-client into a refusal.
 * @param provider its name, for the log.
 */
export function refusalOf(thrown: unknown, provider: string): Refusal {
  const error: Failure = thrown instanceof Error ? thrown : new Error('the thrown value is not an error')
  const unreachable = findUnreachable(error)
  if (unreachable) {
    const { reason: outbound, detail } = unreachable.failure
    return refuse('temporarily_unavailable', 'upstream_unreachable', { log: { provider, outbound, detail } })
  }
  const log = { provider, error_code: error.code, error: shorten(error.error ?? error.message) }
  if (error.code === 'OAUTH_AUTHORIZATION_RESPONSE_ERROR') {
    return error.error === 'access_denied'
      ? refuse('access_denied', 'upstream_access_denied', { log })
      : refuse('server_error', 'upstream_refused', { log })
  }
  if (refusedCodes.has(error.code)) return refuse('server_error', 'upstream_refused_code', { log })
  return refuse('server_error', 'upstream_answer_invalid', { log: { ...log, cause: causeOf(error) } })
}

function findUnreachable(error: Failure): Unreachable | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (at instanceof Unreachable) return at
  }
  return undefined
}

/** Returns the message of the cause, which names the claim but never contains its value. */
function causeOf(error: Failure): string | undefined {
  const { cause } = error
  return cause instanceof Error ? shorten(cause.message) : undefined
}

/** Returns the text, cut to the limit; undefined for a value of another type, because a provider may send anything. */
const shorten = (text: unknown): string | undefined =>
  typeof text === 'string' ? text.slice(0, mostCharacters) : undefined
