/** Tells users by mail what changed about how they sign in, at an address that is known to be theirs: it may not have been them. */

import type { HttpRequest } from '@tessera/protocol/http'
import type { FindFactors } from '../../identity/factors.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Users } from '../../model/user.ts'
import type { SignInChange, StandingFactors } from '../ui/mails.ts'
import type { LetterTo, SendLetter } from './account-mail.ts'

export type TellOwner = (request: HttpRequest, sub: string, change: SignInChange | 'passwordChanged') => void

export type TellOwnerPorts = {
  readonly users: Pick<Users, 'find'>
  readonly findFactors: FindFactors
  readonly stores: Pick<Stores, 'identityLinks'>
  readonly sendLetter: SendLetter
}

export function createTellOwner({ users, findFactors, stores, sendLetter }: TellOwnerPorts): TellOwner {
  return (request, sub, change) =>
    sendLetter(request, async () => {
      const to = addressOf((await users.find(sub))?.claims)
      if (to === undefined) return undefined
      // Who had the old password may have added other ways in, which a new one does not close.
      const standing = change === 'passwordChanged' ? { standing: await standingOf(sub) } : {}
      return { to, kind: change, path: pathOf(change), ...standing }
    })

  async function standingOf(sub: string): Promise<StandingFactors> {
    const [{ totp, passkey, recoveryCodes }, links] = await Promise.all([
      findFactors(sub),
      stores.identityLinks.ofUser(sub),
    ])
    return {
      ...{ totp: totp.length, passkey: passkey.length },
      ...{ recovery_codes: recoveryCodes, connections: links.length },
    }
  }
}

const addressOf = (claims: Readonly<Record<string, unknown>> = {}): string | undefined =>
  typeof claims.email === 'string' && claims.email_verified === true ? claims.email : undefined

const pathOf = (change: string): LetterTo['path'] =>
  change.startsWith('identity_') ? '/account/connections' : '/account/security'
