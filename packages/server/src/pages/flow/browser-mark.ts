/** A random cookie that tells one browser from another, so that what was begun in one can't be finished in another (RFC 9700 §4.7). */

import type { HttpRequest } from '@tessera/protocol/http'
import { hashHandle } from '../../model/handle.ts'
import type { Random, TokenHash } from '../../runtime/ports.ts'
import type { Cookies } from './cookies.ts'

export type BrowserMark = {
  /** The browser's mark; undefined where it brought none. */
  readonly read: (request: HttpRequest) => TokenHash | undefined
  /** The browser's mark, and the cookie to set where it has none yet. */
  readonly ensure: (request: HttpRequest) => { readonly mark: TokenHash; readonly cookie?: string }
}

const cookieName = 'tessera_mark'
const wellFormed = /^[\w-]{43}$/

export function createBrowserMark({ cookies, random }: { cookies: Cookies; random: Random }): BrowserMark {
  const read: BrowserMark['read'] = request => {
    const secret = cookies.read(request, cookieName)
    return secret !== undefined && wellFormed.test(secret) ? hashHandle(secret) : undefined
  }

  return {
    read,
    ensure(request) {
      const mark = read(request)
      if (mark) return { mark }
      const secret = Buffer.from(random.bytes(32)).toString('base64url')
      return { mark: hashHandle(secret), cookie: cookies.write(cookieName, secret) }
    },
  }
}
