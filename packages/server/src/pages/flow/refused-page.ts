/** Responds to refusals with an error page, and logs them. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import type { Refusal } from '@tessera/protocol/result'
import { type Step, stepsUpTo } from '../../model/steps.ts'
import { requestFields } from '../../runtime/network.ts'
import type { Log } from '../../runtime/ports.ts'
import type { Pages } from '../ui/pages.ts'
import type { PageContext } from '../ui/render.ts'

type RefusePage = (
  request: HttpRequest,
  refusal: Refusal,
  context?: PageContext & { readonly back?: string; readonly step?: Step },
) => Promise<HttpResponse>

/** Reasons that the user can act on have their own text. */
const kinds: Readonly<Record<string, 'expired' | 'csrf' | 'gone'>> = {
  continuation_invalid: 'expired',
  continuation_expired: 'expired',
  csrf_token_wrong: 'csrf',
  registered_client_unknown: 'gone',
  sealed_client_unknown: 'gone',
}

/** Pages read forms and sealed state in one place, so these reasons determine the step. Any other is a decision. */
const stepOfReason: ReadonlyMap<string, Step> = new Map([
  ...(
    ['media_type_not_form', 'malformed_encoding', 'repeated_parameter', 'too_many_parameters'] as const
  ).map(reason => [reason, 'parse'] as const),
  ['parameter_too_long', 'parse'],
  ...(['csrf_token_wrong', 'continuation_expired', 'continuation_invalid'] as const).map(
    reason => [reason, 'open'] as const,
  ),
])

export const createPageRefuser =
  (endpoint: string, { pages, log }: { pages: Pages; log: Log }): RefusePage =>
  (request, refusal, { back, step, ...context } = {}) => {
    logRefusal(log, endpoint, request, refusal, step)
    const { error, description } = refusal
    const kind = kinds[refusal.reason] ?? 'request'
    const status = refusal.reason === 'media_type_not_form' ? 415 : 400
    return pages.error(request, { kind, error, description, back }, { status, ...context })
  }

export const logRefusal = (
  log: Log,
  endpoint: string,
  request: HttpRequest,
  refusal: Refusal,
  step = stepOfReason.get(refusal.reason) ?? 'decide',
): void =>
  log.info('refused', {
    endpoint,
    ...requestFields(request),
    steps: stepsUpTo(endpoint, step),
    error: refusal.error,
    reason: refusal.reason,
    ...refusal.log,
  })
