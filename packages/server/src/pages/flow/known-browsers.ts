/** Browsers at which an account signed in before, recognized by a cookie: guesses that strangers make elsewhere do not keep its user out. */

import { createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import type { KnownBrowser } from '../../identity/password-guesses.ts'
import { newId } from '../../model/handle.ts'
import type { DerivedKeys } from '../../model/keys.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import type { Awaitable, Random } from '../../runtime/ports.ts'
import type { Cookies } from './cookies.ts'

export type KnownBrowsers = {
  /** Returns the browser if this account signed in there. Looks the account up only where the browser carries a cookie. */
  readonly read: (
    request: HttpRequest,
    findAccount: () => Awaitable<string | undefined>,
  ) => Promise<KnownBrowser | undefined>
  /** Returns the cookie that remembers the account, as `KnownAccounts` names it; undefined where the browser carries it. */
  readonly remember: (request: HttpRequest, account: string) => string | undefined
}

const cookieName = 'tessera_known'
const lifetime: Seconds = 31_536_000
/** People who share a browser. */
const most = 4
/** `ID.MAC.MAC…`: 128 bits each. */
const wellFormed = /^[\w-]{22}(\.[\w-]{22}){1,4}$/

export function createKnownBrowsers({
  derived,
  random,
  cookies,
}: {
  derived: DerivedKeys
  random: Random
  cookies: Cookies
}): KnownBrowsers {
  const key = derived.derive('known-browser')
  const macOf = (id: string, account: string): string =>
    createHmac('sha256', key)
      .update(JSON.stringify(['account', id, account]))
      .digest('base64url')
      .slice(0, 22)
  const parse = (request: HttpRequest) => {
    const cookie = cookies.read(request, cookieName)
    if (cookie === undefined || !wellFormed.test(cookie)) return undefined
    const [id = '', ...macs] = cookie.split('.')
    return { id, macs }
  }
  const holds = ({ id, macs }: { id: string; macs: readonly string[] }, account: string): boolean => {
    const expected = macOf(id, account)
    return macs.some(mac => equalInConstantTime(mac, expected))
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
      const macs = [macOf(id, account), ...(browser?.macs ?? [])].slice(0, most)
      return cookies.write(cookieName, [id, ...macs].join('.'), { maxAge: lifetime })
    },
  }
}
