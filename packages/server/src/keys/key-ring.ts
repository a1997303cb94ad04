/** The server's signing keys: created, rotated, published and used. All nodes on a store have the same keys. */

import type { Seconds } from '@tessera/protocol/brand'
import type { NoteAudit } from '../model/audit.ts'
import type { SigningAlgorithm } from '../model/client.ts'
import type { Events } from '../model/events.ts'
import type { DerivedKeys, KeyRing } from '../model/keys.ts'
import type { Keys } from '../model/ports/stores.ts'
import { serial } from '../runtime/async/promises.ts'
import { readRepeatedly } from '../runtime/async/repeated-reading.ts'
import type { Changes, Clock, Log } from '../runtime/ports.ts'
import type { KeyToImport } from './imported-key.ts'
import type { KeyInfo } from './key-state.ts'
import { createOpenedRing } from './opened-ring.ts'
import { createRingChanges, type KeyRemoval } from './ring-changes.ts'
import { defaultPolicy, type RotationPolicy } from './rotation.ts'
import { createSealing } from './sealing.ts'
import { type GenerateSigningKey, generateSigningKey } from './signing-key.ts'

type KeyRingPorts = {
  readonly keys: Keys
  readonly derived: DerivedKeys
  readonly clock: Clock
  readonly log: Log
  readonly events?: Pick<Events, 'emit'>
  readonly note?: NoteAudit | undefined
  readonly algorithms: readonly SigningAlgorithm[]
  readonly policy?: RotationPolicy | undefined
  /** Notifies other processes, for stores that do not do so themselves. */
  readonly changes?: Changes | undefined
  readonly generate?: GenerateSigningKey | undefined
  /** Whether this runtime has an algorithm. */
  readonly has?: ((alg: SigningAlgorithm) => boolean) | undefined
}

export type ManagedKeyRing = KeyRing & {
  /** Reads the store again and rotates keys that are due. */
  readonly refresh: () => Promise<void>
  /** Adds a key for every algorithm. It signs after the policy's announcement or, with `now`, as soon as every node publishes it. */
  readonly rotate: (options: { now: boolean }) => Promise<readonly KeyInfo[]>
  readonly list: () => readonly KeyInfo[]
  /**
   * Adds keys of another server. One that signs does so as soon as every node publishes it. Rejects before it adds any
   * if a `kid` is in use, or a key's time has ended.
   */
  readonly importKeys: (keys: readonly KeyToImport[]) => Promise<readonly KeyInfo[]>
  /**
   * Removes a key from every node within a second. Refuses one that signs or will sign next, unless it is forced: then a
   * new key replaces it first, which signs at once.
   */
  readonly remove: (kid: string, options: { force: boolean }) => Promise<KeyRemoval>
  readonly stop: () => void
}

/** Seconds between reads of the store, for keys that other nodes added. */
const refreshInterval = 60
/** Seconds before an urgent key signs. Every node has read the store after half of that time. */
const urgentLead = 2 * refreshInterval
/** Seconds that caches may keep the JWK Set. A cached set without an urgent key expires before that key signs. */
const longestCache: Seconds = urgentLead - refreshInterval

/** Creates missing keys. Throws if no stored key can be opened with this master key. */
export async function createKeyRing({
  keys: store,
  derived,
  clock,
  log,
  events,
  note,
  algorithms,
  policy = defaultPolicy,
  changes,
  generate = generateSigningKey,
  has,
}: KeyRingPorts): Promise<ManagedKeyRing> {
  const sealing = createSealing({ derived, purpose: 'signing-keys' })
  const ring = createOpenedRing({ store, sealing, clock, algorithms, log, has })
  const ports = {
    store,
    ring,
    sealing,
    clock,
    log,
    events,
    note,
    changes,
    algorithms,
    policy,
    generate,
    urgentLead,
  }
  const change = createRingChanges(ports)
  // An older reading of the store must not replace a newer one.
  const inOrder = serial()

  const refresh = (): Promise<void> => inOrder(change.refresh)
  // Before the first load, so that no change is missed.
  const stop = readRepeatedly(refresh, {
    interval: refreshInterval,
    watch: store.watch ?? changes?.watch,
    onFailure: error => log.error('keys_refresh_failed', { error: String(error) }),
  })
  try {
    await refresh()
  } catch (error) {
    stop()
    throw error
  }

  return {
    signing: ring.signing,
    verification: ring.verification,
    published: ring.published,
    // A key must not start to sign while a JWK Set without it may be cached.
    jwks: () => ({ body: ring.body(), maxAge: Math.min(longestCache, policy.announce) }),
    algorithms: () => algorithms,
    refresh,
    rotate: ({ now }) => inOrder(() => change.rotate(now ? urgentLead : policy.announce)),
    list: ring.list,
    importKeys: keys => inOrder(() => change.importKeys(keys)),
    remove: (kid, { force }) => inOrder(() => change.remove(kid, force)),
    stop,
  }
}
