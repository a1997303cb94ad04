/** Reads which representation a client prefers (RFC 9110 §12.5.1). */

import type { HttpRequest } from '@tessera/protocol/http'

const longest = 500

/**
 * Returns whether to send a page rather than JSON. Only a client that names HTML gets a page, as browsers do when a
 * person opens a URL. A wildcard, or JSON with the same weight, indicates a program.
 */
export function prefersHtml({ headers }: Pick<HttpRequest, 'headers'>): boolean {
  const weights = weightsOf((headers.accept ?? '').slice(0, longest))
  const html = Math.max(weights.get('text/html') ?? 0, weights.get('application/xhtml+xml') ?? 0)
  return html > 0 && html > (weights.get('application/json') ?? 0)
}

function weightsOf(accept: string): ReadonlyMap<string, number> {
  const entries = accept.split(',').map(entry => {
    const [type = '', ...parameters] = entry
      .toLowerCase()
      .split(';')
      .map(part => part.trim())
    const q = parameters.find(part => part.startsWith('q='))
    const weight = q === undefined ? 1 : Number(q.slice(2))
    return [type, weight > 0 && weight <= 1 ? weight : 0] as const
  })
  return new Map(entries)
}
