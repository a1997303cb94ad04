/** Conditional requests (RFC 9110 §13): no request overwrites a version that its sender has not seen. */

import { type Problem, problem } from './problem.ts'

export type Conditions = {
  /**
   * Returns why the entry may not be changed or created.
   * @param etag of the entry; undefined: it does not exist.
   * @param optional whether an existing entry may be changed without `If-Match`.
   */
  readonly forChange: (etag: string | undefined, optional?: 'optional') => Problem | undefined
  /** Returns whether the client has this version of the entry already. */
  readonly isUnchanged: (etag: string) => boolean
}

type Tags = readonly string[] | '*' | undefined

/** Compares entity tags strongly for `If-Match`, and weakly for `If-None-Match` (RFC 9110 §8.8.3.2). */
export function readConditions(headers: Readonly<Record<string, string | undefined>>): Conditions {
  const match = tagsOf(headers['if-match'])
  const noneMatch = tagsOf(headers['if-none-match'])
  return {
    forChange(etag, optional) {
      if (noneMatch !== undefined && etag !== undefined && holds(noneMatch, etag, true))
        return problem('admin_precondition_failed', 'If-None-Match: the entry exists')
      if (match !== undefined)
        return etag !== undefined && holds(match, etag, false)
          ? undefined
          : problem(
              'admin_precondition_failed',
              'If-Match: the entry has changed, or does not exist; read it again',
            )
      return etag === undefined || optional
        ? undefined
        : problem('admin_precondition_missing', 'send the ETag of the entry as If-Match')
    },
    isUnchanged: etag => noneMatch !== undefined && holds(noneMatch, etag, true),
  }
}

const tag = /^(?:W\/)?"[\x21\x23-\x7E]*"$/

/** A malformed list matches nothing. */
function tagsOf(header: string | undefined): Tags {
  if (header === undefined) return undefined
  if (header.trim() === '*') return '*'
  return header
    .split(',')
    .map(one => one.trim())
    .filter(one => tag.test(one))
}

const holds = (tags: NonNullable<Tags>, etag: string, weakly: boolean): boolean =>
  tags === '*' || tags.some(one => (weakly ? one.replace(/^W\//, '') : one) === etag)
