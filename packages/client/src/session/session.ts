/** The tokens of a user, refreshed before they expire (RFC 6749 §6). */

import type { Seconds } from '@tessera/protocol/brand'
import type { Client } from '../create-client.ts'
import { ClientError } from '../error.ts'
import type { CallOptions } from '../http/client-request.ts'
import type { Send } from '../http/transport.ts'
import { unlessAborted } from '../http/unless-aborted.ts'
import { fail, ok, type Result } from '../result.ts'
import type { UserTokens } from '../token/claims.ts'
import { type RefreshOptions, refreshToken } from '../token/refresh-token.ts'
import { createLock, type Lock } from './lock.ts'
import { createPause } from './pause.ts'
import { attemptRefresh, isRefusedToken, type RefreshAttemptOptions } from './refresh-attempts.ts'
import { type Renewal, type RenewalOptions, refreshTimes } from './renewal.ts'
import { memoryStore, type SessionStore } from './session-store.ts'
import { newSession, refreshedSession, type SessionTokens } from './session-tokens.ts'
import { createSingleFlight } from './single-flight.ts'
import { startStopwatch } from './stopwatch.ts'

export type SessionOptions = RenewalOptions &
  RefreshAttemptOptions & {
    /** Where the tokens are kept; the default is the memory of this process. */
    readonly store?: SessionStore | undefined
    /**
     * Lets one refresh run at a time wherever the store is shared. Use `tabLock` in browsers and `fileLock` in Node. The
     * default is a lock for the session objects of this process with the same `name`.
     */
    readonly lock?: Lock | undefined
    /**
     * The name for the lock. A server with a session for each user needs a name for each. The default is the issuer and
     * the client, and without `lock` one for this session object.
     */
    readonly name?: string | undefined
    /** Parameters of refresh requests, such as `resource`, and how ID tokens are validated. */
    readonly request?: Omit<RefreshOptions, 'signal' | 'previous'> | undefined
  }

/**
 * A session is a source of tokens for `createAuthorizedFetch`. Its functions throw the errors of the store and of the
 * lock.
 */
export type Session = {
  readonly client: Client
  /** Saves the tokens of a sign-in. They replace those of an earlier one. */
  readonly start: (response: UserTokens) => Promise<SessionTokens>
  /** Returns the tokens as they are stored; undefined if nobody is signed in. */
  readonly tokens: () => Promise<SessionTokens | undefined>
  /**
   * Returns tokens that can be used now. Shortly before the access token or an unused refresh token expires, they are
   * refreshed first; not if the user's authorization ends with the access token. If a refresh fails although the user is still signed in, the access token is returned until it expires.
   *
   * Fails with `session` if the user must sign in again, and as `refreshToken` does if the access token has expired and
   * can't be refreshed now. The session is kept in that case: a later call tries again.
   */
  readonly accessToken: (options?: CallOptions) => Promise<Result<SessionTokens>>
  /** Refreshes the tokens now. Fails as `accessToken` does. */
  readonly refresh: (options?: CallOptions) => Promise<Result<SessionTokens>>
  /** Refreshes the tokens if the stored access token is the refused one. Fails as `accessToken` does. */
  readonly renew: (refused: string, options?: CallOptions) => Promise<Result<SessionTokens>>
  /**
   * Removes the tokens and returns them, for revocation and for the `id_token_hint` of a sign-out. If the lock fails, they
   * are removed without it.
   */
  readonly end: () => Promise<SessionTokens | undefined>
}

/** Session objects with the same name may share a store. */
const namedLock: Lock = /* @__PURE__ */ createLock()

/** Seconds after a failed refresh until the next one, while the access token can be used. */
const refreshPause: Seconds = 10

/** Seconds after which what was read from the store is read again. Locks are not taken over that early. */
const readingLimit: Seconds = 1

/**
 * Creates a session of a user. It reads its store at each call, so that all tabs or processes with the same store have
 * the same session.
 *
 * - One refresh runs at a time. After it has the lock, it reads the store again and uses tokens that were refreshed in
 *   the meantime. New tokens are saved before they are used.
 * - A refresh whose response was lost is repeated with the same refresh token: see `retryWindow`.
 * - Directly before each request, and before it saves or removes tokens, it reads the store again: while the process was
 *   paused, others may have taken the lock over.
 * - The session ends only if the server refuses the refresh token with `invalid_grant`, and the store has no newer one.
 */
export function createSession(client: Client, options: SessionOptions = {}): Session {
  const { store = memoryStore(), lock = options.name === undefined ? createLock() : namedLock } = options
  const { now, url } = client.issuer
  const name = options.name ?? `${url} ${client.client_id}`
  const singleFlight = createSingleFlight<Result<SessionTokens>>()
  const pause = createPause(refreshPause, now)
  /** Ends refreshes of this session object when the user signs out. */
  let ending = new AbortController()
  /** Refreshed tokens that the store failed to save. */
  let unsaved: { readonly tokens: SessionTokens; readonly replaces: SessionTokens } | undefined
  /** A refresh token that was sent without getting a response. */
  let lostToken: string | undefined
  let planned: (Renewal & { readonly access_token: string }) | undefined

  /** Returns the same times for a token at each call, although they are random. */
  function renewal(tokens: SessionTokens): Renewal {
    const { access_token } = tokens
    if (planned?.access_token !== access_token) planned = { access_token, ...refreshTimes(tokens, options) }
    return planned
  }

  /** Reads the store, and once more if the process was paused meanwhile: others may have saved newer tokens then. */
  async function read(): Promise<SessionTokens | undefined> {
    for (let count = 1; ; count++) {
      const elapsed = startStopwatch(now)
      const stored = await store.load()
      // A store that is always slow is read three times.
      if (elapsed() < readingLimit || count === 3) return stored
    }
  }

  /** Reads the store after the lock was acquired. */
  async function load(): Promise<SessionTokens | undefined> {
    const stored = await read()
    if (unsaved && stored && isSame(stored, unsaved.replaces)) {
      const { tokens } = unsaved
      await store.save(tokens)
      unsaved = undefined
      return tokens
    }
    unsaved = undefined
    return stored
  }

  /** Refreshes the tokens unless the access token has been replaced since the caller saw it. */
  async function exchange(seen: string, signal: AbortSignal): Promise<Result<SessionTokens>> {
    for (let round = 1; ; round++) {
      const stored = await load()
      if (!stored) return fail(missing())
      if (stored.access_token !== seen && now() < renewal(stored).renewAt) return ok(stored)
      const { refresh_token, claims } = stored
      if (refresh_token === undefined) return fail(notRefreshable())
      const attempt = async (signal: AbortSignal, isInTime: () => boolean): Promise<Result<UserTokens>> => {
        const parameters = { ...options.request, previous: claims, signal }
        const send: Send = async request => {
          const present = await read()
          if (!present || !isSame(present, stored)) return fail(missing())
          return isInTime() ? client.send(request) : fail(tooLate())
        }
        const result = await refreshToken({ ...client, send }, refresh_token, parameters)
        if (!result.ok && result.error.mayHaveSucceeded) lostToken = refresh_token
        return result
      }
      const refreshed = await attemptRefresh(attempt, now, options, signal)
      if (signal.aborted) return fail(missing())
      if (refreshed.ok) return keep(stored, refreshedSession(stored, refreshed.value))
      const present = await read()
      const isRefused = isRefusedToken(refreshed.error)
      if (isRefused && present && isSame(present, stored)) await store.clear()
      // Another tab or process may have stored newer tokens: without the lock, or while this one was paused.
      if (present && !isSame(present, stored) && round < 3) continue
      return isRefused ? fail(ended(refreshed.error, lostToken === refresh_token)) : refreshed
    }
  }

  /** Saves refreshed tokens, unless the user has signed out or in meanwhile, or others have newer tokens. */
  async function keep(stored: SessionTokens, tokens: SessionTokens): Promise<Result<SessionTokens>> {
    const present = await read()
    if (!present) return fail(missing())
    if (present.id !== stored.id || !(isSame(present, stored) || isSame(present, tokens))) return ok(present)
    unsaved = { tokens, replaces: present }
    await store.save(tokens)
    unsaved = undefined
    return ok(tokens)
  }

  async function renew(
    seen: string | undefined,
    { signal }: CallOptions = {},
  ): Promise<Result<SessionTokens>> {
    if (seen === undefined) return fail(missing())
    const stop = ending.signal
    const work = singleFlight(seen, () => lock(name, () => exchange(seen, stop)))
    const result = await unlessAborted(work, signal)
    if (!result.ok && result.error.kind !== 'aborted') pause.start()
    return result
  }

  return {
    client,
    tokens: async () => store.load(),
    async start(response) {
      if (!response.access_token)
        throw new TypeError('there is no access_token; pass the value of the result')
      const tokens = newSession(response)
      await lock(name, async () => store.save(tokens))
      return tokens
    },
    async accessToken(call) {
      const stored = await store.load()
      if (!stored) return fail(missing())
      const { renewAt, usableUntil } = renewal(stored)
      const isUsable = now() < usableUntil
      if (now() < renewAt || (isUsable && (stored.refresh_token === undefined || pause.isOn())))
        return ok(stored)
      const renewed = await renew(stored.access_token, call)
      if (renewed.ok || !isUsable || ['session', 'aborted'].includes(renewed.error.kind)) return renewed
      return ok(stored)
    },
    refresh: async call => renew((await store.load())?.access_token, call),
    renew,
    async end() {
      const stored = await store.load()
      await store.clear()
      ending.abort()
      ending = new AbortController()
      const removeRest = async (): Promise<void> => {
        const present = await read()
        if (present && present.id === stored?.id) await store.clear()
      }
      // A refresh of another tab or process may have saved its tokens after that. Without the lock, such as on a full disk,
      // the tokens must not be lost: only the caller can revoke them.
      await lock(name, removeRest).catch(removeRest)
      return stored
    },
  }
}

const isSame = (a: SessionTokens, b: SessionTokens): boolean =>
  a.id === b.id && a.refresh_token === b.refresh_token

const missing = (): ClientError =>
  new ClientError('session', 'session_missing', 'no user is signed in: the store has no tokens')

const tooLate = (): ClientError =>
  new ClientError('network', 'timeout', 'the process was paused, so that the retry window has passed', {
    mayHaveSucceeded: true,
  })

const notRefreshable = (): ClientError =>
  new ClientError(
    'session',
    'refresh_token_missing',
    'the access token has expired, and there is no refresh token',
  )

function ended(cause: ClientError, responseLost: boolean): ClientError {
  const { description, response } = cause
  const message = responseLost
    ? 'the server refused the refresh token after an earlier response was lost: it may have been used already, and this server does not accept it again, or only for a shorter time'
    : 'the server refused the refresh token'
  return new ClientError('session', 'session_ended', message, { cause, description, response })
}
