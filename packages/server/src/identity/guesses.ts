/** Limits on guessing passwords (RFC 6749 §4.3.2): for each name and for each network, and apart from them for a browser that the user signed in with before. */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import { identityKey } from '../core/stored-user.ts'
import type { CountAttempt } from './attempts.ts'

export type Guess = {
  readonly idp: string
  readonly tenant?: string
  readonly username: string
  /** The network that it comes from. */
  readonly from: string
  /** The browser, where this very user signed in with it before. */
  readonly known_browser?: string
}

/** Counts a guess before it is checked. The value takes it back: it was right. */
export type CountGuess = (guess: Guess) => Promise<Result<() => Promise<void>>>

const span = 600
const mostForName = 100
/** Many people may sit behind one address. */
const mostForNetwork = 1000

/** Refuses `invalid_grant` with how long to wait; a name that nobody has is counted alike. */
export const createGuessCounter =
  ({ countAttempt }: { countAttempt: CountAttempt }): CountGuess =>
  async ({ from, known_browser, ...guess }) => {
    const name = guessedName(guess)
    // So that no stranger can keep users out by guessing at their names: what strangers used up is not the user's.
    const counted = await countAttempt(
      known_browser !== undefined
        ? [{ key: JSON.stringify(['password at browser', name, known_browser]), most: mostForName, span }]
        : [
            { key: JSON.stringify(['password of name', name]), most: mostForName, span },
            { key: JSON.stringify(['password from network', from]), most: mostForNetwork, span },
          ],
    )
    if (counted.ok) return ok(counted.forgive)
    return refuse('invalid_grant', 'password_guessed_too_often', {
      description: 'too many wrong passwords; try again later',
      retry_after: counted.wait,
    })
  }

/**
 * One for all spellings that could mean the same user: directories overlook spaces, accents and characters that are not
 * seen (RFC 4518 §2.2, §2.6.1). That a few users share a count costs less than that one user has many.
 */
export const guessedName = ({
  idp,
  tenant,
  username,
}: Pick<Guess, 'idp' | 'tenant' | 'username'>): string => {
  const letters = identityKey(username.normalize('NFKD').replaceAll(/[\p{M}\p{C}\s]/gu, ''))
  return JSON.stringify([idp, tenant ?? null, letters])
}
