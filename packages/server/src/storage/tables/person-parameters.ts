/**
 * Parameters of the statements in `personal-conditions.ts`. They are computed before the writer thread of SQLite gets
 * them, because loading `node:crypto` would take a fifth of its start.
 */

import { hashHandle } from '../../model/handle.ts'
import { isDerivedSub } from '../../model/user.ts'

/** The `sub`, its hash, a token's claim with it, and the provider's identity that it is derived from. */
export type PersonParameters = readonly [string, string, string, string]

export const personParameters = (sub: string): PersonParameters => [
  sub,
  hashHandle(sub),
  mentionOf(sub),
  isDerivedSub(sub) ? sub.slice('fed_'.length) : '',
]

/** Returns how claims as JSON name a subject, at any depth: also as an actor (RFC 8693 §4.1). */
const mentionOf = (sub: string): string => `"sub":${JSON.stringify(sub)}`
