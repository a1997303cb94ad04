/** A browser that a user let be remembered: a MAC-ed cookie, good for as long as the policy says, the user's factors stay as they are and their access is not ended. */

import { createHmac } from 'node:crypto'
import type { HttpRequest } from '@tessera/protocol/http'
import { type Factors, fingerprintOf } from '../../identity/factors.ts'
import type { DerivedKeys } from '../../model/keys.ts'
import type { MfaPolicy } from '../../model/mfa.ts'
import type { Subject } from '../../model/user.ts'
import { equalInConstantTime } from '../../runtime/constant-time.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { Cookies } from './cookies.ts'

export type RememberedBrowsers = {
  readonly holds: (request: HttpRequest, user: Remembered, factors: Factors, policy: MfaPolicy) => boolean
  /** The `Set-Cookie` value that lets it be remembered from now on. */
  readonly remember: (user: Remembered, factors: Factors, policy: MfaPolicy) => string
}

type Remembered = Pick<Subject, 'sub' | 'epoch'>

const cookieName = 'tessera_browser'
const day = 86_400
const wellFormed = /^(\d{1,12})\.([\w-]{43})$/

export function createRememberedBrowsers({
  derived,
  clock,
  cookies,
}: {
  derived: DerivedKeys
  clock: Clock
  cookies: Cookies
}): RememberedBrowsers {
  const key = derived.derive('remembered-browser')
  const macOf = ({ sub, epoch = 0 }: Remembered, since: number, factors: Factors): string =>
    createHmac('sha256', key)
      .update(JSON.stringify([sub, epoch, since, fingerprintOf(factors)]))
      .digest('base64url')

  return {
    holds(request, user, factors, { remember_browser_days }) {
      const [, since = '', mac = ''] = wellFormed.exec(cookies.read(request, cookieName) ?? '') ?? []
      // A policy that was tightened since counts.
      const lives = Number(since) + remember_browser_days * day > clock.now()
      return lives && equalInConstantTime(mac, macOf(user, Number(since), factors))
    },
    remember(user, factors, { remember_browser_days }) {
      const since = clock.now()
      return cookies.write(cookieName, `${since}.${macOf(user, since, factors)}`, {
        framed: true,
        maxAge: remember_browser_days * day,
      })
    },
  }
}
