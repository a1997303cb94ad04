/** Limits on guessing passwords (RFC 6749 §4.3.2): for each name and for each network, within this process. */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import type { Clock } from '../core/runtime.ts'
import { createAttempts } from './attempts.ts'

export type Guess = {
  readonly idp: string
  readonly tenant?: string
  readonly username: string
  /** The network that it comes from. */
  readonly from: string
}

/** Counts a guess before it is checked, so that a thousand at once count as a thousand. The value takes it back: it was right. */
export type CountGuess = (guess: Guess) => Result<() => void>

const span = 600
const capacity = 50_000
const mostForName = 100
/** Many people may sit behind one address. */
const mostForNetwork = 1000

/** Refuses `invalid_grant` with how long to wait; a name that nobody has is counted alike. */
export function createGuessCounter({ clock }: { clock: Clock }): CountGuess {
  const names = createAttempts({ clock, limits: { most: mostForName, span, capacity } })
  const networks = createAttempts({ clock, limits: { most: mostForNetwork, span, capacity } })

  return ({ idp, tenant, username, from }) => {
    const name = [JSON.stringify([idp, tenant ?? null, username])]
    const network = [from]
    const wait = names.wait(name) ?? networks.wait(network)
    if (wait !== undefined) {
      return refuse('invalid_grant', 'password_guessed_too_often', {
        description: 'too many wrong passwords; try again later',
        retry_after: wait,
      })
    }
    names.failed(name)
    networks.failed(network)
    return ok(() => {
      names.forgive(name)
      networks.forgive(network)
    })
  }
}
