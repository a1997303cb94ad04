/** Direct JSON responses of all endpoints (RFC 6749 §5.1, §5.2). */

import { errorText, statusOf } from '@tessera/protocol/errors'
import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Refusal } from '@tessera/protocol/result'
import type { Client } from '../model/client.ts'
import { type Step, stepsUpTo } from '../model/steps.ts'
import { requestFields } from '../runtime/network.ts'
import type { Log } from '../runtime/ports.ts'
import { describeReason } from './explanations.ts'

/** Keeps tokens and information about them out of caches (RFC 6749 §5.1). */
export const noStoreHeaders = {
  'cache-control': 'no-store, no-cache, max-age=0',
  pragma: 'no-cache',
} as const

const jsonHeaders = { 'content-type': 'application/json; charset=utf-8', ...noStoreHeaders } as const

/** Returns a JSON response that caches don't store. */
export const jsonResponse = (
  status: number,
  body: object,
  headers?: Readonly<Record<string, string>>,
): HttpResponse => ({
  status,
  headers: headers ? { ...jsonHeaders, ...headers } : jsonHeaders,
  body: JSON.stringify(body),
})

/** Responds with a refusal. The status of `invalid_client` is 401, or 400 for compatibility with IdentityServer4. */
export type Refuser = (request: HttpRequest, refusal: Refusal, more: RefusalContext) => HttpResponse
type RefusalContext = {
  /** The step that refused. */
  readonly step: Step
  readonly clientId?: string
  /** The authenticated client, which gets more detailed errors. Replaces `clientId`. */
  readonly client?: Client
  /** Overrides the status of the error code, for example with 415. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Logs the refusal as a warning. */
  readonly alarm?: boolean
}

export type RefuserPorts = {
  readonly log: Log
  /** Called for each refusal. */
  readonly onRefused?: ((request: HttpRequest, refusal: Refusal, clientId?: string) => void) | undefined
}

/**
 * Creates a function that responds with refusals in JSON (RFC 6749 §5.2) and logs each with its reason.
 * `invalid_client` always includes `WWW-Authenticate: Basic`.
 */
export const createRefuser =
  (
    endpoint: string,
    { log, onRefused, invalidClientStatus = 401 }: RefuserPorts & { readonly invalidClientStatus?: number },
  ): Refuser =>
  (request, refusal, { step, client, clientId = client?.client_id, status, headers, alarm = false }) => {
    const { retry_after } = refusal
    const code = refusal.error === 'invalid_client' ? invalidClientStatus : statusOf(refusal.error)
    const description = refusal.description ?? describeReason(client, refusal.reason)
    log[alarm ? 'warn' : 'info']('refused', {
      endpoint,
      ...requestFields(request),
      client_id: clientId,
      steps: stepsUpTo(endpoint, step),
      error: refusal.error,
      reason: refusal.reason,
      ...refusal.log,
    })
    onRefused?.(request, refusal, clientId)
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
