/** The interface of `@tessera/client/browser`, for web pages: sign-in, sign-out, a lock for their tabs, a key. */

export { type StoredDpopKeyOptions, storedDpopKey } from './dpop-key.ts'
export { completePopup, type PopupOptions, signInWithPopup } from './popup.ts'
export {
  type BrowserSignInOptions,
  completeRedirect,
  type RedirectOptions,
  type RedirectSignIn,
  signInWithRedirect,
} from './redirect.ts'
export { completeSignOut, type SignOutOptions, signOut } from './sign-out.ts'
export { type TabLockOptions, tabLock, type WebLocks } from './tab-lock.ts'
