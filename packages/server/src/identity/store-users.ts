/** Users in the operator's store, in the form that the rest of the server uses. */

import { HookError } from '../model/hook.ts'
import { identityKey } from '../model/stored-user.ts'
import { isDerivedSub, type User } from '../model/user.ts'
import type { CheckedUserStore, UserStoreUser } from '../model/user-store.ts'

export type StoreUser = {
  readonly user: User
  /** A hash in a format of `readPasswordHash`. */
  readonly password?: string
}

export type StoreUsers = Pick<
  CheckedUserStore,
  'checkPassword' | 'setPassword' | 'upgradePassword' | 'create'
> & {
  readonly find: (sub: string) => Promise<StoreUser | undefined>
  /** Users of another tenant are not found. */
  readonly findByName: (name: string, tenant: string | undefined) => Promise<StoreUser | undefined>
  readonly findByVerifiedEmail: (email: string, tenant: string | undefined) => Promise<StoreUser | undefined>
}

/** Rejects with `HookError` if the store fails or returns another user than the one that was looked up. */
export function createStoreUsers(store: CheckedUserStore): StoreUsers {
  const { findBySub, findByUsername, findByEmail } = store

  return {
    ...store,
    async find(sub) {
      const found = isDerivedSub(sub) ? undefined : await findBySub({ sub })
      if (found && found.sub !== sub)
        throw new HookError(
          'userStore.findBySub',
          'hook_result_invalid',
          'userStore.findBySub.sub is not the sub that was looked up',
        )
      return found && storeUserOf(found)
    },
    async findByName(name, tenant) {
      const found = await findByUsername({ username: name.trim(), ...where(tenant) })
      return found && ofTenant(storeUserOf(found), tenant)
    },
    async findByVerifiedEmail(email, tenant) {
      const found = await findByEmail?.({ email: email.trim(), ...where(tenant) })
      const user = found && ofTenant(storeUserOf(found), tenant)
      // The store may also find an address that is not verified, or one that is written in another way.
      return user && verifiedAddressOf(user.user) === identityKey(email) ? user : undefined
    },
  }
}

/** Returns the user's verified address in the form in which addresses are compared. */
export const verifiedAddressOf = ({ claims: { email, email_verified } }: User): string | undefined =>
  typeof email === 'string' && email_verified === true ? identityKey(email) : undefined

// A hook gets no member without a value.
const where = (tenant: string | undefined) => (tenant === undefined ? {} : { tenant })

const ofTenant = (found: StoreUser, tenant: string | undefined): StoreUser | undefined =>
  found.user.tenant === tenant ? found : undefined

function storeUserOf({
  sub,
  username,
  tenant,
  active = true,
  claims = {},
  password_argon2id,
  password_hash,
}: UserStoreUser): StoreUser {
  const password = password_hash ?? password_argon2id
  return {
    user: {
      sub,
      username,
      ...where(tenant ?? undefined),
      active,
      claims: { preferred_username: username, ...claims },
    },
    ...(typeof password === 'string' && { password }),
  }
}
