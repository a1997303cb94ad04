/** Reads which representation a client prefers (RFC 9110 §12.5.1). */

import { acceptWeights } from '@tessera/protocol/accept'
import type { HttpRequest } from '@tessera/protocol/http'

/**
 * Returns whether to send a page rather than JSON. Only a client that names HTML gets a page, as browsers do when a
 * person opens a URL. A wildcard, or JSON with the same weight, indicates a program.
 */
export function prefersHtml({ headers }: Pick<HttpRequest, 'headers'>): boolean {
  const weights = acceptWeights(headers.accept)
  const html = Math.max(weights.get('text/html') ?? 0, weights.get('application/xhtml+xml') ?? 0)
  return html > 0 && html > (weights.get('application/json') ?? 0)
}
