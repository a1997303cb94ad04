/** Checks argon2id hashes (RFC 9106) in a bounded queue: slow by design, so a flood must not take all memory and time. */

import { createFairQueue, type FairQueueOptions } from '../core/fair-queue.ts'
import { defaultCost } from '../core/stored-user.ts'

/**
 * Whether the text is what was hashed. Rejects with `QueueFull` when too many wait; the response is 503 then.
 * `from` is the network that asks: networks take turns.
 */
export type VerifyArgon2id = (encoded: string, text: string, from: string) => Promise<boolean>

/** `concurrent`: each takes the memory that its hash names (19 MiB by default). */
export type Argon2idBounds = Partial<FairQueueOptions>

export type Argon2id = {
  readonly verify: VerifyArgon2id
  /** Rejects like `verify`, whose queue it shares. */
  readonly hash: (text: string, from?: string) => Promise<string>
}

export function createArgon2id({ concurrent = 2, waiting = 64, ...rest }: Argon2idBounds = {}): Argon2id {
  const queue = createFairQueue({ concurrent, waiting, ...rest })
  // Loaded when first used: an installation without argon2id hashes never pays for it.
  const library = () => import('@node-rs/argon2')

  return {
    verify: (encoded, text, from) => queue.run(from, async () => (await library()).verify(encoded, text)),
    hash: (text, from = '') => queue.run(from, async () => (await library()).hash(text, defaultCost)),
  }
}
