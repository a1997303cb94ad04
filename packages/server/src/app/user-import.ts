/** Adds the users of another server to the store of an issuer, while a server may be running. */

import type { Configuration } from '../configuration/configuration.ts'
import { administerUsers } from '../identity/user-administration.ts'
import type { MigratedUser } from '../migration/user.ts'
import { identityKey } from '../model/stored-user.ts'
import { openIssuer } from './administration.ts'
import { createServices } from './services.ts'

/** `same`: the store has this user already. `conflict`: another user has the `sub`, name or address, or it is refused. */
type UserOutcome =
  | { readonly outcome: 'added' | 'same' }
  | { readonly outcome: 'conflict'; readonly problem: string }

type UserImport = {
  /** Returns what `add` would do. */
  readonly look: (user: MigratedUser) => Promise<UserOutcome>
  /** Adds the user, unless the store has the `sub`. Existing users are never changed, so it can be repeated. */
  readonly add: (user: MigratedUser) => Promise<UserOutcome>
  readonly close: () => Promise<void>
}

const conflict = (problem: string): UserOutcome => ({ outcome: 'conflict', problem })

export async function openUserImport(server: Configuration, issuer: Configuration): Promise<UserImport> {
  const context = await openIssuer(server, issuer)
  const services = createServices(issuer, context)
  const { accounts } = services.accounts
  const { users } = services.signIn
  const administration = administerUsers(accounts, context.stores.storedUsers)

  async function find({ sub, username }: MigratedUser): Promise<UserOutcome | undefined> {
    const known = await accounts.find(sub)
    if (!known) return (await users.find(sub)) && conflict('sub_taken')
    return known.username_key === identityKey(username) ? { outcome: 'same' } : conflict('sub_taken')
  }

  return {
    async look(user) {
      const known = await find(user)
      if (known) return known
      const { username, email, email_verified } = user
      if (await users.isNameTaken(username, undefined)) return conflict('username_taken')
      const takesAddress = email !== undefined && email_verified === true
      return takesAddress && (await users.isNameTaken(email, undefined))
        ? conflict('account_taken')
        : { outcome: 'added' }
    },
    async add(user) {
      const known = await find(user)
      if (known) return known
      const { email_verified, password_hash, ...account } = user
      const added = await administration.add({
        ...account,
        ...(email_verified !== undefined && { emailVerified: email_verified }),
        ...(password_hash !== undefined && { passwordHash: password_hash }),
      })
      return added.ok ? { outcome: 'added' } : conflict(added.problem)
    },
    close: context.close,
  }
}
