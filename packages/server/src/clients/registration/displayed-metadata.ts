/** The metadata of a client that users see when they are asked to trust it: names, logo and addresses in every language, and hosts. */

import type { JsonObject } from '@tessera/protocol/result'
import { describingNames } from '../../model/client-languages.ts'

/** Whether users would see something else after an update of the metadata. */
export const isShownAlike = (before: JsonObject, after: JsonObject): boolean =>
  JSON.stringify(shownOf(before)) === JSON.stringify(shownOf(after))

const shownOf = (metadata: JsonObject) => [
  Object.entries(metadata)
    .filter(([name]) => described.has(name.split('#', 1)[0] ?? ''))
    .sort(([one], [other]) => (one < other ? -1 : 1)),
  destinationsOf(metadata.redirect_uris),
]

const described: ReadonlySet<string> = new Set(describingNames)

/** Hosts on the web, else schemes. A native application takes any port of the loopback address (RFC 8252 §7.3). */
function destinationsOf(uris: unknown): readonly string[] {
  const destinations = (Array.isArray(uris) ? uris : []).map((uri: unknown) => {
    if (typeof uri !== 'string' || !URL.canParse(uri)) return String(uri)
    const { protocol, hostname } = new URL(uri)
    return /^https?:$/.test(protocol) ? hostname : protocol
  })
  return [...new Set(destinations)].sort()
}
