/** The keys of an issuer as this process has them: read from the store, opened, and chosen by the time. */

import type { Seconds } from '@tessera/protocol/brand'
import type { StoredKey } from '../model/authorization.ts'
import type { SigningAlgorithm } from '../model/client.ts'
import type { KeyRing, Sealing, SigningKey } from '../model/keys.ts'
import type { Keys } from '../model/ports/stores.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import { canSign, infoOf, isVerifiable, type KeyInfo } from './key-state.ts'
import { signingKeyOf } from './rotation.ts'
import { shownName } from './shown-name.ts'
import { jwkSet, type OpenedKey, openKey } from './signing-key.ts'

export type OpenedRing = Pick<KeyRing, 'signing' | 'verification' | 'published'> & {
  /**
   * Reads the store. Leaves out damaged keys. Rejects if none can be opened with this master key; the ring is then
   * unchanged.
   */
  readonly load: () => Promise<void>
  /** Returns all stored keys, also damaged ones, the oldest first. */
  readonly all: () => readonly OpenedKey[]
  readonly find: (kid: string) => OpenedKey | undefined
  readonly list: () => readonly KeyInfo[]
  /** Returns the JWK Set as JSON. */
  readonly body: () => string
}

export function createOpenedRing({
  store,
  sealing,
  clock,
  algorithms,
  log,
  has,
}: {
  readonly store: Keys
  readonly sealing: Sealing
  readonly clock: Clock
  readonly algorithms: readonly SigningAlgorithm[]
  readonly log: Log
  /** Whether this runtime has the algorithm. */
  readonly has?: ((alg: SigningAlgorithm) => boolean) | undefined
}): OpenedRing {
  let ring: readonly OpenedKey[] = []
  let byKid: ReadonlyMap<string, OpenedKey> = new Map()
  let signers: ReadonlyMap<SigningAlgorithm, SigningKey> = new Map()
  /** Keys whose time has not ended, by `kid`. */
  let live: ReadonlyMap<string, OpenedKey> = new Map()
  let nextChange: Seconds = 0
  let body = ''

  const choose = (): void => {
    const now = clock.now()
    signers = new Map(
      algorithms.flatMap(alg => {
        const key = signingKeyOf(ring, alg, now)
        return key && canSign(key) ? [[alg, key] as const] : []
      }),
    )
    const current = ring.filter(
      ({ until = Number.POSITIVE_INFINITY, is_damaged }) => until > now && !is_damaged,
    )
    live = new Map(current.map(key => [key.kid, key]))
    body = jwkSet(current)
    const times = ring.flatMap(({ active_from, until = active_from }) => [active_from, until])
    nextChange = Math.min(...times.filter(time => time > now))
  }
  /** Keeps a damaged key in its place, so that it is not overlooked when keys are added. It signs and verifies nothing. */
  const damaged = ({ kid, alg, sealed, created_at, active_from }: StoredKey): OpenedKey => ({
    kid,
    alg,
    sealed,
    created_at,
    active_from,
    until: undefined,
    jwk: {},
    privateKey: undefined,
    publicKey: undefined,
    verifies_only: true,
    is_damaged: true,
  })
  const opened = (stored: StoredKey): OpenedKey => {
    const key = openKey(stored, sealing, has)
    // Another node made it. The operator of this one should know that tokens of that key are not valid here.
    if (key.publicKey === undefined) log.warn('key_unusable', { kid: key.kid, alg: key.alg })
    return key
  }
  const chooseIfDue = (): void => {
    if (clock.now() >= nextChange) choose()
  }
  const liveKey = (kid: string): OpenedKey | undefined => {
    chooseIfDue()
    return live.get(kid)
  }

  return {
    async load() {
      const stored = await store.all()
      const failures: unknown[] = []
      const loaded = stored.map(key => {
        const before = byKid.get(key.kid)
        try {
          // A kid that was removed and imported again may name another key.
          return before && Buffer.compare(before.sealed, key.sealed) === 0 ? before : opened(key)
        } catch (error) {
          // Another process has its root key, so it is not damaged.
          if (sealing.isOfNewerKey(key.sealed)) throw error
          failures.push(error)
          log.error('key_damaged', {
            kid: shownName(key.kid),
            alg: shownName(key.alg),
            error: String(error),
          })
          return damaged(key)
        }
      })
      // Then it is more likely that the master key is wrong.
      if (failures.length > 0 && loaded.every(key => key.is_damaged)) throw failures[0]
      ring = loaded
      byKid = new Map(ring.map(key => [key.kid, key]))
      choose()
    },
    all: () => ring,
    find: kid => byKid.get(kid),
    list: () => ring.filter(key => !key.is_damaged).map(key => infoOf(key, ring, clock.now())),
    signing(alg) {
      chooseIfDue()
      const key = signers.get(alg)
      if (!key) throw new Error(`there is no signing key for ${alg}`)
      return key
    },
    verification(kid) {
      const key = liveKey(kid)
      return key && canSign(key) ? key : undefined
    },
    published(kid) {
      const key = liveKey(kid)
      return key && isVerifiable(key) ? key : undefined
    },
    body() {
      chooseIfDue()
      return body
    },
  }
}
