/** A key ring for tests: any store, with a clock that the test advances. */

import { createKeyRing, type ManagedKeyRing } from '../../packages/server/src/keys/key-ring.ts'
import { createDerivedKeys } from '../../packages/server/src/keys/master-key.ts'
import type { RotationPolicy } from '../../packages/server/src/keys/rotation.ts'
import type { SigningAlgorithm } from '../../packages/server/src/model/client.ts'
import type { DerivedKeys } from '../../packages/server/src/model/keys.ts'
import type { ConfiguredMasterKey } from '../../packages/server/src/model/master-key.ts'
import type { Keys } from '../../packages/server/src/model/ports/stores.ts'
import { type Changes, type Log, silentLog } from '../../packages/server/src/runtime/ports.ts'

export const day = 86_400
const startOfTime = 1_790_000_000

export const createClock = (at = startOfTime) => {
  let now = at
  return {
    now: () => now,
    advance: (seconds: number) => {
      now += seconds
    },
  }
}

export const masterKey = (fill: number): Uint8Array => new Uint8Array(32).fill(fill)

/** A configured key, as from a variable. */
export const localKey = (bytes: Uint8Array): ConfiguredMasterKey => ({ kind: 'local', from: 'a test', bytes })

export type RingOptions = {
  readonly keys: Keys
  readonly clock?: { readonly now: () => number }
  readonly algorithms?: readonly SigningAlgorithm[]
  readonly master?: Uint8Array
  /** Instead of those of the master key. */
  readonly derived?: DerivedKeys
  readonly changes?: Changes
  readonly policy?: RotationPolicy
  readonly log?: Log
  /** Whether the runtime has an algorithm. */
  readonly has?: (alg: SigningAlgorithm) => boolean
}

export const openRing = ({
  keys,
  clock = createClock(),
  algorithms = ['ES256'],
  master = masterKey(1),
  derived = createDerivedKeys(master),
  changes,
  policy,
  log = silentLog,
  has,
}: RingOptions): Promise<ManagedKeyRing> =>
  createKeyRing({ keys, clock, algorithms, derived, log, changes, policy, has })

/** The kids of its JWK Set, in order. */
export const publishedBy = (ring: Pick<ManagedKeyRing, 'jwks'>): string[] =>
  JSON.parse(ring.jwks().body).keys.map(({ kid }: { kid: string }) => kid)
