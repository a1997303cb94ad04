/** A cache for one value that takes a request to get. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Result } from '../result.ts'

/** Seconds before a request without a usable value is repeated; the older value is used until then. */
const retryAfter: Seconds = 30

/** Seconds in which each response lacks something until it is taken for what the server means to say. */
const maxLacking: Seconds = 86_400

export type CacheOptions<Value> = {
  readonly maxAge: Seconds
  readonly now: () => Seconds
  /** Returns whether a value lacks what it needs, or what the older one has, if there is an older one. */
  readonly isLacking?: (value: Value, older: Value | undefined) => boolean
}

/**
 * Returns a function that loads a value once and returns it for `maxAge` seconds. Concurrent callers share one request.
 * A failure is not cached. If there is an older value, it is used instead of a failure, and for a day instead of a value
 * that lacks something. Both are followed by another request after 30 seconds.
 */
export function cached<Value>(
  load: () => Promise<Result<Value>>,
  { maxAge, now, isLacking = () => false }: CacheOptions<Value>,
): () => Promise<Result<Value>> {
  let kept: { readonly ok: true; readonly value: Value } | undefined
  let loadedAt = 0
  let freshFor: Seconds = 0
  let lackingSince: Seconds | undefined
  let loading: Promise<Result<Value>> | undefined

  async function reload(): Promise<Result<Value>> {
    try {
      const loaded = await load()
      loadedAt = now()
      const isWhole = loaded.ok && !isLacking(loaded.value, kept?.value)
      freshFor = isWhole ? maxAge : retryAfter
      if (!loaded.ok) return kept ?? loaded
      // If the clock was set back, the day begins again.
      lackingSince = isWhole ? undefined : Math.min(lackingSince ?? loadedAt, loadedAt)
      if (!kept || lackingSince === undefined || loadedAt - lackingSince >= maxLacking) kept = loaded
      return kept
    } finally {
      loading = undefined
    }
  }

  return async () => {
    const age = now() - loadedAt
    // If the clock was set back, the value counts as old.
    if (kept && age >= 0 && age < freshFor) return kept
    loading ??= reload()
    return loading
  }
}
