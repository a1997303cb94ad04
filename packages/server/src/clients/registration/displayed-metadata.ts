/** The metadata of a client that users see when they are asked to trust it: names, logo and addresses in every language, and hosts. */

import type { JsonObject } from '@tessera/protocol/result'
import { describingNames } from '../../model/client-languages.ts'
import { destinationsOf } from '../../model/redirect.ts'

/** Whether users would see something else after an update of the metadata. */
export const isDisplayedAlike = (before: JsonObject, after: JsonObject): boolean =>
  JSON.stringify(displayedMembers(before)) === JSON.stringify(displayedMembers(after))

const displayedMembers = (metadata: JsonObject) => [
  Object.entries(metadata)
    .filter(([name]) => described.has(name.split('#', 1)[0] ?? ''))
    .sort(([one], [other]) => (one < other ? -1 : 1)),
  destinationsOf(textsOf(metadata.redirect_uris)),
]

const described: ReadonlySet<string> = new Set(describingNames)

const textsOf = (uris: unknown): readonly string[] => (Array.isArray(uris) ? uris.map(String) : [])
