/** Pushed authorization requests: kept for a short time under a `request_uri` of one use (RFC 9126). */

import type { Seconds } from '@tessera/protocol/brand'
import { type Parameters, parseParameters } from '@tessera/protocol/parameters'
import { type Result, refuse } from '@tessera/protocol/result'
import { hashHandle, newHandle } from '../core/handle.ts'
import type { Clock, Random } from '../core/runtime.ts'
import type { PushedRequests as PushedRequestStore } from '../core/stores.ts'

/** RFC 9126 §2.2. */
const prefix = 'urn:ietf:params:oauth:request_uri:'

export const isPushed = (uri: string | undefined): boolean => uri?.startsWith(prefix) ?? false

export type PushedRequests = {
  /** How long one waits for its browser. */
  readonly lifetime: Seconds
  readonly keep: (
    clientId: string,
    parameters: Parameters,
  ) => Promise<{ readonly request_uri: string; readonly expires_in: number }>
  /** Refuses `invalid_request_uri`: unknown, used, expired, or of another client. */
  readonly take: (uri: string, clientId: string) => Promise<Result<Parameters>>
}

export type PushedRequestPorts = {
  readonly stores: { readonly pushedRequests: PushedRequestStore }
  readonly pushedLifetime: Seconds
  readonly clock: Clock
  readonly random: Random
}

export const createPushedRequests = ({
  stores: { pushedRequests },
  pushedLifetime,
  clock,
  random,
}: PushedRequestPorts): PushedRequests => ({
  lifetime: pushedLifetime,
  async keep(client_id, parameters) {
    const handle = newHandle(random, 'tcp')
    const expires_at = clock.now() + pushedLifetime
    await pushedRequests.add({
      hash: hashHandle(handle),
      client_id,
      parameters: formatParameters(parameters),
      expires_at,
    })
    return { request_uri: prefix + handle, expires_in: pushedLifetime }
  },
  async take(uri, clientId) {
    const hash = hashHandle(uri.slice(prefix.length))
    const parameters = await pushedRequests.take(hash, clientId, clock.now())
    return parameters === undefined
      ? refuse('invalid_request_uri', 'pushed_request_unknown', { description: 'Invalid request_uri' })
      : parseParameters(parameters)
  },
})

export const formatParameters = (parameters: Parameters): string =>
  new URLSearchParams(
    [...parameters.names()].flatMap(name => parameters.all(name).map(value => [name, value])),
  ).toString()
