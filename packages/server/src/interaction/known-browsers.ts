/** Browsers that a user signed in with before, told by a cookie: what strangers guess elsewhere does not keep their user out. */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { HttpRequest } from '@tessera/protocol/http'
import { newId } from '../core/handle.ts'
import type { DerivedKeys } from '../core/keys.ts'
import type { Random } from '../core/runtime.ts'
import type { Cookies } from './cookies.ts'

export type KnownBrowsers = {
  /** The browser's id, if this name was signed in with at it. */
  readonly read: (request: HttpRequest, name: string) => string | undefined
  /** The cookie that remembers it; undefined where it does already. */
  readonly remember: (request: HttpRequest, name: string) => string | undefined
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
  const macOf = (id: string, name: string): string =>
    createHmac('sha256', key)
      .update(JSON.stringify([id, name]))
      .digest('base64url')
      .slice(0, 22)
  const parse = (request: HttpRequest) => {
    const cookie = cookies.read(request, cookieName)
    if (cookie === undefined || !wellFormed.test(cookie)) return undefined
    const [id = '', ...macs] = cookie.split('.')
    return { id, macs }
  }
  const holds = ({ id, macs }: { id: string; macs: readonly string[] }, name: string): boolean => {
    const expected = Buffer.from(macOf(id, name))
    return macs.some(mac => timingSafeEqual(Buffer.from(mac), expected))
  }

  return {
    read(request, name) {
      const browser = parse(request)
      return browser && holds(browser, name) ? browser.id : undefined
    },
    remember(request, name) {
      const browser = parse(request)
      if (browser && holds(browser, name)) return undefined
      const id = browser?.id ?? newId(random)
      const macs = [macOf(id, name), ...(browser?.macs ?? [])].slice(0, most)
      return cookies.write(cookieName, [id, ...macs].join('.'), { maxAge: lifetime })
    },
  }
}
