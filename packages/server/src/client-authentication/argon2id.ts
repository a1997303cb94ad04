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

/** OWASP's least cost: 19 MiB, two passes. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

export type Argon2id = {
  readonly verify: VerifyArgon2id
  /** Rejects like `verify`, whose queue it shares. */
  readonly hash: (text: string) => Promise<string>
}

export function createArgon2id({ concurrent = 2, waiting = 64 }: Argon2idBounds = {}): Argon2id {
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

  const inTurn = async <Answer>(work: (argon2: typeof import('@node-rs/argon2')) => Promise<Answer>) => {
    if (queue.length >= waiting && running >= concurrent) throw new StoreUnavailable('argon2id queue is full')
    await take()
    try {
      // Loaded when first used: an installation without argon2id hashes never pays for it.
      return await work(await import('@node-rs/argon2'))
    } finally {
      release()
    }
  }

  return {
    verify: (encoded, text) => inTurn(({ verify }) => verify(encoded, text)),
    hash: text => inTurn(({ hash }) => hash(text, cost)),
  }
}
