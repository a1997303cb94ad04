/**
 * Workload identities: tokens of other issuers, such as a cluster or a build service, that authenticate a client
 * (RFC 7521 §4.2, RFC 7523 §3).
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { SignatureAlgorithm } from '@tessera/protocol/signature-algorithms'

/** Which tokens of which issuer authenticate the client. */
export type WorkloadIdentity = {
  /** `iss` of the tokens. */
  readonly issuer: string
  /** `aud` of the tokens. Omitted: the issuer of this server. */
  readonly audience?: string
  /** `sub` of the tokens, or a pattern: see {@link matchesSubject}. */
  readonly subject: string
  readonly signing_alg: SignatureAlgorithm
  /** How many seconds `exp` may be in the future. */
  readonly max_lifetime: Seconds
  /** The issuer's keys, or their URL. Omitted: the `jwks_uri` of its metadata. */
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  readonly jwks_uri?: string
}

const separators = /[:/]/
/** Matches the text in the place of `*`: no separator, and nothing that could encode one. */
const wildcard = '[A-Za-z0-9._-]+'
const maxSubjectLength = 1024

/**
 * Returns whether the pattern is the whole subject. A `*` matches one or more letters, digits, dots, underscores or
 * hyphens, so it never reaches beyond a `:` or `/`. Compares case-sensitively.
 */
export function matchesSubject(pattern: string, subject: string): boolean {
  if (subject.length > maxSubjectLength) return false
  if (!pattern.includes('*')) return pattern === subject
  const source = pattern
    .split('*')
    .map(literal => literal.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
    .join(wildcard)
  return new RegExp(`^${source}$`).test(subject)
}

/** Returns what is wrong with a pattern; undefined if nothing is. */
export function subjectPatternProblem(pattern: string): string | undefined {
  const segments = pattern.split(separators)
  if (segments.includes('*')) return 'a segment consists of "*" alone, which matches what nobody expected'
  return segments.some(segment => segment.indexOf('*') !== segment.lastIndexOf('*'))
    ? 'a segment has more than one "*"'
    : undefined
}
