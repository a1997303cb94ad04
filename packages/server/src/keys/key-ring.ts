/** The server's signing keys: created, rotated, published and used. All nodes on a store have the same keys. */

import type { Seconds } from '@tessera/protocol/brand'
import type { SigningAlgorithm } from '../model/client.ts'
import type { Events } from '../model/events.ts'
import type { DerivedKeys, KeyRing } from '../model/keys.ts'
import type { Keys } from '../model/ports/stores.ts'
import { serial } from '../runtime/async/promises.ts'
import { type Changes, type Clock, type Log, passedBy } from '../runtime/ports.ts'
import {
  defaultPolicy,
  type KeyToAdd,
  newestOf,
  planRotation,
  type RotationPolicy,
  signingKeyOf,
} from './rotation.ts'
import { createSealing } from './sealing.ts'
import {
  type GenerateSigningKey,
  generateSigningKey,
  jwkSet,
  type OpenedKey,
  openKey,
  sealedName,
} from './signing-key.ts'

type KeyRingPorts = {
  readonly keys: Keys
  readonly derived: DerivedKeys
  readonly clock: Clock
  readonly log: Log
  readonly events?: Pick<Events, 'emit'>
  readonly algorithms: readonly SigningAlgorithm[]
  readonly policy?: RotationPolicy
  /** Notifies other processes, for stores that do not do so themselves. */
  readonly changes?: Changes
  readonly generate?: GenerateSigningKey
}

export type KeyInfo = {
  readonly kid: string
  readonly alg: string
  readonly state: 'signing' | 'announced' | 'retained'
  readonly created_at: Seconds
  readonly active_from: Seconds
}

export type ManagedKeyRing = KeyRing & {
  /** Reads the store again and rotates keys that are due. */
  readonly refresh: () => Promise<void>
  /** Adds a key for every algorithm. It signs after the policy's announcement or, with `now`, as soon as every node publishes it. */
  readonly rotate: (options: { now: boolean }) => Promise<readonly KeyInfo[]>
  readonly list: () => readonly KeyInfo[]
  readonly stop: () => void
}

/** Seconds between reads of the store, for keys that other nodes added. */
const refreshInterval = 60
/** Seconds before an urgent key signs. Every node has read the store after half of that time. */
const urgentLead = 2 * refreshInterval
/** Seconds that caches may keep the JWK Set. A cached set without an urgent key expires before that key signs. */
const longestCache = urgentLead - refreshInterval
/** Attempts of a rotation while other processes rotate at the same time. */
const rotationAttempts = 5

/** Creates missing keys. Throws if a stored key can't be opened with this master key. */
export async function createKeyRing(ports: KeyRingPorts): Promise<ManagedKeyRing> {
  const { keys: store, clock, log, events, algorithms, policy = defaultPolicy, changes } = ports
  const generate = ports.generate ?? generateSigningKey
  const sealing = createSealing({ ...ports, purpose: 'signing-keys' })
  // An older reading of the store must not replace a newer one.
  const inOrder = serial()
  let ring: readonly OpenedKey[] = []
  let byKid: ReadonlyMap<string, OpenedKey> = new Map()
  let signers: ReadonlyMap<SigningAlgorithm, OpenedKey> = new Map()
  let nextChange: Seconds = 0
  let body = ''

  const load = async (): Promise<void> => {
    const stored = await store.all()
    ring = stored.map(key => byKid.get(key.kid) ?? openKey(key, sealing))
    byKid = new Map(ring.map(key => [key.kid, key]))
    body = jwkSet(ring)
    choose()
  }

  const choose = (): void => {
    const now = clock.now()
    signers = new Map(
      algorithms.flatMap(alg => {
        const key = signingKeyOf(ring, alg, now)
        return key ? [[alg, key] as const] : []
      }),
    )
    nextChange = Math.min(...ring.map(key => key.active_from).filter(time => time > now))
  }

  /** Adds a key. Returns false if another process added one first; then that key is used. */
  const add = async ({ alg, active_from, newestSeen }: KeyToAdd): Promise<boolean> => {
    const { kid, jwk } = await generate(alg)
    const sealed = sealing.seal(JSON.stringify(jwk), sealedName({ kid, alg }))
    // The store sorts by this time. A node whose clock is behind must not insert its key among older ones.
    const created_at = Math.max(clock.now(), newestSeen?.created_at ?? 0)
    const added = await store.add({ kid, alg, sealed, created_at, active_from }, newestSeen?.kid)
    if (added) log.info('key_added', { kid, alg, active_from })
    if (added && newestSeen) events?.emit('key.rotated', { kid, alg, active_from })
    // The first keys of a store need no announcement: processes that start at the same time read them.
    if (added && ring.length > 0) await announce()
    return added
  }

  /** Notifies other processes. If that fails, they read the stored key within a minute, long before it signs. */
  const announce = async (): Promise<void> => {
    try {
      if (!store.watch) await changes?.announce()
    } catch (error) {
      log.warn('key_change_announcement_failed', { error: String(error) })
    }
  }

  const refreshNow = async (): Promise<void> => {
    await load()
    const plan = planRotation(ring, algorithms, clock.now(), policy, passedBy(clock))
    if (plan.add.length === 0 && plan.remove.length === 0) return
    await Promise.all(plan.add.map(add))
    for (const kid of plan.remove) {
      await store.remove(kid)
      log.info('key_removed', { kid })
      events?.emit('key.removed', { kid })
    }
    if (plan.remove.length > 0) await announce()
    await load()
  }

  const rotateOne = async (alg: SigningAlgorithm, lead: Seconds): Promise<void> => {
    for (let attempt = 0; attempt < rotationAttempts; attempt++) {
      const newestSeen = newestOf(ring, alg)
      if (await add({ alg, active_from: clock.now() + lead, newestSeen })) return
      await load()
    }
    throw new Error(
      `no new ${alg} key could be added, because other processes are rotating keys at the same time; try again`,
    )
  }

  const list = (): readonly KeyInfo[] => {
    const now = clock.now()
    return ring.map(key => ({
      kid: key.kid,
      alg: key.alg,
      state: stateOf(key, ring, now),
      created_at: key.created_at,
      active_from: key.active_from,
    }))
  }

  const refresh = (): Promise<void> => inOrder(refreshNow)
  const look = (): void => {
    refresh().catch(error => log.error('keys_refresh_failed', { error: String(error) }))
  }
  const timer = setInterval(look, refreshInterval * 1000)
  timer.unref()
  // Watch before the first load, so that no change is missed.
  const unwatch = store.watch ? store.watch(look) : changes?.watch(look)
  const stop = (): void => {
    clearInterval(timer)
    unwatch?.()
  }
  try {
    await refresh()
  } catch (error) {
    stop()
    throw error
  }

  return {
    signing(alg) {
      if (clock.now() >= nextChange) choose()
      const key = signers.get(alg)
      if (!key) throw new Error(`there is no signing key for ${alg}`)
      return key
    },
    verification: kid => byKid.get(kid),
    // A key must not start to sign while a JWK Set without it may be cached.
    jwks: () => ({ body, maxAge: Math.min(longestCache, policy.announce) }),
    algorithms: () => algorithms,
    refresh,
    rotate: ({ now }) =>
      inOrder(async () => {
        const lead = now ? urgentLead : policy.announce
        await load()
        await Promise.all(algorithms.map(alg => rotateOne(alg, lead)))
        await load()
        return list()
      }),
    list,
    stop,
  }
}

function stateOf(key: OpenedKey, ring: readonly OpenedKey[], now: Seconds): KeyInfo['state'] {
  if (signingKeyOf(ring, key.alg, now) === key) return 'signing'
  // A key never signs if a later key becomes active before it.
  const willSign = key.active_from > now && signingKeyOf(ring, key.alg, key.active_from) === key
  return willSign ? 'announced' : 'retained'
}
