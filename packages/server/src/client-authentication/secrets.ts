/** Shared secrets: SHA-256 in constant time, or argon2id (RFC 9106) in a bounded queue. */

import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../core/client.ts'
import { QueueFull } from '../core/fair-queue.ts'
import type { Awaitable, Clock, Random } from '../core/runtime.ts'
import type { VerifyArgon2id } from './argon2id.ts'

export { createArgon2id, type VerifyArgon2id } from './argon2id.ts'

/** `busy`: too many argon2id verifications wait. */
export type SecretCheck = 'fits' | 'wrong' | 'expired' | 'busy'

export type Secrets = {
  /**
   * Returns whether the presented secret is one of those kept: at once, unless it must be compared with an argon2id hash.
   * `from` is the network that asks.
   */
  readonly check: (presented: string, kept: readonly Secret[], from: string) => Awaitable<SecretCheck>
}

export type SecretPorts = {
  readonly clock: Clock
  readonly random: Random
  readonly verifyArgon2id: VerifyArgon2id
}

/** What is compared where nothing is kept: an unknown client costs one SHA-256 and one comparison too. */
const nothing = new Uint8Array(32)
/** Right secrets that are remembered: more than clients with an argon2id secret that are active at one time. */
const mostRemembered = 1000

export function createSecrets({ clock, random, verifyArgon2id }: SecretPorts): Secrets {
  const isExpired = ({ expires_at }: Secret): boolean => expires_at !== undefined && expires_at <= clock.now()
  const memory = createMemory(random)

  const checkSlowly = async (
    presented: string,
    kept: readonly Secret[],
    from: string,
  ): Promise<'fits' | 'wrong'> => {
    for (const secret of kept) {
      if (secret.kind !== 'argon2id' || isExpired(secret)) continue
      if (!(await verifyArgon2id(secret.encoded, presented, from))) continue
      memory.remember(secret.encoded, presented)
      return 'fits'
    }
    return 'wrong'
  }

  return {
    check(presented, kept, from) {
      const digest = hash('sha256', presented, 'buffer')
      let outcome: 'fits' | 'wrong' | 'expired' = 'wrong'
      let slow = false
      for (const secret of kept) {
        if (secret.kind === 'argon2id') {
          slow = true
          if (!isExpired(secret) && memory.has(secret.encoded, presented)) outcome = 'fits'
        } else if (timingSafeEqual(digest, secret.hash) && outcome !== 'fits')
          outcome = isExpired(secret) ? 'expired' : 'fits'
      }
      if (kept.length === 0) timingSafeEqual(digest, nothing)
      return slow && outcome === 'wrong' ? checkSlowly(presented, kept, from).catch(asBusy) : outcome
    },
  }
}

function asBusy(error: unknown): 'busy' {
  if (error instanceof QueueFull) return 'busy'
  throw error
}

/**
 * Right argon2id secrets, as a MAC under a key of this process: a client that authenticates with each request is hashed
 * once. The MAC covers the hash too, so a changed configuration makes it useless.
 */
function createMemory(random: Random) {
  const key = random.bytes(32)
  const macs = new Set<string>()
  const macOf = (encoded: string, presented: string): string =>
    createHmac('sha256', key).update(`${encoded}\n${presented}`).digest('base64url')

  return {
    has: (encoded: string, presented: string): boolean =>
      macs.size > 0 && macs.has(macOf(encoded, presented)),
    remember(encoded: string, presented: string): void {
      if (macs.size >= mostRemembered) for (const oldest of [...macs].slice(0, 100)) macs.delete(oldest)
      macs.add(macOf(encoded, presented))
    },
  }
}
