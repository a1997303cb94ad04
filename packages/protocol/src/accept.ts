/** Media types that a client accepts (RFC 9110 §12.5.1). */

const longest = 500

/**
 * Returns the weight of each media type that the value of an `Accept` header names, from 0 (not acceptable) to 1. An
 * invalid weight counts as 0. Reads the first 500 characters.
 */
export function acceptWeights(accept = ''): ReadonlyMap<string, number> {
  const entries = accept
    .slice(0, longest)
    .split(',')
    .map(entry => {
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
