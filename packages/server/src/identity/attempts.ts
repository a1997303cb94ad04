/** Counting wrong guesses (RFC 6749 §4.3.2, RFC 8628 §5.1): a bounded number in a span of time for each key, within this process. */

import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import type { Clock } from '../core/runtime.ts'

export type Attempts = {
  /** How many seconds to wait before the next guess; undefined: guess now. */
  readonly wait: (keys: readonly string[]) => Seconds | undefined
  readonly failed: (keys: readonly string[]) => void
  /** Takes one failure back. */
  readonly forgive: (keys: readonly string[]) => void
}

export type AttemptLimits = {
  /** Wrong guesses in a span. */
  readonly most: number
  readonly span: Seconds
  /** Keys remembered; beyond it the oldest go. */
  readonly capacity: number
}

const guesses: AttemptLimits = { most: 10, span: 600, capacity: 50_000 }

export function createAttempts({
  clock,
  limits = guesses,
}: {
  clock: Clock
  limits?: AttemptLimits
}): Attempts {
  const counts = new Map<string, { failures: number; until: Seconds }>()
  const living = (key: string) => {
    const count = counts.get(key)
    return count && count.until > clock.now() ? count : undefined
  }

  return {
    wait(keys) {
      const waits = keys.flatMap(key => {
        const count = living(key)
        return count && count.failures >= limits.most ? [count.until - clock.now()] : []
      })
      return waits.length === 0 ? undefined : Math.max(...waits)
    },
    failed(keys) {
      for (const key of keys) {
        const count = living(key)
        if (count) {
          count.failures++
          continue
        }
        counts.delete(key)
        counts.set(key, { failures: 1, until: clock.now() + limits.span })
        const oldest = counts.size > limits.capacity ? counts.keys().next().value : undefined
        if (oldest !== undefined) counts.delete(oldest)
      }
    },
    forgive(keys) {
      for (const key of keys) {
        const count = living(key)
        if (count && count.failures > 0) count.failures--
      }
    },
  }
}

/** The network that a request came from: an IPv6 user holds a whole /64. */
export function networkOf({ peer: { address } }: HttpRequest): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address
  const [head = ''] = address.split('::')
  return head.split(':').slice(0, 4).join(':')
}
