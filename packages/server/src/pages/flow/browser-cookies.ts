/**
 * Cookies other than the session and the anti-forgery token: the browser binding, its known and remembered users, and
 * its language.
 */

import { createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import type { AccessEndings } from '../../identity/access-endings.ts'
import { type Factors, fingerprintOf } from '../../identity/factors.ts'
import type { KnownBrowser } from '../../identity/password-guesses.ts'
import { hashHandle, newId } from '../../model/handle.ts'
import type { DerivedKeys } from '../../model/keys.ts'
import type { MfaPolicy } from '../../model/mfa.ts'
import type { Subject } from '../../model/user.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import type { Awaitable, Clock, Random, TokenHash } from '../../runtime/ports.ts'
import type { ChosenLanguage } from '../ui/texts.ts'
import type { Cookies } from './cookies.ts'

const year: Seconds = 31_536_000

/** A random cookie that identifies the browser, so that a sign-in that one browser started can't be finished in another (RFC 9700 §4.7). */
export type BrowserBinding = {
  /** Returns the hash of the browser's cookie; undefined if it sent none. */
  readonly read: (request: HttpRequest) => TokenHash | undefined
  /** Returns the hash, and the cookie to set if the browser has none yet. */
  readonly ensure: (request: HttpRequest) => { readonly binding: TokenHash; readonly cookie?: string }
}

const bindingCookie = 'tessera_mark'
const bindingShape = /^[\w-]{43}$/

export function createBrowserBinding({
  cookies,
  random,
}: {
  cookies: Cookies
  random: Random
}): BrowserBinding {
  const read: BrowserBinding['read'] = request => {
    const secret = cookies.read(request, bindingCookie)
    return secret !== undefined && bindingShape.test(secret) ? hashHandle(secret) : undefined
  }

  return {
    read,
    ensure(request) {
      const binding = read(request)
      if (binding) return { binding }
      const secret = Buffer.from(random.bytes(32)).toString('base64url')
      return { binding: hashHandle(secret), cookie: cookies.write(bindingCookie, secret) }
    },
  }
}

/** Browsers in which an account signed in before, so that guesses by strangers elsewhere don't lock the user out. */
export type KnownBrowsers = {
  /**
   * Resolves to the browser if this account has signed in there. Looks up the account only if the browser has the
   * cookie.
   */
  readonly read: (
    request: HttpRequest,
    findAccount: () => Awaitable<string | undefined>,
  ) => Promise<KnownBrowser | undefined>
  /**
   * Returns the cookie that remembers the account, identified as in `KnownAccounts`; undefined if the browser already
   * has it.
   */
  readonly remember: (request: HttpRequest, account: string) => string | undefined
}

const knownCookie = 'tessera_known'
/** More than one, for people who share a browser. */
const mostAccounts = 4
/** `ID.MAC.MAC…`: 128 bits each. */
const knownShape = /^[\w-]{22}(\.[\w-]{22}){1,4}$/

export function createKnownBrowsers({
  derived,
  random,
  cookies,
}: {
  derived: DerivedKeys
  random: Random
  cookies: Cookies
}): KnownBrowsers {
  const macWith = (key: Uint8Array, id: string, account: string): string =>
    createHmac('sha256', key)
      .update(JSON.stringify(['account', id, account]))
      .digest('base64url')
      .slice(0, 22)
  const parse = (request: HttpRequest) => {
    const cookie = cookies.read(request, knownCookie)
    if (cookie === undefined || !knownShape.test(cookie)) return undefined
    const [id = '', ...macs] = cookie.split('.')
    return { id, macs }
  }
  const holds = ({ id, macs }: { id: string; macs: readonly string[] }, account: string): boolean => {
    const expected = derived.accepted('known-browser').map(key => macWith(key, id, account))
    return macs.some(mac => expected.some(one => equalInConstantTime(mac, one)))
  }

  return {
    async read(request, findAccount) {
      const browser = parse(request)
      if (!browser) return undefined
      const account = await findAccount()
      return account !== undefined && holds(browser, account) ? { id: browser.id, account } : undefined
    },
    remember(request, account) {
      const browser = parse(request)
      if (browser && holds(browser, account)) return undefined
      const id = browser?.id ?? newId(random)
      const macs = [macWith(derived.derive('known-browser'), id, account), ...(browser?.macs ?? [])].slice(
        0,
        mostAccounts,
      )
      return cookies.write(knownCookie, [id, ...macs].join('.'), { maxAge: year })
    },
  }
}

/**
 * Browsers that a user asked to remember after a second factor: a cookie with a MAC. It is valid for the time that the
 * policy allows, while the user's factors are unchanged and their access has not ended.
 */
export type RememberedBrowsers = {
  readonly holds: (
    request: HttpRequest,
    user: Remembered,
    factors: Factors,
    policy: MfaPolicy,
  ) => Promise<boolean>
  /** Returns the `Set-Cookie` value that makes the browser remembered. */
  readonly remember: (user: Remembered, factors: Factors, policy: MfaPolicy) => Promise<string>
}

type Remembered = Pick<Subject, 'sub' | 'epoch'>

const rememberedCookie = 'tessera_browser'
const day = 86_400
const rememberedShape = /^(\d{1,12})\.([\w-]{43})$/

export function createRememberedBrowsers({
  derived,
  accessEndings,
  clock,
  cookies,
}: {
  derived: DerivedKeys
  accessEndings: Pick<AccessEndings, 'latest'>
  clock: Clock
  cookies: Cookies
}): RememberedBrowsers {
  const macWith = (
    key: Uint8Array,
    { sub, epoch }: Required<Remembered>,
    since: number,
    factors: Factors,
  ): string =>
    createHmac('sha256', key)
      .update(JSON.stringify([sub, epoch, since, fingerprintOf(factors)]))
      .digest('base64url')

  /** Users who are not stored have no epoch. The latest end of their access is as good. */
  const withEpoch = async ({ sub, epoch }: Remembered): Promise<Required<Remembered>> => ({
    sub,
    epoch: epoch ?? (await accessEndings.latest(sub)) ?? 0,
  })

  return {
    async holds(request, user, factors, { remember_browser_days }) {
      const [, since = '', mac = ''] =
        rememberedShape.exec(cookies.read(request, rememberedCookie) ?? '') ?? []
      // The current policy applies, even if it has since become stricter.
      const lives = Number(since) + remember_browser_days * day > clock.now()
      if (!lives || mac === '') return false
      const known = await withEpoch(user)
      const keys = derived.accepted('remembered-browser')
      return keys.some(key => equalInConstantTime(mac, macWith(key, known, Number(since), factors)))
    },
    async remember(user, factors, { remember_browser_days }) {
      const since = clock.now()
      const known = await withEpoch(user)
      const mac = macWith(derived.derive('remembered-browser'), known, since, factors)
      return cookies.write(rememberedCookie, `${since}.${mac}`, {
        framed: true,
        maxAge: remember_browser_days * day,
      })
    },
  }
}

const languageCookie = 'tessera_language'

/** The language that the user chose on a page. The cookie outlives the session, and is not secret. */
export const chosenLanguage = (cookies: Cookies): ChosenLanguage => ({
  read: request => cookies.read(request, languageCookie),
  write: value => cookies.write(languageCookie, value, { maxAge: year }),
})
