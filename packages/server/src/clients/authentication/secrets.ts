/** Shared secrets: SHA-256 in constant time, or argon2id (RFC 9106) in a bounded queue. */

import { createHmac, hash } from 'node:crypto'
import type { Secret } from '../../model/client.ts'
import type { MatchArgon2id } from '../../runtime/argon2id.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import { QueueFull } from '../../runtime/fair-queue.ts'
import type { Awaitable, Clock, Random } from '../../runtime/ports.ts'

/** `busy`: too many argon2id verifications wait. */
export type SecretCheck = 'fits' | 'wrong' | 'expired' | 'busy'

export type Secrets = {
  /**
   * Returns whether the presented secret is one of those kept: at once, unless it must be compared with an argon2id hash.
   * `from` is the network that asks.
   */
  readonly check: (presented: string, kept: readonly Secret[], from: string) => Awaitable<SecretCheck>
  /** Compares several forms of what was presented, with the same work whichever of them fits. */
  readonly checkForms: (
    forms: readonly string[],
    kept: readonly Secret[],
    from: string,
  ) => Awaitable<CheckedForms>
}

/** @property form the index of the one that fits, or that did until it expired. */
export type CheckedForms = { readonly check: SecretCheck; readonly form?: number }

export type SecretPorts = {
  readonly clock: Clock
  readonly random: Random
  readonly matchArgon2id: MatchArgon2id
}

/** What is compared where nothing is kept: an unknown client costs one SHA-256 and one comparison too. */
const nothing = new Uint8Array(32)
/** Right secrets that are remembered: more than clients with an argon2id secret that are active at one time. */
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
    let checked: CheckedForms = { check: 'wrong' }
    let slow = false
    for (const secret of kept) {
      if (secret.kind === 'argon2id') slow = true
      for (const [form, digest] of digests.entries()) {
        const check = checkFast(secret, forms[form] ?? '', digest)
        if (check !== 'wrong' && checked.check !== 'fits') checked = { check, form }
      }
    }
    if (kept.length === 0) for (const digest of digests) equalInConstantTime(digest, nothing)
    if (!slow || checked.check === 'fits') return checked
    // A secret that ended in one entry may still be good by another.
    return checkArgon2id(forms, kept, from)
      .then(found => (found.check === 'wrong' ? checked : found))
      .catch(asBusy)
  }

  /** Without the slow hash: an argon2id secret is right if it was so before. */
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
      if (macs.size >= maxRemembered) for (const oldest of [...macs].slice(0, 100)) macs.delete(oldest)
      macs.add(macOf(encoded, presented))
    },
  }
}
