/** Pushed authorization requests: kept for a short time under a `request_uri` of one use (RFC 9126). */

import type { Seconds } from '@tessera/protocol/brand'
import { type Parameters, parseParameters } from '@tessera/protocol/parameters'
import { type Result, refuse } from '@tessera/protocol/result'
import { hashHandle, newHandle } from '../core/handle.ts'
import type { Sealing } from '../core/keys.ts'
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
  /** They may hold an `id_token_hint`, and what a client knows of its user (`login_hint`, `claims`). */
  readonly sealing: Sealing
}

export const createPushedRequests = ({
  stores: { pushedRequests },
  pushedLifetime,
  clock,
  random,
  sealing,
}: PushedRequestPorts): PushedRequests => ({
  lifetime: pushedLifetime,
  async keep(client_id, parameters) {
    const handle = newHandle(random, 'tcp')
    const expires_at = clock.now() + pushedLifetime
    const hash = hashHandle(handle)
    const sealed = sealing.seal(formatParameters(parameters), nameOf(hash))
    await pushedRequests.add({
      ...{ hash, client_id, expires_at },
      parameters: sealedPrefix + Buffer.from(sealed).toString('base64url'),
    })
    return { request_uri: prefix + handle, expires_in: pushedLifetime }
  },
  async take(uri, clientId) {
    const hash = hashHandle(uri.slice(prefix.length))
    const stored = await pushedRequests.take(hash, clientId, clock.now())
    const parameters = stored && opened(stored, hash, sealing)
    return parameters === undefined
      ? refuse('invalid_request_uri', 'pushed_request_unknown', { description: 'Invalid request_uri' })
      : parseParameters(parameters)
  },
})

const sealedPrefix = 'sealed:'
const nameOf = (hash: string): string => `pushed request ${hash}`

/**
 * Undefined for what was sealed for another request. A node of an earlier version stores them as they are; form-encoded
 * text has no colon.
 */
function opened(stored: string, hash: string, sealing: Sealing): string | undefined {
  if (!stored.startsWith(sealedPrefix)) return stored
  try {
    return sealing.open(Buffer.from(stored.slice(sealedPrefix.length), 'base64url'), nameOf(hash))
  } catch {
    return undefined
  }
}

export const formatParameters = (parameters: Parameters): string =>
  new URLSearchParams(
    [...parameters.names()].flatMap(name => parameters.all(name).map(value => [name, value])),
  ).toString()
