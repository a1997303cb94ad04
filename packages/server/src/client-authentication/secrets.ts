/** Shared secrets: SHA-256 in constant time, or argon2id (RFC 9106) in a bounded queue. */

import { hash, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../core/client.ts'
import { type Awaitable, type Clock, StoreUnavailable } from '../core/runtime.ts'
import type { VerifyArgon2id } from './argon2id.ts'

export { createArgon2id, type VerifyArgon2id } from './argon2id.ts'

/** `busy`: too many argon2id verifications wait. */
export type SecretCheck = 'fits' | 'wrong' | 'expired' | 'busy'

export type Secrets = {
  /** Whether the presented secret is one of those kept; answers at once unless one of them is an argon2id hash. */
  readonly check: (presented: string, kept: readonly Secret[]) => Awaitable<SecretCheck>
}

export type SecretPorts = { readonly clock: Clock; readonly verifyArgon2id: VerifyArgon2id }

/** What is compared where nothing is kept: an unknown client costs one SHA-256 and one comparison too. */
const nothing = new Uint8Array(32)

export function createSecrets({ clock, verifyArgon2id }: SecretPorts): Secrets {
  const isExpired = ({ expires_at }: Secret): boolean => expires_at !== undefined && expires_at <= clock.now()

  const checkSlowly = async (presented: string, kept: readonly Secret[]): Promise<'fits' | 'wrong'> => {
    for (const secret of kept) {
      if (secret.kind !== 'argon2id' || isExpired(secret)) continue
      if (await verifyArgon2id(secret.encoded, presented)) return 'fits'
    }
    return 'wrong'
  }

  return {
    check(presented, kept) {
      const digest = hash('sha256', presented, 'buffer')
      let outcome: 'fits' | 'wrong' | 'expired' = 'wrong'
      let slow = false
      for (const secret of kept) {
        if (secret.kind === 'argon2id') slow = true
        else if (timingSafeEqual(digest, secret.hash) && outcome !== 'fits')
          outcome = isExpired(secret) ? 'expired' : 'fits'
      }
      if (kept.length === 0) timingSafeEqual(digest, nothing)
      return slow && outcome === 'wrong' ? checkSlowly(presented, kept).catch(asBusy) : outcome
    },
  }
}

function asBusy(error: unknown): 'busy' {
  if (error instanceof StoreUnavailable) return 'busy'
  throw error
}
