/** Checks slow hashes of passwords in a bounded queue. They are slow by design, so a flood must not use all memory and time. */

import { createFairQueue, type FairQueueOptions } from './async/fair-queue.ts'
import { type Argon2Cost, defaultCost } from './password-hash/argon2.ts'
import { findPasswordHash } from './password-hash/read.ts'

/**
 * Resolves to whether the text matches the hash, which may have any format of `readPasswordHash`; nothing matches another
 * text. Rejects with `QueueFull` if too many wait; the response is then 503. `from` is the network of the client: networks
 * take turns.
 */
export type VerifyPasswordHash = (encoded: string, text: string, from: string) => Promise<boolean>

/**
 * Resolves to the index of the first candidate that matches, or -1. All candidates of a request take one place in the
 * queue.
 */
export type MatchArgon2id = (
  candidates: readonly { readonly encoded: string; readonly text: string }[],
  from: string,
) => Promise<number>

type Argon2idOptions = Partial<FairQueueOptions> & {
  /** The cost of new hashes. */
  readonly cost?: Argon2Cost
}

type Argon2id = {
  readonly verify: VerifyPasswordHash
  readonly match: MatchArgon2id
  /** Rejects like `verify`, whose queue it shares. */
  readonly hash: (text: string, from?: string) => Promise<string>
}

/** @param options `concurrent`: each uses the memory that its hash names (19 MiB by default). */
export function createArgon2id({
  concurrent = 2,
  waiting = 64,
  cost = defaultCost,
  ...rest
}: Argon2idOptions = {}): Argon2id {
  const queue = createFairQueue({ concurrent, waiting, ...rest })
  // Loaded when it is first used, so that a server without argon2id hashes does not pay for it.
  const library = () => import('@node-rs/argon2')

  return {
    verify: (encoded, text, from) =>
      queue.run(from, async () => (await findPasswordHash(encoded)?.matches(text)) ?? false),
    match: (candidates, from) =>
      queue.run(from, async () => {
        const { verify } = await library()
        for (const [index, { encoded, text }] of candidates.entries())
          if (await verify(encoded, text)) return index
        return -1
      }),
    hash: (text, from = '') => queue.run(from, async () => (await library()).hash(text, cost)),
  }
}
