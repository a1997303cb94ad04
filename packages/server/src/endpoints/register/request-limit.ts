/** Limits registrations and updates from a network. Each writes to the store and may fetch URLs from the metadata. */

import type { HttpRequest } from '@tessera/protocol/http'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { CountAttempt, Forgive } from '../../identity/attempts.ts'
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
