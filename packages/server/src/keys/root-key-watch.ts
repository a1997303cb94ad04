/** Learns of root keys that a rotation of the master key adds, long before they are used. */

import type { MasterKey } from '../model/keys.ts'
import type { Settings } from '../model/ports/stores.ts'
import type { Log } from '../runtime/ports.ts'
import { newestVersionOf, openRootKeys, rootKeysSetting } from './root-key-set.ts'
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

export function watchRootKeys({
  settings,
  masters,
  rootKeys,
  log,
}: {
  readonly settings: Pick<Settings, 'get'>
  readonly masters: readonly MasterKey[]
  readonly rootKeys: RootKeys
  readonly log: Log
}): RootKeyWatch {
  let seen: string | undefined
  let fault: object | undefined

  const refresh = async (): Promise<void> => {
    const stored = await settings.get(rootKeysSetting)
    if (stored === undefined || stored === seen) return
    const keys = await openRootKeys(stored, masters)
    if (keys) {
      rootKeys.replace(keys)
      seen = stored
      fault = undefined
      return
    }
    // It continues with the keys that it knows, until there is one that it can't know.
    const isCurrent = rootKeys.list().some(({ version }) => version === newestVersionOf(stored))
    fault = isCurrent ? undefined : { error: 'master_key_replaced' }
    log.error('master_key_replaced', { advice: 'configure the current master key and restart this process' })
  }
  const timer = setInterval(() => {
    refresh().catch(error => log.error('root_keys_refresh_failed', { error: String(error) }))
  }, rootKeyInterval * 1000)
  timer.unref()

  return { refresh, fault: () => fault, stop: () => clearInterval(timer) }
}
