/** Ids of requests, for the logs. */

import { randomBytes } from 'node:crypto'

/** Ids that are unique for each request, on every node, at the price of a count. */
export function createRequestIds(): () => string {
  const prefix = randomBytes(6).toString('base64url')
  let count = 0
  return () => {
    count += 1
    return `${prefix}-${count.toString(36)}`
  }
}
