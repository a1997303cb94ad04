/**
 * Notifies users by mail of changes to how they sign in. The mail is sent only to the verified address, because someone
 * else may have made the change.
 */

import type { HttpRequest } from '@tessera/protocol/http'
import type { CountNotification } from '../../identity/attempt-limits.ts'
import type { Forgive } from '../../identity/attempts.ts'
import type { NotifiedChange } from '../../identity/counted-keys.ts'
import type { FindFactors } from '../../identity/factors.ts'
import type { Stores } from '../../model/ports/stores.ts'
import type { Users } from '../../model/user.ts'
import type { ActiveFactors } from '../ui/mails.ts'
import type { AccountMail, SendAccountMail } from './account-mail.ts'

export type NotifyOwner = (request: HttpRequest, sub: string, change: NotifiedChange) => void

type NotifyOwnerPorts = {
  readonly users: Pick<Users, 'find'>
  readonly findFactors: FindFactors
  readonly stores: Pick<Stores, 'identityLinks'>
  readonly countNotification: CountNotification
  readonly sendAccountMail: SendAccountMail
}

export function createNotifyOwner({
  users,
  findFactors,
  stores,
  countNotification,
  sendAccountMail,
}: NotifyOwnerPorts): NotifyOwner {
  return (request, sub, change) => {
    let forgive: Forgive | undefined
    const prepare = async (): Promise<AccountMail | undefined> => {
      const to = verifiedAddress((await users.find(sub))?.claims)
      if (to === undefined) return undefined
      forgive = await countNotification(change, to)
      if (!forgive) return undefined
      // Someone who knew the old password may have added other factors, which a new password does not remove.
      const activeFactors = change === 'passwordChanged' ? await activeFactorsOf(sub) : undefined
      return { to, sub, kind: change, path: pathOf(change), activeFactors }
    }
    sendAccountMail(request, prepare, async () => forgive?.())
  }

  async function activeFactorsOf(sub: string): Promise<ActiveFactors> {
    const [factors, links] = await Promise.all([findFactors(sub), stores.identityLinks.ofUser(sub)])
    return {
      totp: factors.totp.length,
      passkey: factors.passkey.length,
      recovery_codes: factors.recoveryCodes,
      connections: links.length,
    }
  }
}

const verifiedAddress = (claims: Readonly<Record<string, unknown>> = {}): string | undefined =>
  typeof claims.email === 'string' && claims.email_verified === true ? claims.email : undefined

const pathOf = (change: string): AccountMail['path'] =>
  change.startsWith('identity_') ? '/account/connections' : '/account/security'
