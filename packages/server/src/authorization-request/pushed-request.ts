/**
 * Pushed authorization requests (RFC 9126), stored for a short time under a `request_uri` that can be used once. The
 * request is redeemed when the response is stored rather than when a page is loaded, because browsers reload and
 * prefetch URLs (RFC 9126 §4; FAPI 2.0 Security Profile §5.3.2.2, note 3). `expires_in` limits the time until the
 * browser arrives.
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
  /** How long a request can wait for the browser. */
  readonly lifetime: Seconds
  /**
   * Stores a request, and in the same write the use of its proof. Resolves to undefined, and stores nothing, if the proof
   * was used before.
   */
  readonly keep: (
    clientId: string,
    parameters: Parameters,
    proof?: UsedAssertion,
  ) => Promise<{ readonly request_uri: string; readonly expires_in: number } | undefined>
  /**
   * Finds a request without redeeming it. Refuses `invalid_request_uri` if it is unknown, used, expired or another
   * client's.
   */
  readonly find: (uri: string, clientId: string) => Promise<Result<PushedParameters>>
}

type PushedParameters = { readonly parameters: Parameters; readonly pushed: Pushed }

/** Identifies the pushed request that a response redeems. */
export type Pushed = {
  /** The key of its row. */
  readonly hash: TokenHash
  /** When the browser arrived with the request. */
  readonly since: Seconds
}

/** How long the pages of a pushed request can be reopened, each time for another hour. */
export const pushedRestartLifetime: Seconds = 86_400

/**
 * Returns the row that marks the request as used. It outlives all pages of every browser that arrived with the request:
 * the last one arrived at most an hour after this one (`pushed_lifetime`), and its pages live for an hour.
 */
export const usedAssertionOf = ({ hash, since }: Pushed): UsedAssertion => ({
  hash,
  expires_at: rememberUntil(since + pushedRestartLifetime, 2 * 3600),
})

export const alreadyUsed = refuse('invalid_request_uri', 'pushed_request_used', {
  description: 'The request_uri was used before',
})

type PushedRequestPorts = {
  readonly stores: { readonly pushedRequests: PushedRequestStore }
  readonly pushedLifetime: Seconds
  readonly clock: Clock
  readonly random: Random
  /** Encrypts the parameters, which may identify the user (`id_token_hint`, `login_hint`, `claims`). */
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
  async keep(client_id, parameters, proof) {
    const handle = newHandle(random, 'tcp')
    const expires_at = clock.now() + pushedLifetime
    const hash = hashHandle(handle)
    const sealed = sealing.seal(formatParameters(parameters), nameOf(hash))
    const text = sealedPrefix + Buffer.from(sealed).toString('base64url')
    const isKept = await pushedRequests.add({ hash, client_id, expires_at, parameters: text }, proof)
    return isKept ? { request_uri: prefix + handle, expires_in: pushedLifetime } : undefined
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
 * Decrypts stored parameters; undefined if they were sealed for another request. Earlier versions store form-encoded
 * text, which contains no colon.
 */
function opened(stored: string, hash: string, sealing: Sealing): string | undefined {
  if (!stored.startsWith(sealedPrefix)) return stored
  try {
    return sealing.open(Buffer.from(stored.slice(sealedPrefix.length), 'base64url'), nameOf(hash))
  } catch {
    return undefined
  }
}
