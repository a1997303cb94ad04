/** Limits registrations and updates from a network. Each writes to the store and may fetch URLs from the metadata. */

import type { HttpRequest, HttpResponse } from '@tessera/protocol/http'
import { refuse } from '@tessera/protocol/result'
import { type CountAttempt, doCounted } from '../../identity/attempts.ts'
import type { Refuser } from '../../messages/json-response.ts'
import type { Registration } from '../../model/registration.ts'
import { networkKeys, networkOf } from '../../runtime/network.ts'

export type RequestLimitPorts = {
  readonly registration: Pick<Registration, 'mostRequestsPerHour'>
  readonly countAttempt: CountAttempt
  readonly refuser: Refuser
}

export type CountedAnswer = { readonly respond: () => HttpResponse; readonly isCounted: boolean }

/** The client must retry a 503, so it is not counted. */
export const refused = (response: HttpResponse): CountedAnswer => ({
  respond: () => response,
  isCounted: response.status !== 503,
})

/** Returns a function that counts a request and does its work, or refuses with 429 if the network has sent too many. */
export const createRequestLimit =
  ({ registration, countAttempt, refuser }: RequestLimitPorts) =>
  async (
    request: HttpRequest,
    work: () => Promise<CountedAnswer>,
    clientId?: string,
  ): Promise<HttpResponse> => {
    const most = registration.mostRequestsPerHour
    const counted = await countAttempt(networkKeys('registration', networkOf(request), { most, span: 3600 }))
    if (!counted.ok) {
      const refusal = refuse('temporarily_unavailable', 'registrations_too_often', {
        description: 'too many registration requests from this network',
        retry_after: counted.wait,
      })
      return refuser(request, refusal, { step: 'authenticate', clientId })
    }
    const { respond } = await doCounted(counted.forgive, work, ({ isCounted }) => isCounted)
    // After the counted work: once a client is stored, an error of its response must not give the count back.
    return respond()
  }
