/** A cache for one value that takes a request to get. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Result } from '../result.ts'

/** Seconds before a failed request for a newer value is repeated; the older value is used until then. */
const retryAfterFailure: Seconds = 30

/**
 * Returns a function that loads a value once and returns it for `maxAge` seconds. Concurrent callers share one request.
 * A failure is not cached; if there is an older value, it is used instead.
 */
export function cached<Value>(
  load: () => Promise<Result<Value>>,
  maxAge: Seconds,
  now: () => Seconds,
): () => Promise<Result<Value>> {
  let kept: Result<Value> | undefined
  let loadedAt = 0
  let freshFor: Seconds = 0
  let loading: Promise<Result<Value>> | undefined

  async function reload(): Promise<Result<Value>> {
    try {
      const loaded = await load()
      if (loaded.ok) kept = loaded
      loadedAt = now()
      freshFor = loaded.ok ? maxAge : retryAfterFailure
      return kept ?? loaded
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
