/** Limits password guesses per name and per network (RFC 6749 §4.3.2), with separate limits for browsers where the user signed in before. */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import { identityKey } from '../model/stored-user.ts'
import { localProvider, type Users } from '../model/user.ts'
import { networkKeys } from '../runtime/network.ts'
import type { Awaitable } from '../runtime/ports.ts'
import { type AttemptKey, type CountAttempt, type Counted, doCounted, type Forgive } from './attempts.ts'
import { countedKeys } from './counted-keys.ts'

export type Guess = {
  readonly idp: string
  readonly tenant?: string
  readonly username: string
  /** The network of the request. */
  readonly from: string
  /** Set if this account signed in at this browser before. */
  readonly known_browser?: KnownBrowser | undefined
}

/** A browser and the account that signed in there, as in `KnownBrowsers`. */
export type KnownBrowser = { readonly id: string; readonly account: string }

/**
 * Counts a guess before it is checked. The returned function undoes the count.
 * @param guess its `username` can be a function that asks the operator's store. It is called only if the name counts, and the
 * network has not reached its limit.
 */
export type CountGuess = (
  guess: Omit<Guess, 'username'> & { readonly username: string | (() => Promise<string>) },
) => Promise<Result<Forgive>>

/** A guess for a user that a directory found by any of their names. `user` is the directory's identifier. */
type FoundGuess = Pick<Guess, 'idp' | 'known_browser'> & { readonly user: string }

/** Counts a guess between finding the user and checking the password. */
export type CountFoundGuess = (guess: FoundGuess) => Promise<Result<Forgive>>

const span = 600
const mostForName = 100
/** For all known browsers of an account together, so that many known browsers don't allow more guesses. */
const mostForAccount = 300
/** High, because many people can share an address. */
const mostForNetwork = 1000
/** Twice as many, so that strangers at the same address can't lock out known browsers. */
const mostForNetworkOfKnown = 2 * mostForNetwork

/** Refuses `invalid_grant` with the time to wait. Unknown names are counted too, so that limits don't reveal which names exist. */
export const createGuessCounter =
  ({ countAttempt }: { countAttempt: CountAttempt }): CountGuess =>
  async ({ from, known_browser, username, ...guess }) => {
    const networks = (most: number) => networkKeys('password', from, { most, span })
    const ofName = (name: string): AttemptKey => ({
      key: countedKeys.passwordOfName(guessedName({ ...guess, username: name })),
      most: mostForName,
      span,
    })
    if (known_browser)
      return outcomeOf(await countAttempt([...ofKnown(known_browser), ...networks(mostForNetworkOfKnown)]))
    if (typeof username === 'string')
      return outcomeOf(await countAttempt([ofName(username), ...networks(mostForNetwork)]))
    const network = await countAttempt(networks(mostForNetwork))
    if (!network.ok) return outcomeOf(network)
    const countName = async () => countAttempt([ofName(await username())])
    const name = await doCounted(network.forgive, countName, ({ ok }) => ok)
    if (!name.ok) return outcomeOf(name)
    return ok(async () => void (await Promise.all([network.forgive(), name.forgive()])))
  }

/**
 * Counts guesses per user as well as per name, for directories where a user has several names (`uid`, `mail`). Known
 * browsers have a separate count, as they do per name.
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

/** Counts by account and not by name, so that strangers can't use up the user's limit, even with a similar name. */
const ofKnown = ({ id, account }: KnownBrowser): readonly AttemptKey[] => [
  { key: JSON.stringify(['password at browser', account, id]), most: mostForName, span },
  { key: countedKeys.passwordAtKnownBrowsers(account), most: mostForAccount, span },
]

/**
 * Maps letters to those that directories and databases consider equal (RFC 3454 appendix B.2, collations that compare base
 * letters), if Unicode does not decompose them.
 */
const alike: Readonly<Record<string, string>> = {
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  ħ: 'h',
  ŧ: 't',
  þ: 'th',
  ı: 'i',
  ς: 'σ',
}
const hasAlike = new RegExp(`[${Object.keys(alike).join('')}]`, 'g')
/** Katakana; the hiragana of each is 96 code points before it. */
const katakana = /[\u30a1-\u30f6]/g

/**
 * Returns the same key for all spellings that could identify the same user: directories ignore spaces, accents and invisible
 * characters (RFC 4518 §2.2, §2.6.1), and have no tenants. Use it only for counting. Some users share a count, which is
 * better than several counts for one user.
 */
export const guessedName = ({
  idp,
  tenant,
  username,
}: Pick<Guess, 'idp' | 'tenant' | 'username'>): string => {
  // RFC 4518 §2.2 also removes U+1806 and U+FFFC. Upper case first, so that ß and ss are equal.
  const seen = username.normalize('NFKD').replaceAll(/[\p{M}\p{C}\s\u1806\ufffc]/gu, '')
  const letters = identityKey(identityKey(seen).toUpperCase())
    .replaceAll(hasAlike, letter => alike[letter] ?? letter)
    .replaceAll(katakana, letter => String.fromCodePoint((letter.codePointAt(0) ?? 0) - 96))
  return JSON.stringify([idp, idp === localProvider ? (tenant ?? null) : null, letters])
}

/** The name that a person typed, and the provider and tenant where it is looked up. */
export type Named = { readonly idp: string; readonly tenant?: string | undefined; readonly username: string }

export type KnownAccounts = {
  /** Returns the account with this name; undefined if there is none, or if two users have its `sub`. */
  readonly find: (named: Named) => Awaitable<string | undefined>
  /** Returns the account of a user who has signed in with this name. */
  readonly of: (sub: string, named: Named) => string
}

/**
 * Identifies the exact account that a known browser is bound to, so that a similar name does not match. A local account
 * is identified by its `sub`, which is never reused. An account at a provider is unknown until its password is correct,
 * so it is identified by provider, tenant and the name exactly as typed.
 */
const accountOfSub = (sub: string): string => JSON.stringify(['sub', sub])
const accountOfName = ({ idp, tenant, username }: Named): string =>
  JSON.stringify(['name', idp, tenant ?? null, username])

/** Returns every account that a known browser of the person may be bound to. */
export const accountsOf = (sub: string, names: readonly Named[]): readonly string[] => [
  accountOfSub(sub),
  ...names.map(accountOfName),
]

export function createKnownAccounts({
  users,
  checksElsewhere,
}: {
  readonly users: Pick<Users, 'findNamed' | 'isShared'>
  /** Whether a validator checks local passwords. */
  readonly checksElsewhere: boolean
}): KnownAccounts {
  const isLocal = ({ idp }: Named): boolean => idp === localProvider && !checksElsewhere

  return {
    async find(named) {
      if (!isLocal(named)) return accountOfName(named)
      const user = await users.findNamed(named.username, named.tenant)
      return user && !(await users.isShared(user.sub)) ? accountOfSub(user.sub) : undefined
    },
    of: (sub, named) => (isLocal(named) ? accountOfSub(sub) : accountOfName(named)),
  }
}
