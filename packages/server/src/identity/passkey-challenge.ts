/**
 * Challenges for passkeys (WebAuthn Level 3 §13.4.3). Each is a MAC of a random ticket, the browser and the purpose, so
 * that nothing is stored until a response arrives. Each challenge is accepted once.
 */

import { createHmac } from 'node:crypto'
import { newId } from '../model/handle.ts'
import { rememberUntil } from '../model/jose.ts'
import type { DerivedKeys } from '../model/keys.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { Clock, Random, TokenHash } from '../runtime/ports.ts'

/** The context that a challenge is bound to; different for every ceremony. */
export type ChallengeScope = {
  /** A value that only this browser's forms contain. */
  readonly browser: string
  readonly purpose: 'sign_in' | 'second_factor' | 'register'
  /** The owner of the passkey. Omitted: any user, for a sign-in. */
  readonly sub?: string
}

export type PasskeyChallenges = {
  readonly issue: (scope: ChallengeScope) => { readonly ticket: string; readonly challenge: string }
  /** Returns the challenge in base64url that must be signed; undefined if the ticket has expired or is invalid. */
  readonly read: (scope: ChallengeScope, ticket: string) => string | undefined
  /**
   * Redeems the challenge, and returns false if it was redeemed before. Call it after verifying the signature, so that
   * invalid responses store nothing.
   */
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
  /** The same on all nodes while the master key is rotated, because it depends on the ticket only. */
  const keyOf = (ticket: string): Uint8Array => derived.asOf(endOf(ticket) - lifetime, 'passkey-challenge')
  const challengeOf = ({ browser, purpose, sub }: ChallengeScope, ticket: string): string =>
    createHmac('sha256', keyOf(ticket))
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
      // A forged expiry changes the challenge, so no signature matches. The bound limits how long an id is remembered.
      return until <= clock.now() || until > clock.now() + lifetime ? undefined : challengeOf(scope, ticket)
    },
    redeem(scope, ticket) {
      const used = `used ${challengeOf(scope, ticket)}`
      const hash = createHmac('sha256', keyOf(ticket)).update(used).digest('base64url') as TokenHash
      return usedAssertions.add({ hash, expires_at: rememberUntil(endOf(ticket)) })
    },
  }
}
