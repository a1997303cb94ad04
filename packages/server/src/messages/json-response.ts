/** Direct answers in JSON, the same for every endpoint: RFC 6749 §5.1 and §5.2. */

import { errorText, statusOf } from '@tessera/protocol/errors'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Refusal } from '@tessera/protocol/result'
import type { Client } from '../model/client.ts'
import { networkOf } from '../runtime/network.ts'
import type { Log } from '../runtime/ports.ts'
import { describeReason } from './explanations.ts'

/** Keeps responses with tokens, or about them, out of caches (RFC 6749 §5.1). */
export const noStoreHeaders = {
  'cache-control': 'no-store, no-cache, max-age=0',
  pragma: 'no-cache',
} as const

const jsonHeaders = { 'content-type': 'application/json; charset=utf-8', ...noStoreHeaders } as const

/** A JSON answer that no cache keeps. */
export const jsonResponse = (
  status: number,
  body: object,
  headers?: Readonly<Record<string, string>>,
): HttpResponse => ({
  status,
  headers: headers ? { ...jsonHeaders, ...headers } : jsonHeaders,
  body: JSON.stringify(body),
})

/** How an endpoint answers refusals: 401 for `invalid_client`, or 400 as IdentityServer4 does. */
export type Refuser = (request: HttpRequest, refusal: Refusal, more?: RefusalContext) => HttpResponse
type RefusalContext = {
  readonly clientId?: string
  /** Who authenticated, and hears more than others; instead of `clientId`. */
  readonly client?: Client
  /** Overrides the status of the error code, for example 415. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Somebody should look at it: it is logged as a warning. */
  readonly alarm?: boolean
}

export type RefuserPorts = {
  readonly log: Log
}

/**
 * Answers refusals in JSON (RFC 6749 §5.2) and logs each with its reason and the request's id.
 * `invalid_client` always carries `WWW-Authenticate: Basic` (RFC 6749 §5.2).
 */
export const createRefuser =
  (
    endpoint: string,
    { log, invalidClientStatus = 401 }: RefuserPorts & { readonly invalidClientStatus?: number },
  ): Refuser =>
  (request, refusal, { client, clientId = client?.client_id, status, headers, alarm = false } = {}) => {
    log[alarm ? 'warn' : 'info']('refused', {
      endpoint,
      request_id: request.id,
      network: networkOf(request),
      client_id: clientId,
      error: refusal.error,
      reason: refusal.reason,
      ...refusal.log,
    })
    const { retry_after } = refusal
    const code = refusal.error === 'invalid_client' ? invalidClientStatus : statusOf(refusal.error)
    const description = refusal.description ?? describeReason(client, refusal.reason)
    const body = {
      ...refusal.members,
      error: errorText(refusal.error),
      error_description: description && errorText(description),
    }
    const wait = retry_after === undefined ? undefined : { 'retry-after': String(retry_after) }
    return jsonResponse(status ?? (wait ? 429 : code), body, {
      ...errorHeaders.get(refusal.error),
      ...wait,
      ...headers,
    })
  }

const errorHeaders = new Map<string, Readonly<Record<string, string>>>([
  ['invalid_client', { 'www-authenticate': 'Basic realm="tessera", charset="UTF-8"' }],
  ['temporarily_unavailable', { 'retry-after': '1' }],
])
