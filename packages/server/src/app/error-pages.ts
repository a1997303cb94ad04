/**
 * Renders errors of the edge as pages for browsers: in the user's language, with a link to continue and without
 * details.
 */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Paths } from '../pages/flow/page-paths.ts'
import type { EdgeProblem, Pages } from '../pages/ui/pages.ts'

const kinds: Readonly<Record<number, EdgeProblem>> = {
  404: 'notFound',
  413: 'tooLarge',
  500: 'failed',
  503: 'unavailable',
}

/** RFC 9110 §12.5.5: the headers that the page depends on. */
const vary = 'accept, accept-language, cookie'

/** Headers that tell a client how to proceed. */
const keptHeaders = ['allow', 'retry-after', 'x-request-id'] as const

export const createErrorPage =
  ({ pages, paths }: { readonly pages: Pages; readonly paths: Paths }) =>
  (request: HttpRequest, { status, headers }: HttpResponse): Promise<HttpResponse> => {
    const kept = keptHeaders.flatMap(name =>
      typeof headers[name] === 'string' ? [[name, headers[name]]] : [],
    )
    return pages.problem(
      request,
      { kind: kinds[status] ?? 'refused', home: paths('/') },
      { status, headers: { ...Object.fromEntries(kept), vary } },
    )
  }
