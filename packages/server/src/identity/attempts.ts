/**
 * Counting attempts (RFC 6749 §4.3.2, RFC 8628 §5.1): a bounded number in a span of time for each key, counted before
 * the attempt is made, so that a thousand at once count as a thousand; kept in the store, so that processes share the
 * count and a restart forgets none.
 */

import { createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import type { DerivedKeys } from '../core/keys.ts'
import type { Clock, TokenHash } from '../core/runtime.ts'
import type { Stores } from '../core/stores.ts'
import { networkOfAddress } from './network.ts'

/** What is limited, how often and in how long. */
export type AttemptKey = { readonly key: string; readonly most: number; readonly span: Seconds }

export type Counted =
  | {
      readonly ok: true
      /** Takes it back: the attempt was right. */
      readonly forgive: () => Promise<void>
    }
  /** One of the keys has no room: nothing was counted. */
  | { readonly ok: false; readonly wait: Seconds }

export type CountAttempt = (keys: readonly AttemptKey[]) => Promise<Counted>

/** Takes one back of each, where that is known only later. */
export type ForgiveAttempt = (keys: readonly AttemptKey[]) => Promise<void>

export type AttemptPorts = {
  readonly stores: Pick<Stores, 'attempts'>
  readonly derived: DerivedKeys
  readonly clock: Clock
}

export function createAttempts({ stores: { attempts }, derived, clock }: AttemptPorts): {
  readonly countAttempt: CountAttempt
  readonly forgiveAttempt: ForgiveAttempt
} {
  const secret = derived.derive('attempts')
  // Keyed: names and addresses could be found from a plain hash by trying.
  const hashOf = (key: string) => createHmac('sha256', secret).update(key).digest('base64url') as TokenHash

  const forgiveAttempt: ForgiveAttempt = keys => attempts.forgive(keys.map(({ key }) => hashOf(key)))

  return {
    forgiveAttempt,
    async countAttempt(keys) {
      const limits = keys.map(({ key, most, span }) => ({ hash: hashOf(key), most, span }))
      const wait = await attempts.count(limits, clock.now())
      return wait > 0 ? { ok: false, wait } : { ok: true, forgive: () => forgiveAttempt(keys) }
    },
  }
}

/** The network that a request came from: an IPv6 user holds a whole /64. */
export const networkOf = ({ peer: { address } }: HttpRequest): string => networkOfAddress(address)
