/** Checks a password against a stored hash of any format, with the same work for known and unknown users. */

import type { VerifyPasswordHash } from '../runtime/argon2id.ts'
import { findPasswordHash } from '../runtime/password-hash/read.ts'
import { formsOf } from './password.ts'

/**
 * Resolves to whether the password is that of the hash `own`. Without one, or for one that can't be read, the work is the
 * same. `baseline` is a hash at the cost of users who have been upgraded; its result is ignored unless it is `own`.
 */
type CheckHash = (
  own: string | undefined,
  baseline: string | undefined,
  password: string,
  from: string,
) => Promise<boolean>

export type PasswordCheck = {
  readonly check: CheckHash
  /** Makes all checks include the work of these hashes. */
  readonly learn: (encoded: Iterable<string | undefined>) => void
}

/** Costs besides the baseline that each check includes. Users were usually imported from one server, with one cost. */
const mostCosts = 3

/**
 * Each check costs the verification of `baseline`, and one verification at each other cost of hashes that this process has
 * seen, whether the user has such a hash, has been upgraded, or does not exist. Otherwise response times would tell which
 * names exist, and who has an old hash. Only the first check of a hash at a new cost takes longer.
 * @param decoyHash a hash at the cost of new ones.
 */
export function createPasswordCheck(verify: VerifyPasswordHash, decoyHash: string): PasswordCheck {
  const usualCost = costOf(decoyHash)
  /** A hash for each cost. Its result is ignored for others than its user. */
  const seen = new Map<string, string>()

  function learn(hashes: Iterable<string | undefined>): void {
    for (const encoded of hashes) {
      const cost = costOf(encoded)
      // The cost of new hashes is that of the baseline.
      if (encoded === undefined || cost === undefined || cost === usualCost || seen.has(cost)) continue
      if (seen.size < mostCosts) seen.set(cost, encoded)
    }
  }

  /** Verifies the forms one after another, so that a sign-in has only one place in the queue. */
  async function fits(encoded: string, password: string, from: string): Promise<boolean> {
    for (const form of formsOf(password)) if (await verify(encoded, form, from)) return true
    return false
  }

  return {
    learn,
    async check(own, baseline, password, from) {
      learn([own])
      const hashes = new Map(seen)
      const [cost, usual] = [costOf(own), costOf(baseline)]
      if (baseline !== undefined && usual !== undefined) hashes.set(usual, baseline)
      if (own !== undefined && cost !== undefined) hashes.set(cost, own)
      let matches = false
      for (const encoded of hashes.values())
        if ((await fits(encoded, password, from)) && encoded === own) matches = true
      return matches
    },
  }
}

const costOf = (encoded: string | undefined): string | undefined =>
  encoded === undefined ? undefined : findPasswordHash(encoded)?.cost
