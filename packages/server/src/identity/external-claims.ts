/** What is taken over of a user of another provider (OpenID Connect Core 1.0 §5.1). */

import type { Json, JsonObject } from '@tessera/protocol/result'
import { reservedClaims } from '../model/user.ts'

/** They are kept with the session and go into tokens: a provider must not make these as large as it likes. */
const mostCharacters = 8192

/**
 * The claims that the mapping (ours → theirs) names; never one that this server says itself. Undefined when they are
 * too large.
 */
export function mapClaims(
  mapping: Readonly<Record<string, string>>,
  theirs: Readonly<Record<string, unknown>>,
  lists: ReadonlySet<string> = new Set(),
): JsonObject | undefined {
  const claims = Object.fromEntries(
    Object.entries(mapping).flatMap(([ours, name]) => {
      const value = Object.hasOwn(theirs, name) ? (theirs[name] as Json | undefined) : undefined
      if (value === undefined || value === null || reservedClaims.has(ours)) return []
      return [[ours, lists.has(ours) ? [value].flat() : value] as const]
    }),
  )
  return JSON.stringify(claims).length <= mostCharacters ? claims : undefined
}
