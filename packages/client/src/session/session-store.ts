/** Where the tokens of a session are kept. */

import { parseSession, type SessionTokens } from './session-tokens.ts'

/**
 * Keeps the tokens of one session. The functions may return promises. What they throw is thrown by the call of the session
 * that used them.
 *
 * `save` must be complete before it returns, and atomic: a reader gets the older or the newer tokens. Tokens are
 * credentials; encrypt them if others can read the store.
 */
export type SessionStore = {
  /** Returns the tokens that were saved last; undefined if there are none. */
  readonly load: () => SessionTokens | undefined | Promise<SessionTokens | undefined>
  readonly save: (tokens: SessionTokens) => void | Promise<void>
  readonly clear: () => void | Promise<void>
}

/** Creates a store for as long as this process, or this page, runs. */
export function memoryStore(): SessionStore {
  let kept: SessionTokens | undefined
  return {
    load: () => kept,
    save(tokens) {
      kept = tokens
    },
    clear() {
      kept = undefined
    },
  }
}

/** The part of `localStorage` and similar stores that is used. */
export type TextStorage = {
  readonly getItem: (key: string) => string | null
  readonly setItem: (key: string, value: string) => void
  readonly removeItem: (key: string) => void
}

/**
 * Creates a store in `localStorage`, which all tabs of an origin share. Every script of the origin can read it.
 *
 * Do not use `sessionStorage` for refresh tokens: a duplicated tab gets a copy of it, and then two tabs use the same
 * refresh token without knowing of each other.
 * @param key the name of the item; each client of an origin needs its own. The default is `tessera.session`.
 */
export function webStorageStore(storage: TextStorage, key = 'tessera.session'): SessionStore {
  return {
    load() {
      const text = storage.getItem(key)
      return text === null ? undefined : parseSession(text)
    },
    save: tokens => storage.setItem(key, JSON.stringify(tokens)),
    clear: () => storage.removeItem(key),
  }
}
