/** Limits registrations and updates from a network. Each writes to the store and may fetch URLs from the metadata. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { type CountAttempt, doCounted, type Forgive } from '../../identity/attempts.ts'
import type { Registration } from '../../model/registration.ts'
import { networkKeys, networkOf } from '../../runtime/network.ts'

export type RequestLimitPorts = {
  readonly registration: Pick<Registration, 'mostRequestsPerHour'>
  readonly countAttempt: CountAttempt
}

export const createRequestLimit =
  ({ registration, countAttempt }: RequestLimitPorts) =>
  async (request: HttpRequest): Promise<Result<Forgive>> => {
    const most = registration.mostRequestsPerHour
    const counted = await countAttempt(networkKeys('registration', networkOf(request), { most, span: 3600 }))
    return counted.ok
      ? ok(counted.forgive)
      : refuse('temporarily_unavailable', 'registrations_too_often', {
          description: 'too many registration requests from this network',
          retry_after: counted.wait,
        })
  }

export type CountedAnswer = { readonly respond: () => HttpResponse; readonly isCounted: boolean }

/** The client must retry a 503, so it is not counted. */
export const refused = (response: HttpResponse): CountedAnswer => ({
  respond: () => response,
  isCounted: response.status !== 503,
})

/** Responds after the counted work: once a client is stored, an error of its response must not give the count back. */
export async function respondCounted(
  forgive: Forgive,
  work: () => Promise<CountedAnswer>,
): Promise<HttpResponse> {
  const { respond } = await doCounted(forgive, work, ({ isCounted }) => isCounted)
  return respond()
}
