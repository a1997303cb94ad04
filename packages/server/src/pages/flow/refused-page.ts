/** Responds to refusals with an error page, and logs them. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Refusal } from '@tessera/protocol/result'
import { networkOf } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import type { Pages } from '../ui/pages.ts'
import type { PageContext } from '../ui/render.ts'

type RefusePage = (
  request: HttpRequest,
  refusal: Refusal,
  context?: PageContext & { readonly back?: string },
) => Promise<HttpResponse>

/** Reasons that the user can act on have their own text. */
const kinds: Readonly<Record<string, 'expired' | 'csrf' | 'gone'>> = {
  continuation_invalid: 'expired',
  continuation_expired: 'expired',
  csrf_token_wrong: 'csrf',
  registered_client_unknown: 'gone',
}

export const createPageRefuser =
  (endpoint: string, { pages, log }: { pages: Pages; log: Log }): RefusePage =>
  (request, refusal, { back, ...context } = {}) => {
    logRefusal(log, endpoint, request, refusal)
    const { error, description } = refusal
    const kind = kinds[refusal.reason] ?? 'request'
    const status = refusal.reason === 'media_type_not_form' ? 415 : 400
    return pages.error(request, { kind, error, description, back }, { status, ...context })
  }

export const logRefusal = (log: Log, endpoint: string, request: HttpRequest, refusal: Refusal): void =>
  log.info('refused', {
    endpoint,
    request_id: request.id,
    network: networkOf(request),
    error: refusal.error,
    reason: refusal.reason,
    ...refusal.log,
  })
