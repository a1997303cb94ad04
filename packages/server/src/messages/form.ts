/** Form request bodies (RFC 6749 §3.2, appendix B). */

import type { HttpRequest } from '@tessera/protocol/http'
import { type Limits, type Parameters, parseParameters } from '@tessera/protocol/parameters'
import { type Result, refuse } from '@tessera/protocol/result'
import { shownValue } from '../model/masked.ts'

/** Returns whether the body is `application/x-www-form-urlencoded`, with any media type parameters. */
export const isForm = (request: HttpRequest): boolean => {
  const type = request.headers['content-type']
  if (type === 'application/x-www-form-urlencoded') return true
  return type !== undefined && /^\s*application\/x-www-form-urlencoded\s*(;|$)/i.test(type)
}

/** Refuses another media type: 400 at the token endpoint (RFC 6749 §5.2), 415 elsewhere. */
export const notForm = refuse('invalid_request', 'media_type_not_form', {
  description: 'the body must be application/x-www-form-urlencoded',
})

/** Parses the form. Refuses {@link notForm} and what {@link parseParameters} refuses. */
export const readForm = (request: HttpRequest, limits: Limits = {}): Result<Parameters> =>
  isForm(request)
    ? parseParameters(request.body, limits)
    : {
        ...notForm,
        log: {
          expected: 'application/x-www-form-urlencoded',
          received: shownValue(request.headers['content-type'] ?? 'no content-type'),
        },
      }
