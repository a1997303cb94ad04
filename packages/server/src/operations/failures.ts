/** Logs requests that fail through no fault of the client. */

import type { HttpRequest } from '@tessera/protocol/http'
import { requestFields } from '../runtime/network.ts'
import { InvalidStoredValue, type Log } from '../runtime/ports.ts'
import { repeatedLine } from '../runtime/repeated-line.ts'
import { describeThrown, isThrown } from '../runtime/thrown.ts'

/**
 * Returns a function that logs bugs, each with its stack, and requests that need an invalid row. An unavailable store, or
 * document of a client, is logged once every 10 s with the number of requests: a stack does not explain an outage, and
 * under load it would fill the disk.
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
    const { text, name, message, stack } = describeThrown(error)
    if (isThrown(error, InvalidStoredValue))
      return log.error('stored_value_invalid', { ...where, ...error.fields })
    const lines = { StoreUnavailable: storeUnavailable, ClientUnavailable: documentUnavailable }
    if (name !== 'StoreUnavailable' && name !== 'ClientUnavailable')
      return log.error('request_failed', { ...where, error: text, stack })
    lines[name]({ ...where, error: message, reason: causeOf(error) })
  }
}

/** Returns a description of an error's cause; undefined if it has none. */
export const causeOf = (error: unknown): string | undefined =>
  isThrown(error, Error) && error.cause !== undefined ? describeThrown(error.cause).message : undefined
