/** Checking argon2id hashes (RFC 9106) in a bounded queue: slow by design, so a flood must not take all memory and time. */

import { StoreUnavailable } from '../core/runtime.ts'

/** Whether the text is what was hashed. Rejects with `StoreUnavailable` when too many wait; the answer is 503 then. */
export type VerifyArgon2id = (encoded: string, text: string) => Promise<boolean>

export type Argon2idBounds = {
  /** How many run at once; each takes the memory that its hash names (19 MiB by default). */
  readonly concurrent?: number
  /** How many more may wait. */
  readonly waiting?: number
}

export function createArgon2id({ concurrent = 2, waiting = 64 }: Argon2idBounds = {}): VerifyArgon2id {
  const queue: (() => void)[] = []
  let running = 0

  const take = (): Promise<void> | undefined => {
    if (running < concurrent) {
      running++
      return undefined
    }
    return new Promise(resolve => queue.push(resolve))
  }
  /** Hands the place to who waits longest. */
  const release = (): void => {
    const next = queue.shift()
    if (next) next()
    else running--
  }

  return async (encoded, text) => {
    if (queue.length >= waiting && running >= concurrent) throw new StoreUnavailable('argon2id queue is full')
    await take()
    try {
      // Loaded when first used: an installation without argon2id hashes never pays for it.
      const { verify } = await import('@node-rs/argon2')
      return await verify(encoded, text)
    } finally {
      release()
    }
  }
}
