/**
 * Limits attempts to a number per key and time span (RFC 6749 §4.3.2, RFC 8628 §5.1). An attempt is counted before it is
 * made, so that concurrent attempts can't exceed the limit. Counts are stored, so that processes share them and they
 * survive a restart.
 */

import { createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { Awaitable, Clock, TokenHash } from '../runtime/ports.ts'

/** Allows at most `most` attempts for `key` within `span`. */
export type AttemptKey = { readonly key: string; readonly most: number; readonly span: Seconds }

export type Counted =
  | {
      readonly ok: true
      /** Undoes the count. Never rejects: if the store is unavailable, the count is undone with a later attempt. */
      readonly forgive: Forgive
    }
  /** One of the keys reached its limit, and nothing was counted. */
  | { readonly ok: false; readonly wait: Seconds }

export type Forgive = () => Promise<void>

export type CountAttempt = (keys: readonly AttemptKey[]) => Promise<Counted>

/** Undoes one count of each key, for callers that know only later whether the attempt counts. */
export type ForgiveAttempt = (keys: readonly AttemptKey[]) => Promise<void>

/** Maximum number of counts to undo later, so that an outage does not fill the memory. */
const mostOwed = 1000

type AttemptPorts = {
  readonly stores: Pick<Stores, 'attempts'>
  readonly derived: DerivedKeys
  readonly clock: Clock
}

export type Attempts = {
  readonly countAttempt: CountAttempt
  readonly forgiveAttempt: ForgiveAttempt
  /** Returns the stored form of a key. */
  readonly hashOf: (key: string) => TokenHash
  /** Returns the time until every key allows an attempt, 0 if all do now. Counts nothing. */
  readonly waitFor: (keys: readonly AttemptKey[]) => Awaitable<Seconds>
}

export function createAttempts({ stores: { attempts }, derived, clock }: AttemptPorts): Attempts {
  // Keyed, because a plain hash of a name or an address can be found by brute force. Permanent, or a rotation of the
  // master key would allow every guess again.
  const secret = derived.permanent('attempts')
  const hashOf = (key: string) => createHmac('sha256', secret).update(key).digest('base64url') as TokenHash

  const limitsOf = (keys: readonly AttemptKey[]) =>
    keys.map(({ key, most, span }) => ({ hash: hashOf(key), most, span }))

  /** Counts to undo as soon as the store is available again. */
  let owed: readonly TokenHash[] = []

  async function forgive(hashes: readonly TokenHash[]): Promise<void> {
    try {
      await attempts.forgive(hashes)
    } catch {
      owed = [...owed, ...hashes].slice(-mostOwed)
    }
  }
  const forgiveAttempt: ForgiveAttempt = keys => forgive(keys.map(({ key }) => hashOf(key)))

  async function forgiveOwed(): Promise<void> {
    const hashes = owed
    owed = []
    await forgive(hashes)
  }

  return {
    hashOf,
    forgiveAttempt,
    waitFor: keys => attempts.wait(limitsOf(keys), clock.now()),
    async countAttempt(keys) {
      if (owed.length > 0) await forgiveOwed()
      const wait = await attempts.count(limitsOf(keys), clock.now())
      return wait > 0 ? { ok: false, wait } : { ok: true, forgive: () => forgiveAttempt(keys) }
    },
  }
}

/**
 * Runs work that was counted before, and undoes the count unless the limit applies to the result. Work that failed or
 * was refused for another reason must not lock anyone out later.
 */
export async function doCounted<Value>(
  forgive: Forgive,
  work: () => Awaitable<Value>,
  isLimited: (value: Value) => boolean,
): Promise<Value> {
  let value: Value
  try {
    value = await work()
  } catch (error) {
    await forgive()
    throw error
  }
  // Not awaited: it never rejects.
  if (!isLimited(value)) forgive()
  return value
}
