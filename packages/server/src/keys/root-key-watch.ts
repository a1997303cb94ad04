/** Learns of root keys that a rotation of the master key adds, long before they are used. */

import type { Seconds } from '@tessera/protocol/brand'
import type { MasterKey } from '../model/keys.ts'
import type { Settings } from '../model/ports/stores.ts'
import { singleFlight } from '../runtime/async/promises.ts'
import { readRepeatedly } from '../runtime/async/repeated-reading.ts'
import type { Clock, Log } from '../runtime/ports.ts'
import { masterKeyFields } from './master-key-error.ts'
import { newestFromOf, newestVersionOf, openRootKeys, rootKeysSetting } from './root-key-set.ts'
import type { RootKeys } from './root-keys.ts'

export type RootKeyWatch = {
  /** Reads the store again. */
  readonly refresh: () => Promise<void>
  /** Returns why this process must not receive requests: it lacks a root key that others use. */
  readonly fault: () => object | undefined
  readonly stop: () => void
}

/** Seconds between reads of the store. */
export const rootKeyInterval = 30

/** A set that this process could not open. */
type Missed = {
  readonly error: 'master_key_replaced' | 'master_key_unavailable'
  readonly newest: number
  /** When others begin to use its newest root key. */
  readonly from: Seconds
}

/** No request waits for this, or for a key service: the keys in memory are used meanwhile. */
export function watchRootKeys({
  settings,
  masters,
  rootKeys,
  set,
  clock,
  log,
}: {
  readonly settings: Pick<Settings, 'get'>
  readonly masters: readonly MasterKey[]
  readonly rootKeys: RootKeys
  /** The stored set that they are from. */
  readonly set: string | undefined
  readonly clock: Clock
  readonly log: Log
}): RootKeyWatch {
  let seen = set
  let missed: Missed | undefined
  rootKeys.noteNewest(newestIn(set))

  const look = async (): Promise<void> => {
    const stored = await settings.get(rootKeysSetting)
    const newest = newestIn(stored)
    rootKeys.noteNewest(newest)
    if (stored === undefined || stored === seen) return
    try {
      const keys = await openRootKeys(stored, masters)
      if (keys) {
        rootKeys.replace(keys)
        seen = stored
        missed = undefined
        return
      }
    } catch (error) {
      missed = { error: 'master_key_unavailable', newest, from: newestFromOf(stored) ?? clock.now() }
      throw error
    }
    // It can't know this root key at any time.
    missed = { error: 'master_key_replaced', newest, from: clock.now() }
    log.error('master_key_replaced', { advice: 'configure the current master key and restart this process' })
  }
  // A key service may take longer than the interval.
  const refresh = singleFlight(look)
  const stop = readRepeatedly(refresh, {
    interval: rootKeyInterval,
    onFailure: error => log.error('root_keys_refresh_failed', masterKeyFields(error)),
  })

  return {
    refresh,
    fault() {
      if (!missed) return undefined
      const { error, newest, from } = missed
      const isKnown = rootKeys.list().some(({ version }) => version === newest)
      return isKnown || clock.now() < from ? undefined : { error }
    },
    stop,
  }
}

/** Without a stored set, the master key is the only root key. */
const newestIn = (stored: string | undefined): number => (stored === undefined ? 1 : newestVersionOf(stored))
