/** Why a call of this library failed. */

import type { Seconds } from '@tessera/protocol/brand'
import type { ErrorCode } from '@tessera/protocol/errors'
import type { ReceivedResponse } from './http/response.ts'

/**
 * Where an error comes from:
 * - `response`: the server refused the request with an error of its own.
 * - `network`: there was no response, or not in time.
 * - `aborted`: the caller's signal aborted the call.
 * - `invalid`: the response breaks its specification, or contains what was not requested.
 * - `policy`: the response is valid, but the client's configuration does not allow it.
 * - `unsupported`: the server does not offer what the call needs.
 * - `session`: there are no tokens of a user, or they can't be renewed: the user must sign in again.
 */
export type ClientErrorKind =
  | 'response'
  | 'network'
  | 'aborted'
  | 'invalid'
  | 'policy'
  | 'unsupported'
  | 'session'

export type ClientErrorDetails = {
  /** `error_description` of the server (RFC 6749 §5.2). */
  readonly description?: string | undefined
  /** `error_uri` of the server; ignored unless it is a URL of a web page. */
  readonly uri?: string | undefined
  /** Seconds to wait before another attempt (`Retry-After`, RFC 9110 §10.2.3). */
  readonly retryAfter?: Seconds | undefined
  readonly response?: ReceivedResponse | undefined
  readonly cause?: unknown
  /** Whether the server may have done what the request asked for. */
  readonly mayHaveSucceeded?: boolean
}

/** Characters of a server's text that are kept. */
const maxText = 1000

/**
 * Returns a text for logs and terminals: shortened, and with `?` for control characters and for those that change the
 * direction of text, because it may be a server's.
 */
const printable = (text: string): string =>
  text.slice(0, maxText).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')

/**
 * An error as a value, which can also be thrown. Neither its message nor its JSON contains a token or a secret. Texts of
 * the server are shortened and free of control characters.
 */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly kind: ClientErrorKind
  /** The error code of the server for `response`; otherwise a stable code of this library, such as `issuer_mismatch`. */
  readonly code: ErrorCode
  readonly description: string | undefined
  readonly uri: string | undefined
  readonly retryAfter: Seconds | undefined
  /** The HTTP status of the response. */
  readonly status: number | undefined
  /** The id of the request in the server's log (`x-request-id`). */
  readonly requestId: string | undefined
  /**
   * Whether the server may have processed the request although its response was lost or unreadable. If so, a refresh
   * token may have been rotated, or a code redeemed.
   */
  readonly mayHaveSucceeded: boolean
  readonly #response: ReceivedResponse | undefined

  constructor(kind: ClientErrorKind, code: ErrorCode, message: string, details: ClientErrorDetails = {}) {
    super(printable(message), details.cause === undefined ? undefined : { cause: details.cause })
    this.kind = kind
    this.code = printable(code)
    this.description = details.description === undefined ? undefined : printable(details.description)
    this.uri = details.uri !== undefined && /^https?:/i.test(details.uri) ? printable(details.uri) : undefined
    this.retryAfter = details.retryAfter
    this.status = details.response?.status
    this.requestId = details.response?.headers.get('x-request-id') ?? undefined
    this.mayHaveSucceeded = details.mayHaveSucceeded ?? false
    this.#response = details.response
  }

  /** The response as received. It is left out of logs, because its body can contain tokens. */
  get response(): ReceivedResponse | undefined {
    return this.#response
  }

  toJSON(): Readonly<Record<string, unknown>> {
    const { name, kind, code, message, description, uri, status, requestId, mayHaveSucceeded } = this
    return { name, kind, code, message, description, uri, status, requestId, mayHaveSucceeded }
  }
}
