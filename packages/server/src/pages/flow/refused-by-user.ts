/** Notes that the user refused, and in which browser (RFC 9700 §4.11.2). */

import type { HttpRequest } from '@tessera/protocol/http'
import type { Progress } from './continuation.ts'
import type { Csrf } from './csrf.ts'

/** Returns the continuation with the refusal of this request's browser. */
export const refusedBy = <Waiting extends Progress>(
  request: HttpRequest,
  continuation: Waiting,
  refused: NonNullable<Progress['refused']>,
  csrf: Pick<Csrf, 'token'>,
): Waiting => ({ ...continuation, refused, refused_by: csrf.token(request).token })
