/** How long a fetched document may be used (RFC 9111 §4.2, §5.2). This server is a shared cache. */

import type { Seconds } from '@tessera/protocol/brand'
import type { DocumentPolicy } from '../../model/client-document.ts'

export type Headers = Readonly<Record<string, string | undefined>>

export type Freshness = {
  readonly lifetime: Seconds
  /** Whether the document may be used after that while its host can't be reached (§4.2.4). */
  readonly staleAllowed: boolean
}

/** The lifetime if the response says nothing. */
const unstatedLifetime: Seconds = 300

/** Returns the freshness of a response that arrived at `now`, within the operator's bounds. */
export function freshnessOf(
  headers: Headers,
  now: Seconds,
  {
    minCacheLifetime: min,
    maxCacheLifetime: max,
  }: Pick<DocumentPolicy, 'minCacheLifetime' | 'maxCacheLifetime'>,
): Freshness {
  const directives = directivesOf(headers['cache-control'])
  const isForbidden = ['no-store', 'no-cache', 'private'].some(name => directives.has(name))
  const stated = isForbidden ? 0 : statedLifetime(directives, headers, now)
  const left = stated - (wholeNumber(headers.age?.split(',')[0]) ?? 0)
  const mustRevalidate = ['must-revalidate', 'proxy-revalidate', 's-maxage'].some(name =>
    directives.has(name),
  )
  return { lifetime: Math.min(Math.max(left, min), max), staleAllowed: !isForbidden && !mustRevalidate }
}

/** §4.2.1: a lifetime that can't be read counts as none. */
function statedLifetime(
  directives: ReadonlyMap<string, string>,
  { expires, date }: Headers,
  now: Seconds,
): Seconds {
  const maxAge = directives.get('s-maxage') ?? directives.get('max-age')
  if (maxAge !== undefined) return wholeNumber(maxAge) ?? 0
  if (expires === undefined) return unstatedLifetime
  const [end, start] = [timeOf(expires), timeOf(date) ?? now]
  return end === undefined ? 0 : Math.max(0, end - start)
}

/** Returns the directives in lower case. The first of two with the same name counts. */
function directivesOf(text = ''): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.split('=', 2).map(side => side.trim())
    const key = name.toLowerCase()
    if (!found.has(key)) found.set(key, value.replace(/^"(.*)"$/, '$1'))
  }
  return found
}

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,10}$/.test(text.trim()) ? Number(text) : undefined

function timeOf(text: string | undefined): Seconds | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(time) ? undefined : Math.floor(time / 1000)
}
