/** Stores long authorization requests while the user signs in, because proxies limit the length of URLs. */

import type { Seconds } from '@tessera/protocol/brand'
import { hashHandle, newHandle } from '../model/handle.ts'
import type { Sealing } from '../model/keys.ts'
import type { PushedRequests } from '../model/ports/stores.ts'
import type { Clock, Random, TokenHash } from '../runtime/ports.ts'

/**
 * The maximum number of characters of an authorization request's parameters, which must fit into a URL after sealing.
 */
export const maxParametersLength = 8000

/** Refers to a stored request. Its value is not a secret, because no endpoint accepts it. */
export type StoredRequest = { readonly hash: TokenHash; readonly client_id: string }

export type LongRequests = {
  readonly lifetime: Seconds
  /** @param parameters form-encoded. */
  readonly keep: (clientId: string, parameters: string) => Promise<StoredRequest>
  /** Resolves to undefined after it has expired. */
  readonly find: (stored: StoredRequest) => Promise<string | undefined>
}

type LongRequestPorts = {
  readonly stores: { readonly pushedRequests: PushedRequests }
  readonly clock: Clock
  readonly random: Random
  readonly sealing: Sealing
  readonly lifetime: Seconds
}

export const createLongRequests = ({
  stores: { pushedRequests },
  clock,
  random,
  sealing,
  lifetime,
}: LongRequestPorts): LongRequests => ({
  lifetime,
  async keep(client_id, parameters) {
    // Like a pushed request, the row's key is the hash of a secret handle, so that the two can't be confused.
    const hash = hashHandle(newHandle(random, 'tcp'))
    await pushedRequests.add({
      hash,
      client_id,
      expires_at: clock.now() + lifetime,
      parameters: Buffer.from(sealing.seal(parameters, nameOf(hash))).toString('base64url'),
    })
    return { hash, client_id }
  },
  async find({ hash, client_id }) {
    const stored = await pushedRequests.find(hash, client_id, clock.now())
    return stored && sealing.open(Buffer.from(stored.parameters, 'base64url'), nameOf(hash))
  },
})

const nameOf = (hash: string): string => `long request ${hash}`
