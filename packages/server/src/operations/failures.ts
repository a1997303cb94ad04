/** Logs requests that fail through no fault of the client. */

import type { HttpRequest } from '@tessera/protocol/http'
import { requestFields } from '../runtime/network.ts'
import type { Log } from '../runtime/ports.ts'
import { repeatedLine } from '../runtime/repeated-line.ts'

/**
 * Returns a function that logs bugs, each with its stack. An unavailable store, or document of a client, is logged once
 * every 10 s with the number of requests: a stack does not explain an outage, and under load it would fill the disk.
 */
export function createFailureLog(log: Log): (request: HttpRequest, error: unknown) => void {
  const storeUnavailable = repeatedLine(log.error, { event: 'store_unavailable', count: 'requests' })
  // Anyone can name a client whose host does not respond.
  const documentUnavailable = repeatedLine(log.warn, {
    event: 'client_document_unavailable',
    count: 'requests',
  })
  return (request, error) => {
    const where = { ...requestFields(request), path: request.path }
    const { name, stack, cause } =
      error instanceof Error ? error : { name: '', stack: undefined, cause: undefined }
    const lines = { StoreUnavailable: storeUnavailable, ClientUnavailable: documentUnavailable }
    if (name !== 'StoreUnavailable' && name !== 'ClientUnavailable')
      return log.error('request_failed', { ...where, error: String(error), stack })
    lines[name]({ ...where, error: (error as Error).message, reason: messageOf(cause) })
  }
}

/** Returns a description of an error's cause; undefined if it has none. */
export const causeOf = (error: unknown): string | undefined =>
  error instanceof Error ? messageOf(error.cause) : undefined

const messageOf = (cause: unknown): string | undefined =>
  cause === undefined ? undefined : cause instanceof Error ? cause.message : String(cause)
