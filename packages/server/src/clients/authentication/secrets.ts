/** Verifies shared secrets: SHA-256 or SHA-512 in constant time, or argon2id (RFC 9106) in a bounded queue. */

import { createHmac, hash } from 'node:crypto'
import type { Secret } from '../../model/client.ts'
import type { MatchArgon2id } from '../../runtime/argon2id.ts'
import { QueueFull } from '../../runtime/async/fair-queue.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import type { Awaitable, Clock, Random } from '../../runtime/ports.ts'

/** `busy`: too many argon2id verifications are waiting. */
export type SecretCheck = 'fits' | 'wrong' | 'expired' | 'busy'

export type Secrets = {
  /** Compares the presented secret with the stored ones. Returns synchronously unless an argon2id hash is needed. */
  readonly check: (presented: string, kept: readonly Secret[], from: string) => Awaitable<SecretCheck>
  /** Compares several forms of a secret, with the same amount of work whichever one matches. */
  readonly checkForms: (
    forms: readonly string[],
    kept: readonly Secret[],
    from: string,
  ) => Awaitable<CheckedForms>
}

/** @property form the index of the form that matches, or that matched until it expired. */
export type CheckedForms = { readonly check: SecretCheck; readonly form?: number }

type SecretPorts = {
  readonly clock: Clock
  readonly random: Random
  readonly matchArgon2id: MatchArgon2id
}

/** Compared if a client has no secret, so that an unknown client costs the same SHA-256 and comparison. */
const nothing = new Uint8Array(32)
/** More than the number of clients with argon2id secrets that are active at a time. */
const maxRemembered = 1000

export function createSecrets({ clock, random, matchArgon2id }: SecretPorts): Secrets {
  const isExpired = ({ expires_at }: Secret): boolean => expires_at !== undefined && expires_at <= clock.now()
  const memory = createMemory(random)

  const checkArgon2id = async (
    forms: readonly string[],
    kept: readonly Secret[],
    from: string,
  ): Promise<CheckedForms> => {
    const candidates = kept.flatMap(secret =>
      secret.kind === 'argon2id' && !isExpired(secret)
        ? forms.map((text, form) => ({ encoded: secret.encoded, text, form }))
        : [],
    )
    const found = candidates.length === 0 ? undefined : candidates[await matchArgon2id(candidates, from)]
    if (!found) return { check: 'wrong' }
    memory.remember(found.encoded, found.text)
    return { check: 'fits', form: found.form }
  }

  const checkForms: Secrets['checkForms'] = (forms, kept, from) => {
    const digests = forms.map(form => hash('sha256', form, 'buffer'))
    const longDigests = kept.some(({ kind }) => kind === 'sha512')
      ? forms.map(form => hash('sha512', form, 'buffer'))
      : []
    let checked: CheckedForms = { check: 'wrong' }
    let slow = false
    for (const secret of kept) {
      if (secret.kind === 'argon2id') slow = true
      for (const [form, digest] of (secret.kind === 'sha512' ? longDigests : digests).entries()) {
        const check = checkFast(secret, forms[form] ?? '', digest)
        if (check !== 'wrong' && checked.check !== 'fits') checked = { check, form }
      }
    }
    if (kept.length === 0) for (const digest of digests) equalInConstantTime(digest, nothing)
    if (!slow || checked.check === 'fits') return checked
    // A secret that expired in one entry may be valid in another.
    return checkArgon2id(forms, kept, from)
      .then(found => (found.check === 'wrong' ? checked : found))
      .catch(asBusy)
  }

  /** Compares without hashing; an argon2id secret matches if it matched before. */
  function checkFast(secret: Secret, presented: string, digest: Uint8Array): 'fits' | 'wrong' | 'expired' {
    if (secret.kind === 'argon2id')
      return !isExpired(secret) && memory.has(secret.encoded, presented) ? 'fits' : 'wrong'
    if (!equalInConstantTime(digest, secret.hash)) return 'wrong'
    return isExpired(secret) ? 'expired' : 'fits'
  }

  return {
    checkForms,
    check(presented, kept, from) {
      const checked = checkForms([presented], kept, from)
      return checked instanceof Promise ? checked.then(({ check }) => check) : checked.check
    },
  }
}

function asBusy(error: unknown): CheckedForms {
  if (error instanceof QueueFull) return { check: 'busy' }
  throw error
}

/**
 * Remembers correct argon2id secrets as MACs under a key of this process, so that each secret is hashed only once. The
 * MAC includes the hash, so changed configuration invalidates it.
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
      if (macs.size >= maxRemembered) for (const oldest of [...macs].slice(0, 100)) macs.delete(oldest)
      macs.add(macOf(encoded, presented))
    },
  }
}
