/**
 * How much strangers can make the store keep: pushed requests (RFC 9126) and device authorizations (RFC 8628 §5.2) that
 * wait for a user, of clients that prove nothing, or that nobody but themselves has vouched for; and long requests, which
 * any browser brings.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { type Client, isPublic } from '../model/client.ts'
import { networkKeys, networkOf } from '../runtime/network.ts'
import type { CountAttempt, Forgive } from './attempts.ts'

/** Counts one more. The value takes it back. Refuses `temporarily_unavailable` where the request's network has enough of them waiting. */
export type CountWaiting = (
  request: HttpRequest,
  client: Client,
  waiting: {
    readonly kind: 'pushed request' | 'device authorization' | 'long request'
    readonly lifetime: Seconds
  },
) => Promise<Result<Forgive>>

export type WaitingPorts = {
  readonly countAttempt: CountAttempt
  /** Whether the configuration names a client. */
  readonly isConfigured: (clientId: string) => boolean
  readonly mostWaiting: number
}

export const createWaitingCounter =
  ({ countAttempt, isConfigured, mostWaiting: most }: WaitingPorts): CountWaiting =>
  async (request, client, { kind, lifetime: span }) => {
    // Such a client pushes for all of its users from one network.
    if (kind !== 'long request' && !isPublic(client) && isConfigured(client.client_id))
      return ok(async () => {})
    const counted = await countAttempt(networkKeys(kind, networkOf(request), { most, span }))
    return counted.ok
      ? ok(counted.forgive)
      : refuse('temporarily_unavailable', 'too_many_waiting', {
          description: 'Too many requests of this network wait for their users; try again later',
          retry_after: counted.wait,
        })
  }
