/** Servers with events for tests to read: those passed to callbacks, and those that a webhook receives. */

import { createOutbound, type Outbound } from '../../packages/server/src/outbound/outbound.ts'
import { createTestServer, type TestServer } from './tessera.ts'

export const webhookSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

export type Received = {
  readonly id: string
  readonly type: string
  readonly timestamp: string
  readonly issuer: string
  readonly tenant?: string
  readonly data: any
}

export type Listening = {
  readonly server: TestServer
  /** The events that the callback got, once no work is in progress. */
  readonly called: () => Promise<readonly Received[]>
  /** The bodies that the receiver got, once no work is in progress. */
  readonly posted: () => Promise<readonly string[]>
}

const address = 'https://receiver.example/hook'
const loopback = createOutbound({ allowedPrivateNetworks: ['127.0.0.0/8', '::1'] })

/** @param world a configuration; a webhook and a callback for all events are added. */
export async function startListening(
  world: object,
  surroundings: Parameters<typeof createTestServer>[1] = {},
): Promise<Listening> {
  const called: Received[] = []
  const posted: string[] = []
  const outbound: Outbound = async (url, request) => {
    if (String(url) !== address) return loopback(url, request)
    posted.push(request?.body ?? '')
    return { ok: true, status: 204, headers: {}, body: '' }
  }
  const server = await createTestServer(
    {
      ...world,
      events: { '*': (event: Received) => called.push(event) },
      webhooks: [{ url: address, secrets: [webhookSecret] }],
    },
    { outbound, ...surroundings },
  )
  const settled = async <Value>(value: Value): Promise<Value> => {
    await server.settled()
    return value
  }
  return { server, called: () => settled(called), posted: () => settled(posted) }
}
