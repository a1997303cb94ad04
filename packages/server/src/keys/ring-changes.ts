/** Adds, rotates, imports and removes keys, while other processes may do the same. */

import type { Seconds } from '@tessera/protocol/brand'
import type { NoteAudit } from '../model/audit.ts'
import type { SigningAlgorithm } from '../model/client.ts'
import type { Events } from '../model/events.ts'
import type { Sealing } from '../model/keys.ts'
import type { Keys } from '../model/ports/stores.ts'
import { type Changes, type Clock, type Log, passedBy } from '../runtime/ports.ts'
import type { KeyToImport } from './imported-key.ts'
import { infoOf, type KeyInfo } from './key-state.ts'
import type { OpenedRing } from './opened-ring.ts'
import {
  type KeyTimes,
  type KeyToAdd,
  newestOf,
  planRotation,
  type RotationPolicy,
  tooFarAhead,
} from './rotation.ts'
import { type GenerateSigningKey, isPrivate, sealedName } from './signing-key.ts'

/** The key that was removed, or why none was. */
export type KeyRemoval =
  | {
      readonly ok: true
      readonly key: KeyInfo
      /** When it stopped signing; omitted if it never signed here. */
      readonly signed_until?: Seconds
    }
  | { readonly ok: false; readonly problem: 'unknown' | 'signing' | 'announced' }

type ChangePorts = {
  readonly store: Keys
  readonly ring: OpenedRing
  readonly sealing: Sealing
  readonly clock: Clock
  readonly log: Log
  readonly events: Pick<Events, 'emit'> | undefined
  readonly note: NoteAudit | undefined
  readonly changes: Changes | undefined
  readonly algorithms: readonly SigningAlgorithm[]
  readonly policy: RotationPolicy
  readonly generate: GenerateSigningKey
  /** Seconds before an urgent key signs. */
  readonly urgentLead: Seconds
}

/** Changes of one process must not run at the same time, because each depends on what it has read. */
type RingChanges = {
  /** Reads the store, adds keys that are missing and removes those whose time has ended. */
  readonly refresh: () => Promise<void>
  /** Adds a key for every algorithm, which signs after `lead` seconds. */
  readonly rotate: (lead: Seconds) => Promise<readonly KeyInfo[]>
  readonly importKeys: (keys: readonly KeyToImport[]) => Promise<readonly KeyInfo[]>
  readonly remove: (kid: string, force: boolean) => Promise<KeyRemoval>
}

/** Attempts of a rotation while other processes rotate at the same time. */
const rotationAttempts = 5

export function createRingChanges(ports: ChangePorts): RingChanges {
  const {
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
  } = ports

  /** Adds a key. Returns false if another process added one first; then that key is used. */
  const add = async ({ alg, active_from, newestSeen }: KeyToAdd): Promise<boolean> => {
    const { kid, jwk } = await generate(alg)
    const added = await insert({ kid, alg, jwk }, active_from, newestSeen)
    if (added) log.info('key_added', { kid, alg, active_from })
    if (added && newestSeen) events?.emit('key.rotated', { kid, alg, active_from })
    // The first keys of a store need no announcement: processes that start at the same time read them.
    if (added && ring.all().length > 0) await announce()
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

  const warned = new Set<string>()
  const warnOfFarAhead = (): void => {
    for (const { kid, alg, active_from } of tooFarAhead(ring.all(), algorithms, clock.now(), policy)) {
      if (warned.has(kid)) continue
      warned.add(kid)
      log.warn('key_far_ahead', {
        kid,
        alg,
        active_from,
        advice: 'no key is added until then; check the clock, then run `tessera keys rotate`',
      })
    }
  }

  const refresh = async (): Promise<void> => {
    await ring.load()
    warnOfFarAhead()
    const plan = planRotation(ring.all(), algorithms, clock.now(), policy, passedBy(clock))
    if (plan.add.length === 0 && plan.remove.length === 0) return
    await Promise.all(plan.add.map(add))
    for (const kid of plan.remove) await removeStored(kid)
    if (plan.remove.length > 0) await announce()
    await ring.load()
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
      if (await attempt(newestOf(ring.all(), alg))) return
      await ring.load()
    }
    throw new Error(
      `no new ${alg} key could be added, because other processes are rotating keys at the same time; try again`,
    )
  }

  const rotateOne = (alg: SigningAlgorithm, lead: Seconds): Promise<void> =>
    addLast(alg, newestSeen => add({ alg, active_from: clock.now() + lead, newestSeen }))

  const requireImportable = (keys: readonly KeyToImport[]): void => {
    const taken = new Set(ring.all().map(({ kid }) => kid))
    for (const { kid, jwk } of keys) {
      if (taken.has(kid)) throw new Error(`there is already a key with the kid ${JSON.stringify(kid)}`)
      taken.add(kid)
      if (jwk.exp !== undefined && jwk.exp <= clock.now())
        throw new Error('the key would be removed immediately; expected a later time')
    }
  }

  const importOne = async (key: KeyToImport): Promise<void> => {
    const { kid, alg } = key
    const signs = isPrivate(key.jwk)
    const active_from = clock.now() + (signs ? urgentLead : 0)
    await addLast(alg, newestSeen => {
      requireImportable([key])
      return insert(key, active_from, newestSeen)
    })
    const use = signs ? 'sign' : 'verify'
    log.info('key_imported', { kid, alg, use, active_from })
    note?.('key.imported', { kid, alg, use })
    if (signs) events?.emit('key.rotated', { kid, alg, active_from })
  }

  return {
    refresh,
    async rotate(lead) {
      await ring.load()
      await Promise.all(algorithms.map(alg => rotateOne(alg, lead)))
      // Removes announced keys that the new ones replace before they sign.
      await refresh()
      return ring.list()
    },
    async importKeys(keys) {
      await ring.load()
      requireImportable(keys)
      for (const key of keys) await importOne(key)
      await announce()
      await refresh()
      return ring.list().filter(({ kid }) => keys.some(key => key.kid === kid))
    },
    async remove(kid, force) {
      await ring.load()
      const key = ring.find(kid)
      if (!key) return { ok: false, problem: 'unknown' }
      const info = infoOf(key, ring.all(), clock.now())
      const { state, alg } = info
      if (state === 'signing' || state === 'announced') {
        if (!force) return { ok: false, problem: state }
        const configured = algorithms.find(one => one === alg)
        // Whoever forces this does not trust the key, so its successor does not wait to be announced.
        if (configured) await rotateOne(configured, state === 'signing' ? 0 : policy.announce)
      }
      await ring.load()
      const keys = ring.all()
      const later = keys.slice(keys.indexOf(key) + 1).filter(one => one.alg === alg && !one.verifies_only)
      await removeStored(kid)
      await announce()
      await refresh()
      if (state === 'verification' || state === 'announced') return { ok: true, key: info }
      const signed_until = Math.min(clock.now(), ...later.map(({ active_from }) => active_from))
      return { ok: true, key: info, signed_until }
    },
  }
}
