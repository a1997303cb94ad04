/** Authenticator apps of ASP.NET Core Identity: `TwoFactorEnabled`, and the key among `AspNetUserTokens`. */

import type { Target } from '../draft.ts'
import type { Source } from '../source.ts'
import { anyOf, elementsOf, ignoreChildMembers } from './rows.ts'

/** The names under which ASP.NET Core Identity itself stores values for a user. */
const ownProvider = '[AspNetUserStore]'

/** The keys have the parameters that are usual for apps: SHA-1, six digits and 30 seconds. */
export function readSecondFactor(source: Source, user: Target): void {
  const twoFactor = source.member('TwoFactorEnabled')
  const isEnabled = twoFactor.exists && twoFactor.flag() !== false
  for (const row of elementsOf(anyOf(source, 'Tokens', 'AspNetUserTokens'))) {
    const [provider, name] = [row.member('LoginProvider'), row.member('Name')]
    if (provider.text() !== ownProvider) row.notPossible('tokens of providers are not imported')
    else if (name.text() !== 'AuthenticatorKey')
      row.notPossible('recovery codes are created again at the next sign-in')
    else if (isEnabled) readKey(row, user)
    else row.notNeeded('the user did not finish setting up the app')
  }
  if (!isEnabled) twoFactor.notNeeded('the user has no second factor')
  else if (user.value.totp_secret !== undefined) twoFactor.carriedOver(user.at('totp_secret'))
  else
    twoFactor.notPossible(
      'there is no key of an app, and codes by SMS or email are not supported: with mfa "required", the user enrolls at the next sign-in',
    )
}

function readKey(row: Source, user: Target): void {
  ignoreChildMembers(row)
  const [provider, name, value] = [row.member('LoginProvider'), row.member('Name'), row.member('Value')]
  const secret = value.text()?.toUpperCase().replaceAll(/[\s=]/g, '')
  if (secret === undefined) return
  for (const member of [provider, name, value]) member.carriedOver(user.at('totp_secret'))
  user.set('totp_secret', secret)
}
