/**
 * Ids of requests, for log lines and for clients that report a problem. An id from a client or proxy is not used: a client
 * could choose the ids that an operator searches for.
 */

import { randomBytes } from 'node:crypto'

/** The header of each response, also of errors of the edge. */
export const requestIdHeader = 'x-request-id'

/** Returns a function that creates ids which are unique across nodes. Each costs only an increment of a counter. */
export function createRequestIds(): () => string {
  const bytes = randomBytes(6)
  // Then no id begins with a hyphen, which a command line would read as an option.
  bytes[0]! &= 0x7f
  const prefix = bytes.toString('base64url')
  let count = 0
  return () => {
    count += 1
    return `${prefix}-${count.toString(36)}`
  }
}
