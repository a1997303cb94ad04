/**
 * Ids of requests, for log lines and for the client, which can name the response that it got. An id that a client or a
 * proxy sends is not taken over: a client could choose the ids that an operator looks for.
 */

import { randomBytes } from 'node:crypto'

/** On each response, whoever makes it. */
export const requestIdHeader = 'x-request-id'

/** Ids that are unique for each request, on every node, at the price of a count. */
export function createRequestIds(): () => string {
  const prefix = randomBytes(6).toString('base64url')
  let count = 0
  return () => {
    count += 1
    return `${prefix}-${count.toString(36)}`
  }
}
