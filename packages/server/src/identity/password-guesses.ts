/** Limits on guessing passwords (RFC 6749 §4.3.2): for each name and for each network, and apart from strangers for a browser that the user signed in with before. */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import { identityKey } from '../model/stored-user.ts'
import { localProvider, type Users } from '../model/user.ts'
import { networkKeys } from '../runtime/network.ts'
import type { Awaitable } from '../runtime/ports.ts'
import type { AttemptKey, CountAttempt, Counted, Forgive } from './attempts.ts'

export type Guess = {
  readonly idp: string
  readonly tenant?: string
  readonly username: string
  /** The network that it comes from. */
  readonly from: string
  /** Set where this very account signed in at this browser before. */
  readonly known_browser?: KnownBrowser | undefined
}

/** A browser and the account that signed in there, as `KnownBrowsers` names them. */
export type KnownBrowser = { readonly id: string; readonly account: string }

/** Counts a guess before it is checked. The value takes the count back. */
export type CountGuess = (guess: Guess) => Promise<Result<Forgive>>

/** A guess at a user that a directory found by any of their names; `user` is what the directory calls them. */
export type FoundGuess = Pick<Guess, 'idp' | 'known_browser'> & { readonly user: string }

/** Counts a guess between finding the user and checking the password. */
export type CountFoundGuess = (guess: FoundGuess) => Promise<Result<Forgive>>

const span = 600
const mostForName = 100
/** All known browsers of one account together: whoever makes many of them guesses no more. */
const mostForAccount = 300
/** Many people may sit behind one address. */
const mostForNetwork = 1000
/** Strangers behind the same address leave known browsers room for as many again. */
const mostForNetworkOfKnown = 2 * mostForNetwork

/** Refuses `invalid_grant` with how long to wait; a name that nobody has is counted alike. */
export const createGuessCounter =
  ({ countAttempt }: { countAttempt: CountAttempt }): CountGuess =>
  async ({ from, known_browser, ...guess }) => {
    const networks = (most: number) => networkKeys('password', from, { most, span })
    const counted = await countAttempt(
      known_browser
        ? [...ofKnown(known_browser), ...networks(mostForNetworkOfKnown)]
        : [
            { key: JSON.stringify(['password of name', guessedName(guess)]), most: mostForName, span },
            ...networks(mostForNetwork),
          ],
    )
    return outcomeOf(counted)
  }

/**
 * Beside the count by name, for directories that know one user by several names (`uid`, `mail`). Strangers and browsers
 * that the user signed in with count apart, as they do by name.
 */
export const createFoundGuessCounter =
  ({ countAttempt }: { countAttempt: CountAttempt }): CountFoundGuess =>
  async ({ idp, user, known_browser }) => {
    const [whose, most] = known_browser
      ? ['password of user at known browsers', mostForAccount]
      : ['password of user', mostForName]
    return outcomeOf(await countAttempt([{ key: JSON.stringify([whose, idp, user]), most, span }]))
  }

const outcomeOf = (counted: Counted): Result<Forgive> =>
  counted.ok
    ? ok(counted.forgive)
    : refuse('invalid_grant', 'password_guessed_too_often', {
        description: 'too many wrong passwords; try again later',
        retry_after: counted.wait,
      })

/** By the account, not by the guessed name: no stranger can use up what belongs to the user, not even with a similar name. */
const ofKnown = ({ id, account }: KnownBrowser): readonly AttemptKey[] => [
  { key: JSON.stringify(['password at browser', account, id]), most: mostForName, span },
  { key: JSON.stringify(['password at known browsers', account]), most: mostForAccount, span },
]

/**
 * Letters that directories and databases take for others (RFC 3454 appendix B.2, collations that compare base letters),
 * and that Unicode does not decompose.
 */
const alike: Readonly<Record<string, string>> = {
  ...{ æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', ħ: 'h', ŧ: 't', þ: 'th', ı: 'i', ς: 'σ' },
}
const hasAlike = new RegExp(`[${Object.keys(alike).join('')}]`, 'g')
/** Katakana, of which each has its hiragana 96 places before. */
const katakana = /[\u30a1-\u30f6]/g

/**
 * Returns one name for all spellings that could mean the same user: directories overlook spaces, accents and invisible
 * characters (RFC 4518 §2.2, §2.6.1), and they know no tenants. Only for counting, never to tell accounts apart: a few
 * users who share a count cost less than one user who has many.
 */
export const guessedName = ({
  idp,
  tenant,
  username,
}: Pick<Guess, 'idp' | 'tenant' | 'username'>): string => {
  // RFC 4518 §2.2 maps U+1806 and U+FFFC to nothing too. Capitals in between, so that ß and ss are one.
  const seen = username.normalize('NFKD').replaceAll(/[\p{M}\p{C}\s\u1806\ufffc]/gu, '')
  const letters = identityKey(identityKey(seen).toUpperCase())
    .replaceAll(hasAlike, letter => alike[letter] ?? letter)
    .replaceAll(katakana, letter => String.fromCodePoint((letter.codePointAt(0) ?? 0) - 96))
  return JSON.stringify([idp, idp === localProvider ? (tenant ?? null) : null, letters])
}

/** The name that a person typed, and the provider and tenant where it is looked up. */
type Named = { readonly idp: string; readonly tenant?: string | undefined; readonly username: string }

export type KnownAccounts = {
  /** Returns the account with this name; undefined if there is none. */
  readonly find: (named: Named) => Awaitable<string | undefined>
  /** Returns the account of a user who has signed in with this name. */
  readonly of: (sub: string, named: Named) => string
}

/**
 * Identifies the account that a known browser is bound to, exactly, so that a similar name never matches. A local account
 * is identified by its `sub`, which is never reused. An account at a provider is unknown until its password is correct, so
 * it is identified by provider, tenant and the name exactly as typed.
 */
export function createKnownAccounts({
  users,
  checksElsewhere,
}: {
  readonly users: Pick<Users, 'findNamed'>
  /** Whether a validator checks local passwords. */
  readonly checksElsewhere: boolean
}): KnownAccounts {
  const isLocal = ({ idp }: Named): boolean => idp === localProvider && !checksElsewhere
  const bySub = (sub: string): string => JSON.stringify(['sub', sub])
  const byName = ({ idp, tenant, username }: Named): string =>
    JSON.stringify(['name', idp, tenant ?? null, username])

  return {
    async find(named) {
      if (!isLocal(named)) return byName(named)
      const user = await users.findNamed(named.username, named.tenant)
      return user && bySub(user.sub)
    },
    of: (sub, named) => (isLocal(named) ? bySub(sub) : byName(named)),
  }
}
