/**
 * Counting attempts (RFC 6749 §4.3.2, RFC 8628 §5.1): a bounded number in a span of time for each key, counted before
 * the attempt is made, so that a thousand at once count as a thousand; kept in the store, so that processes share the
 * count and a restart forgets none.
 */

import { createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { Awaitable, Clock, TokenHash } from '../runtime/ports.ts'

/** What is limited, how often and in how long. */
export type AttemptKey = { readonly key: string; readonly most: number; readonly span: Seconds }

export type Counted =
  | {
      readonly ok: true
      /** Takes it back. Never rejects: what can't be taken back now is taken back with the next attempt. */
      readonly forgive: Forgive
    }
  /** One of the keys has no room: nothing was counted. */
  | { readonly ok: false; readonly wait: Seconds }

export type Forgive = () => Promise<void>

export type CountAttempt = (keys: readonly AttemptKey[]) => Promise<Counted>

/** Takes one back of each, where that is known only later. */
export type ForgiveAttempt = (keys: readonly AttemptKey[]) => Promise<void>

/** Counts to take back later, at most: an outage must not fill the memory. */
const mostOwed = 1000

export type AttemptPorts = {
  readonly stores: Pick<Stores, 'attempts'>
  readonly derived: DerivedKeys
  readonly clock: Clock
}

export type Attempts = {
  readonly countAttempt: CountAttempt
  readonly forgiveAttempt: ForgiveAttempt
  /** Returns how long to wait until each key has room, 0 where all have; counts nothing. */
  readonly waitFor: (keys: readonly AttemptKey[]) => Awaitable<Seconds>
}

export function createAttempts({ stores: { attempts }, derived, clock }: AttemptPorts): Attempts {
  const secret = derived.derive('attempts')
  // Keyed: names and addresses could be found from a plain hash by trying.
  const hashOf = (key: string) => createHmac('sha256', secret).update(key).digest('base64url') as TokenHash

  const limitsOf = (keys: readonly AttemptKey[]) =>
    keys.map(({ key, most, span }) => ({ hash: hashOf(key), most, span }))

  /** Attempts to take back as soon as the store can be used again. */
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
 * Does the work that was counted before it. Takes the count back unless the work ended in what is limited: whatever was
 * refused for another reason, or failed, must not keep anybody out later.
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
  // Not waited for: it never rejects.
  if (!isLimited(value)) forgive()
  return value
}
