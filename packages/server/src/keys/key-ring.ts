/** The server's signing keys: created, rotated, published and used. All nodes on a store have the same keys. */

import type { Seconds } from '@tessera/protocol/brand'
import { type SigningAlgorithm, signingAlgorithms } from '../model/client.ts'
import type { Events } from '../model/events.ts'
import type { DerivedKeys, KeyRing, SigningKey, VerificationKey } from '../model/keys.ts'
import type { Keys } from '../model/ports/stores.ts'
import { serial } from '../runtime/async/promises.ts'
import { type Changes, type Clock, type Log, passedBy } from '../runtime/ports.ts'
import type { KeyToImport } from './imported-key.ts'
import {
  defaultPolicy,
  type KeyTimes,
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
  /** `verification`: a key of another server, which only verifies. */
  readonly state: 'signing' | 'announced' | 'retained' | 'verification'
  readonly created_at: Seconds
  readonly active_from: Seconds
  /** When a key that only verifies is removed. */
  readonly until?: Seconds | undefined
}

/** The key that was removed, or why none was. */
type KeyRemoval =
  | {
      readonly ok: true
      readonly key: KeyInfo
      /** When it stopped signing; omitted if it never signed here. */
      readonly signed_until?: Seconds
    }
  | { readonly ok: false; readonly problem: 'unknown' | 'signing' | 'announced' }

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
  let signers: ReadonlyMap<SigningAlgorithm, SigningKey> = new Map()
  /** Keys whose time has not ended, by `kid`. */
  let live: ReadonlyMap<string, OpenedKey> = new Map()
  let nextChange: Seconds = 0
  let body = ''

  const load = async (): Promise<void> => {
    const stored = await store.all()
    ring = stored.map(key => {
      const before = byKid.get(key.kid)
      // A kid that was removed and imported again may name another key.
      return before && Buffer.compare(before.sealed, key.sealed) === 0 ? before : openKey(key, sealing)
    })
    byKid = new Map(ring.map(key => [key.kid, key]))
    choose()
  }

  const choose = (): void => {
    const now = clock.now()
    signers = new Map(
      algorithms.flatMap(alg => {
        const key = signingKeyOf(ring, alg, now)
        return key && canSign(key) ? [[alg, key] as const] : []
      }),
    )
    const current = ring.filter(({ until = Number.POSITIVE_INFINITY }) => until > now)
    live = new Map(current.map(key => [key.kid, key]))
    body = jwkSet(current)
    const times = ring.flatMap(({ active_from, until = active_from }) => [active_from, until])
    nextChange = Math.min(...times.filter(time => time > now))
  }

  const keyOf = (kid: string): OpenedKey | undefined => {
    if (clock.now() >= nextChange) choose()
    return live.get(kid)
  }

  /** Adds a key. Returns false if another process added one first; then that key is used. */
  const add = async ({ alg, active_from, newestSeen }: KeyToAdd): Promise<boolean> => {
    const { kid, jwk } = await generate(alg)
    const added = await insert({ kid, alg, jwk }, active_from, newestSeen)
    if (added) log.info('key_added', { kid, alg, active_from })
    if (added && newestSeen) events?.emit('key.rotated', { kid, alg, active_from })
    // The first keys of a store need no announcement: processes that start at the same time read them.
    if (added && ring.length > 0) await announce()
    return added
  }

  const insert = (
    { kid, alg, jwk }: Pick<KeyToImport, 'kid' | 'alg' | 'jwk'>,
    active_from: Seconds,
    newestSeen: KeyTimes | undefined,
  ): Promise<boolean> => {
    const sealed = sealing.seal(JSON.stringify(jwk), sealedName({ kid, alg }))
    // The store sorts by this time. A node whose clock is behind must not insert its key among older ones.
    const created_at = Math.max(clock.now(), newestSeen?.created_at ?? 0)
    return store.add({ kid, alg, sealed, created_at, active_from }, newestSeen?.kid)
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
    for (const kid of plan.remove) await removeStored(kid)
    if (plan.remove.length > 0) await announce()
    await load()
  }

  const removeStored = async (kid: string): Promise<void> => {
    await store.remove(kid)
    log.info('key_removed', { kid })
    events?.emit('key.removed', { kid })
  }

  /** Repeats the addition until no other process has added a key of this algorithm at the same time. */
  const addLast = async (
    alg: string,
    attempt: (newestSeen: KeyTimes | undefined) => Promise<boolean>,
  ): Promise<void> => {
    for (let attempts = 0; attempts < rotationAttempts; attempts++) {
      if (await attempt(newestOf(ring, alg))) return
      await load()
    }
    throw new Error(
      `no new ${alg} key could be added, because other processes are rotating keys at the same time; try again`,
    )
  }

  const rotateOne = (alg: SigningAlgorithm, lead: Seconds): Promise<void> =>
    addLast(alg, newestSeen => add({ alg, active_from: clock.now() + lead, newestSeen }))

  const requireImportable = (keys: readonly KeyToImport[]): void => {
    const taken = new Set(byKid.keys())
    for (const { kid, jwk } of keys) {
      if (taken.has(kid)) throw new Error(`there is already a key with the kid ${JSON.stringify(kid)}`)
      taken.add(kid)
      if (jwk.exp !== undefined && jwk.exp <= clock.now())
        throw new Error('the key would be removed immediately; expected a later time')
    }
  }

  const importOne = async (key: KeyToImport): Promise<void> => {
    const { kid, alg } = key
    const signs = key.jwk.d !== undefined
    const active_from = clock.now() + (signs ? urgentLead : 0)
    await addLast(alg, newestSeen => {
      requireImportable([key])
      return insert(key, active_from, newestSeen)
    })
    log.info('key_imported', { kid, alg, use: signs ? 'sign' : 'verify', active_from })
    if (signs) events?.emit('key.rotated', { kid, alg, active_from })
  }

  const importNow = async (keys: readonly KeyToImport[]): Promise<readonly KeyInfo[]> => {
    await load()
    requireImportable(keys)
    for (const key of keys) await importOne(key)
    await announce()
    await refreshNow()
    return list().filter(({ kid }) => keys.some(key => key.kid === kid))
  }

  const removeNow = async (kid: string, force: boolean): Promise<KeyRemoval> => {
    await load()
    const key = byKid.get(kid)
    if (!key) return { ok: false, problem: 'unknown' }
    const info = infoOf(key)
    const { state, alg } = info
    if (state === 'signing' || state === 'announced') {
      if (!force) return { ok: false, problem: state }
      const configured = algorithms.find(one => one === alg)
      // Whoever forces this does not trust the key, so its successor does not wait to be announced.
      if (configured) await rotateOne(configured, state === 'signing' ? 0 : policy.announce)
    }
    await load()
    const later = ring.slice(ring.indexOf(key) + 1).filter(one => one.alg === alg && !one.verifies_only)
    await removeStored(kid)
    await announce()
    await refreshNow()
    if (state === 'verification' || state === 'announced') return { ok: true, key: info }
    const signed_until = Math.min(clock.now(), ...later.map(({ active_from }) => active_from))
    return { ok: true, key: info, signed_until }
  }

  const infoOf = (key: OpenedKey): KeyInfo => {
    const { kid, alg, created_at, active_from, until } = key
    return { kid, alg, state: stateOf(key, ring, clock.now()), created_at, active_from, until }
  }

  const list = (): readonly KeyInfo[] => ring.map(infoOf)

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
    verification(kid) {
      const key = keyOf(kid)
      return key && canSign(key) ? key : undefined
    },
    published(kid) {
      const key = keyOf(kid)
      return key && isVerifiable(key) ? key : undefined
    },
    // A key must not start to sign while a JWK Set without it may be cached.
    jwks() {
      if (clock.now() >= nextChange) choose()
      return { body, maxAge: Math.min(longestCache, policy.announce) }
    },
    algorithms: () => algorithms,
    refresh,
    rotate: ({ now }) =>
      inOrder(async () => {
        const lead = now ? urgentLead : policy.announce
        await load()
        await Promise.all(algorithms.map(alg => rotateOne(alg, lead)))
        // Removes announced keys that the new ones replace before they sign.
        await refreshNow()
        return list()
      }),
    list,
    importKeys: keys => inOrder(() => importNow(keys)),
    remove: (kid, { force }) => inOrder(() => removeNow(kid, force)),
    stop,
  }
}

/** An imported key may have any algorithm of RFC 7518; this server itself verifies only its own ones. */
const isVerifiable = (key: OpenedKey): key is OpenedKey & VerificationKey =>
  (signingAlgorithms as readonly string[]).includes(key.alg)

const canSign = (key: OpenedKey): key is OpenedKey & SigningKey & VerificationKey =>
  !key.verifies_only && isVerifiable(key)

function stateOf(key: OpenedKey, ring: readonly OpenedKey[], now: Seconds): KeyInfo['state'] {
  if (key.verifies_only) return 'verification'
  if (signingKeyOf(ring, key.alg, now) === key) return 'signing'
  // A key never signs if a later key becomes active before it.
  const willSign = key.active_from > now && signingKeyOf(ring, key.alg, key.active_from) === key
  return willSign ? 'announced' : 'retained'
}
