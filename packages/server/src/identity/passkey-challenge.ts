/**
 * Challenges for passkeys (WebAuthn Level 3 §13.4.3): each is made of a random ticket by a MAC over the browser and the
 * purpose it is for, so that nothing is stored until one comes back, and is taken once.
 */

import { createHmac } from 'node:crypto'
import { newId } from '../model/handle.ts'
import { rememberUntil } from '../model/jose.ts'
import type { DerivedKeys } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { Clock, Random, TokenHash } from '../runtime/ports.ts'

/** For whom and what for: text that no other ceremony has. */
export type ChallengeScope = {
  /** What only this browser's forms carry. */
  readonly browser: string
  readonly purpose: 'sign_in' | 'second_factor' | 'register'
  /** Whose passkey; omitted: whoever signs in. */
  readonly sub?: string
}

export type PasskeyChallenges = {
  readonly issue: (scope: ChallengeScope) => { readonly ticket: string; readonly challenge: string }
  /** The challenge in base64url that a signature must be of; undefined for a ticket that is too old or can't be ours. */
  readonly read: (scope: ChallengeScope, ticket: string) => string | undefined
  /** Uses it up, once it was found to be signed: whoever signs nothing makes the store keep nothing. Answers whether this call did. */
  readonly redeem: (scope: ChallengeScope, ticket: string) => Promise<boolean>
}

const lifetime = 600
const wellFormed = /^[\w-]{22}\.(\d{1,12})$/

export function createPasskeyChallenges({
  stores: { usedAssertions },
  derived,
  clock,
  random,
}: {
  stores: Pick<Stores, 'usedAssertions'>
  derived: DerivedKeys
  clock: Clock
  random: Random
}): PasskeyChallenges {
  const key = derived.derive('passkey-challenge')
  const challengeOf = ({ browser, purpose, sub }: ChallengeScope, ticket: string): string =>
    createHmac('sha256', key)
      .update(JSON.stringify([purpose, sub ?? null, browser, ticket]))
      .digest('base64url')

  const endOf = (ticket: string): number => Number(wellFormed.exec(ticket)?.[1] ?? 0)

  return {
    issue(scope) {
      const ticket = `${newId(random)}.${clock.now() + lifetime}`
      return { ticket, challenge: challengeOf(scope, ticket) }
    },
    read(scope, ticket) {
      const until = endOf(ticket)
      // Whoever writes a later end gets another challenge, which nobody signed; but no marker may be kept for ever.
      return until <= clock.now() || until > clock.now() + lifetime ? undefined : challengeOf(scope, ticket)
    },
    redeem(scope, ticket) {
      const used = `used ${challengeOf(scope, ticket)}`
      const hash = createHmac('sha256', key).update(used).digest('base64url') as TokenHash
      return usedAssertions.add({ hash, expires_at: rememberUntil(endOf(ticket)) })
    },
  }
}
