/** The interface of `@tessera/client/browser`, for web pages. */

export { type TabLockOptions, tabLock, type WebLocks } from './tab-lock.ts'
