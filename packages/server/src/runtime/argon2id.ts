/** Checks argon2id hashes (RFC 9106) in a bounded queue: slow by design, so a flood must not take all memory and time. */

import { createFairQueue, type FairQueueOptions } from './async/fair-queue.ts'

/** The cost of an argon2id password hash: the minimum that OWASP recommends, 19 MiB and two passes. */
export const defaultCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/**
 * Whether the text is what was hashed. Rejects with `QueueFull` when too many wait; the response is 503 then.
 * `from` is the network that asks: networks take turns.
 */
export type VerifyArgon2id = (encoded: string, text: string, from: string) => Promise<boolean>

/**
 * Returns the index of the first candidate that fits, -1 for none. They are tried one after the other in one place of
 * the queue: however many there are, a request takes the place of one.
 */
export type MatchArgon2id = (
  candidates: readonly { readonly encoded: string; readonly text: string }[],
  from: string,
) => Promise<number>

/** `concurrent`: each takes the memory that its hash names (19 MiB by default). */
export type Argon2idBounds = Partial<FairQueueOptions>

export type Argon2id = {
  readonly verify: VerifyArgon2id
  readonly match: MatchArgon2id
  /** Rejects like `verify`, whose queue it shares. */
  readonly hash: (text: string, from?: string) => Promise<string>
}

export function createArgon2id({ concurrent = 2, waiting = 64, ...rest }: Argon2idBounds = {}): Argon2id {
  const queue = createFairQueue({ concurrent, waiting, ...rest })
  // Loaded when first used: an installation without argon2id hashes never pays for it.
  const library = () => import('@node-rs/argon2')

  return {
    verify: (encoded, text, from) => queue.run(from, async () => (await library()).verify(encoded, text)),
    match: (candidates, from) =>
      queue.run(from, async () => {
        const { verify } = await library()
        for (const [index, { encoded, text }] of candidates.entries())
          if (await verify(encoded, text)) return index
        return -1
      }),
    hash: (text, from = '') => queue.run(from, async () => (await library()).hash(text, defaultCost)),
  }
}
