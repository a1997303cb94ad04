/** A lock for the tabs and workers of one origin (Web Locks API). */

import type { Seconds } from '@tessera/protocol/brand'
import { createLock, type Lock } from '../session/lock.ts'
import type { TextStorage } from '../session/session-store.ts'
import { timerMilliseconds } from '../sleep.ts'
import { storageLock } from './storage-lock.ts'

/** The part of `navigator.locks` that is used. */
export type WebLocks = {
  readonly request: <Value>(
    name: string,
    options: { readonly signal?: AbortSignal },
    work: () => Promise<Value>,
  ) => Promise<Value>
}

export type TabLockOptions = {
  /** Seconds to wait for the lock before the call rejects; the default is 60. */
  readonly timeout?: Seconds | undefined
  /** The default is `navigator.locks`; null: never. */
  readonly locks?: WebLocks | null | undefined
  /** Used if there are no locks. The default is `localStorage`; null: never. */
  readonly storage?: TextStorage | null | undefined
}

/**
 * Returns a lock that one tab or worker of the origin holds at a time. The browser releases it when a tab is closed.
 *
 * Without `navigator.locks`, which browsers have had since 2022, an item in `localStorage` is used. It expires 15 seconds
 * after a tab that holds it was closed. Without both, the lock is for this tab only.
 */
export function tabLock(options: TabLockOptions = {}): Lock {
  const { timeout = 60 } = options
  const inThisTab = createLock({ timeout })
  return async (name, work) => {
    const locks = options.locks === undefined ? webLocks() : options.locks
    if (locks) return requestLock(locks, `tessera ${name}`, timeout, work)
    const storage = options.storage === undefined ? localStorageOf() : options.storage
    return inThisTab(name, () => (storage ? storageLock(storage, timeout)(name, work) : work()))
  }
}

async function requestLock<Value>(
  locks: WebLocks,
  name: string,
  timeout: Seconds,
  work: () => Promise<Value>,
): Promise<Value> {
  const stop = new AbortController()
  const timer = setTimeout(
    () => stop.abort(new Error(`the lock "${name}" was not free within ${timeout} s`)),
    timerMilliseconds(timeout),
  )
  try {
    return await locks.request(name, { signal: stop.signal }, () => {
      clearTimeout(timer)
      return work()
    })
  } finally {
    clearTimeout(timer)
  }
}

const webLocks = (): WebLocks | undefined =>
  (globalThis as { readonly navigator?: { readonly locks?: WebLocks } }).navigator?.locks

/** Browsers throw if the user has blocked storage for the page. */
function localStorageOf(): TextStorage | undefined {
  try {
    return (globalThis as { readonly localStorage?: TextStorage }).localStorage
  } catch {
    return undefined
  }
}
