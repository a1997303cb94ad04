/** Decides which attempts of a batch fit into all of their counters, as if they were counted one by one. */

import type { Seconds } from '@tessera/protocol/brand'
import type { AttemptLimit } from '../../model/ports/stores.ts'
import type { TokenHash } from '../../runtime/ports.ts'

export type Asked = { readonly limits: readonly AttemptLimit[]; readonly at: Seconds }

/** The counters known so far, with their count and expiry. A missing counter counts as empty. */
export type Counters = ReadonlyMap<string, readonly [count: number, expiresAt: Seconds]>

export type Admission = {
  /** For each attempt, 0 if it is admitted, otherwise the seconds to wait. */
  readonly waits: readonly Seconds[]
  readonly at: Seconds
  /** The counters of the admitted attempts, and for each: how much is added, the highest stored count that admits all of it, and its span. */
  readonly hashes: TokenHash[]
  readonly added: number[]
  readonly room: number[]
  readonly spans: number[]
}

/** @param asked attempts with the same time. */
export function admit(asked: readonly Asked[], counters: Counters): Admission {
  const at = asked[0]?.at ?? 0
  const sums = new Map<TokenHash, { added: number; room: number; span: Seconds }>()
  const livingCount = (hash: TokenHash): number => {
    const [count, expiresAt] = counters.get(hash) ?? [0, 0]
    return expiresAt > at ? count : 0
  }
  const waitFor = ({ hash, most, span }: AttemptLimit): Seconds => {
    const stored = livingCount(hash)
    if (stored + (sums.get(hash)?.added ?? 0) < most) return 0
    return stored > 0 ? (counters.get(hash)?.[1] ?? 0) - at : span
  }
  const waits = asked.map(({ limits }) => {
    const wait = Math.max(0, ...limits.map(waitFor))
    if (wait > 0) return wait
    for (const { hash, most, span } of limits) {
      const { added, room } = sums.get(hash) ?? { added: 0, room: most }
      sums.set(hash, { added: added + 1, room: Math.min(room, most - 1 - added), span })
    }
    return 0
  })
  const all = [...sums.values()]
  return {
    waits,
    at,
    hashes: [...sums.keys()],
    added: all.map(({ added }) => added),
    room: all.map(({ room }) => room),
    spans: all.map(({ span }) => span),
  }
}
