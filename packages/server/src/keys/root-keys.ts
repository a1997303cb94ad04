/**
 * The root keys of an installation, from which all other keys are derived (HKDF, RFC 5869). The first one is the master
 * key of the first start. Each rotation of the master key adds one, and the earlier ones are accepted until they retire.
 */

import { hkdfSync } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { DerivedKeys } from '../model/keys.ts'
import type { Clock } from '../runtime/ports.ts'
import { isRecent } from '../runtime/recent.ts'

export type RootKey = {
  /** From 1 to 255, in order. */
  readonly version: number
  readonly key: Uint8Array
  /** When new values are made with it. It is accepted earlier, for nodes whose clock is ahead. */
  readonly active_from: Seconds
  /** When it is no longer accepted. */
  readonly retires_at?: Seconds | undefined
}

export type RootKeys = {
  readonly derived: DerivedKeys
  readonly list: () => readonly RootKey[]
  /** Uses these keys from now on, oldest first. */
  readonly replace: (keys: readonly RootKey[]) => void
  /** Notes the newest version in the store, which this process may be unable to open. Call it at each reading. */
  readonly noteNewest: (version: number) => void
}

const keyBytes = 32
/** A reading of the store is believed for this long. Root keys are stored two minutes before values are made with them. */
const readingLasts: Seconds = 90

/** @param first oldest first, at least one. */
export function createRootKeys(first: readonly RootKey[], clock: Clock): RootKeys {
  let keys = first
  let reading: { readonly newest: number; readonly at: Seconds } | undefined
  const known = new Map<number, Map<string, Uint8Array>>()

  const from = ({ version, key }: RootKey, purpose: string): Uint8Array => {
    const derivedBefore = known.get(version) ?? new Map<string, Uint8Array>()
    known.set(version, derivedBefore)
    const before = derivedBefore.get(purpose)
    if (before) return before
    const derived = new Uint8Array(hkdfSync('sha256', key, 'tessera', purpose, keyBytes))
    derivedBefore.set(purpose, derived)
    return derived
  }
  const oldest = (): RootKey => {
    const [key] = keys
    if (!key) throw new Error('there is no root key')
    return key
  }
  const currentAt = (at: Seconds): RootKey =>
    keys.findLast(({ active_from }) => active_from <= at) ?? oldest()
  const current = (): RootKey => (keys.length === 1 ? oldest() : currentAt(clock.now()))
  const isAccepted = ({ retires_at }: RootKey): boolean =>
    retires_at === undefined || retires_at > clock.now()
  const currentFirst = (which: readonly RootKey[]): readonly RootKey[] => {
    const first = current()
    return [first, ...which.filter(key => key !== first).toReversed()]
  }

  return {
    derived: {
      derive: purpose => from(current(), purpose),
      accepted: purpose => currentFirst(keys.filter(isAccepted)).map(key => from(key, purpose)),
      ever: purpose => currentFirst(keys).map(key => from(key, purpose)),
      asOf: (at, purpose) => from(currentAt(at), purpose),
      permanent: purpose => from(oldest(), purpose),
      version: at => (at === undefined ? current() : currentAt(at)).version,
      ofVersion(version, purpose, madeAt) {
        const key = keys.find(one => one.version === version)
        const isUsable = key && (isAccepted(key) || (madeAt !== undefined && currentAt(madeAt) === key))
        return isUsable ? from(key, purpose) : undefined
      },
      othersMayHave(version) {
        if (version <= currentAt(Number.MAX_SAFE_INTEGER).version) return false
        if (!reading || !isRecent(reading.at, readingLasts, clock.now())) return true
        return version <= reading.newest
      },
    },
    list: () => keys,
    replace(next) {
      keys = next
    },
    noteNewest(newest) {
      reading = { newest, at: clock.now() }
    },
  }
}

/**
 * Returns the keys derived for a tenant's own issuer, which differ from those of other issuers. The server's own
 * purposes never start with `tenant:`.
 */
export function derivedFor(derived: DerivedKeys, tenant: string): DerivedKeys {
  const of = (purpose: string): string => `tenant:${tenant}:${purpose}`
  return {
    derive: purpose => derived.derive(of(purpose)),
    accepted: purpose => derived.accepted(of(purpose)),
    ever: purpose => derived.ever(of(purpose)),
    asOf: (at, purpose) => derived.asOf(at, of(purpose)),
    permanent: purpose => derived.permanent(of(purpose)),
    version: derived.version,
    ofVersion: (version, purpose, madeAt) => derived.ofVersion(version, of(purpose), madeAt),
    othersMayHave: derived.othersMayHave,
  }
}
