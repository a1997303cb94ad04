/**
 * Pushed authorization requests: kept for a short time under a `request_uri` of one use (RFC 9126). It is used by the write
 * that stores what is issued for it, not by loading the pages that it leads to: browsers reload and prefetch addresses
 * (RFC 9126 §4; FAPI 2.0 Security Profile §5.3.2.2, note 3). `expires_in` counts when the browser comes with it.
 */

import type { Seconds } from '@tessera/protocol/brand'
import type { Parameters } from '@tessera/protocol/parameters'
import { ok, type Result, refuse } from '@tessera/protocol/result'
import { hashHandle, newHandle } from '../model/handle.ts'
import { rememberUntil } from '../model/jose.ts'
import type { Sealing } from '../model/keys.ts'
import type { PushedRequests as PushedRequestStore, UsedAssertion } from '../model/ports/stores.ts'
import type { Clock, Random, TokenHash } from '../runtime/ports.ts'
import { parseRequest } from './parameter-limits.ts'
import { formatParameters } from './serialized-request.ts'

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
  /** Changes nothing. Refuses `invalid_request_uri`: unknown, used, expired, or of another client. */
  readonly find: (uri: string, clientId: string) => Promise<Result<PushedParameters>>
}

type PushedParameters = { readonly parameters: Parameters; readonly pushed: Pushed }

/** Where a request came from that can be used once. */
export type Pushed = {
  /** Of its row. */
  readonly hash: TokenHash
  /** When the browser came with it. */
  readonly since: Seconds
}

/** How long after the browser came with a pushed request its pages can be opened again, for another hour each. */
export const pushedRestartLifetime: Seconds = 86_400

/**
 * Returns the marker that is stored with what is issued. It outlives every page of every browser that came with the
 * request: the last one came at most an hour after this one (`pushed_lifetime`), and its last page lives for an hour.
 */
export const usedAssertionOf = ({ hash, since }: Pushed): UsedAssertion => ({
  hash,
  expires_at: rememberUntil(since + pushedRestartLifetime, 2 * 3600),
})

export const alreadyUsed = refuse('invalid_request_uri', 'pushed_request_used', {
  description: 'The request_uri was used before',
})

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
  async find(uri, clientId) {
    const hash = hashHandle(uri.slice(prefix.length))
    const stored = await pushedRequests.find(hash, clientId, clock.now())
    const text = stored && opened(stored.parameters, hash, sealing)
    if (!stored || text === undefined) {
      return refuse('invalid_request_uri', 'pushed_request_unknown', { description: 'Invalid request_uri' })
    }
    if (stored.used) return alreadyUsed
    const parameters = parseRequest(text)
    return parameters.ok
      ? ok({ parameters: parameters.value, pushed: { hash, since: clock.now() } })
      : parameters
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
