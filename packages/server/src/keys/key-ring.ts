/** The signing keys of this server: made, rotated, published and used. Every node on one store has the same. */

import type { KeyObject, webcrypto } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { StoredKey } from '../core/authorization.ts'
import type { SigningAlgorithm } from '../core/client.ts'
import type { DerivedKeys, KeyRing, SigningKey } from '../core/keys.ts'
import type { Clock, Log } from '../core/runtime.ts'
import type { Keys } from '../core/stores.ts'
import { generateSigningKey, keyObjects, publicMembers } from './generation.ts'
import {
  defaultPolicy,
  type KeyToAdd,
  newestFirst,
  planRotation,
  type RotationPolicy,
  signingKeyOf,
} from './rotation.ts'
import { createSealing } from './sealing.ts'

export type KeyRingPorts = {
  readonly keys: Keys
  readonly derived: DerivedKeys
  readonly clock: Clock
  readonly log: Log
  readonly algorithms: readonly SigningAlgorithm[]
  readonly policy?: RotationPolicy
}

export type KeyInfo = {
  readonly kid: string
  readonly alg: string
  readonly state: 'signing' | 'announced' | 'retained'
  readonly created_at: Seconds
  readonly active_from: Seconds
}

export type ManagedKeyRing = KeyRing & {
  /** Reads the store again and rotates what is due. */
  readonly refresh: () => Promise<void>
  /** Adds a new key for every algorithm: announced as the policy says, or, `now`, as soon as every node publishes it. */
  readonly rotate: (options: { now: boolean }) => Promise<readonly KeyInfo[]>
  readonly list: () => readonly KeyInfo[]
  readonly stop: () => void
}

type Key = SigningKey & { readonly publicKey: KeyObject; readonly jwk: webcrypto.JsonWebKey } & Pick<
    StoredKey,
    'created_at' | 'active_from'
  >

/** How often a node looks for keys that others made (seconds). */
const refreshInterval = 60
/** What clients may keep of the JWK Set (seconds). */
const longestCache = 3600

/** Makes what is missing; throws when a stored key can't be opened with this master key. */
export async function createKeyRing(ports: KeyRingPorts): Promise<ManagedKeyRing> {
  const { keys: store, clock, log, algorithms, policy = defaultPolicy } = ports
  const sealing = createSealing(ports)
  const opened = new Map<string, Key>()
  let ring: readonly Key[] = []
  let body = ''
  let signers = new Map<SigningAlgorithm, Key>()
  let nextChange: Seconds = 0

  const open = (stored: StoredKey): Key => {
    const before = opened.get(stored.kid)
    if (before) return before
    const jwk = JSON.parse(sealing.open(stored.sealed, nameOf(stored))) as webcrypto.JsonWebKey
    const { kid, created_at, active_from } = stored
    const key: Key = {
      kid,
      alg: stored.alg as SigningAlgorithm,
      ...keyObjects(jwk),
      jwk: publicMembers(jwk),
      created_at,
      active_from,
    }
    opened.set(kid, key)
    return key
  }

  const add = async ({ alg, active_from, newestSeen }: KeyToAdd): Promise<void> => {
    const { kid, jwk } = await generateSigningKey(alg)
    const sealed = sealing.seal(JSON.stringify(jwk), nameOf({ kid, alg }))
    // Another process may have been first: then its key is the one.
    const added = await store.add({ kid, alg, sealed, created_at: clock.now(), active_from }, newestSeen)
    if (added) log.info('key_added', { kid, alg, active_from })
  }

  const choose = (): void => {
    const now = clock.now()
    const chosen = algorithms.map(alg => [alg, signingKeyOf(ring, alg, now)] as const)
    signers = new Map(
      chosen.filter((entry): entry is readonly [SigningAlgorithm, Key] => entry[1] !== undefined),
    )
    nextChange = Math.min(
      ...ring.map(key => key.active_from).filter(time => time > now),
      Number.POSITIVE_INFINITY,
    )
  }

  const load = async (): Promise<void> => {
    const stored = await store.all()
    ring = stored.map(open)
    for (const kid of opened.keys()) if (!ring.some(key => key.kid === kid)) opened.delete(kid)
    body = JSON.stringify({ keys: ring.map(({ kid, alg, jwk }) => ({ ...jwk, kid, alg, use: 'sig' })) })
    choose()
  }

  const refresh = async (): Promise<void> => {
    await load()
    const plan = planRotation(ring, algorithms, clock.now(), policy)
    if (plan.add.length === 0 && plan.remove.length === 0) return
    await Promise.all(plan.add.map(add))
    for (const kid of plan.remove) await store.remove(kid)
    await load()
  }

  await refresh()
  const timer = setInterval(() => {
    refresh().catch(error => log.error('keys_refresh_failed', { error: String(error) }))
  }, refreshInterval * 1000)
  timer.unref()

  const stateOf = (key: Key): KeyInfo['state'] => {
    if (key.active_from > clock.now()) return 'announced'
    return signingKeyOf(ring, key.alg, clock.now()) === key ? 'signing' : 'retained'
  }
  const list = (): readonly KeyInfo[] =>
    ring.map(key => ({
      kid: key.kid,
      alg: key.alg,
      state: stateOf(key),
      created_at: key.created_at,
      active_from: key.active_from,
    }))

  return {
    signing(alg) {
      if (clock.now() >= nextChange) choose()
      const key = signers.get(alg)
      if (!key) throw new Error(`no key signs with ${alg}`)
      return key
    },
    verification: kid => opened.get(kid),
    jwks: () => ({ body, maxAge: longestCache }),
    algorithms: () => algorithms,
    refresh,
    async rotate({ now }) {
      const at = clock.now()
      // Every node reads the store once in a refresh interval: after two, all publish the key.
      const active_from = at + (now ? 2 * refreshInterval : policy.announce)
      await load()
      for (const alg of algorithms)
        await add({ alg, active_from, newestSeen: newestFirst(ring, alg)[0]?.kid })
      await load()
      return list()
    },
    list,
    stop: () => clearInterval(timer),
  }
}

const nameOf = ({ kid, alg }: { kid: string; alg: string }): string => `${alg} ${kid}`
