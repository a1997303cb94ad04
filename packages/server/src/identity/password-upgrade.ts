/** Replaces an imported hash by argon2id, when its password is known for a moment: after a successful check. */

import { HookError, hookFields } from '../model/hook.ts'
import type { Stores } from '../model/ports/stores.ts'
import type { StoredUser } from '../model/stored-user.ts'
import type { Log } from '../runtime/ports.ts'
import { preparePassword } from './password.ts'
import type { StoreUser, StoreUsers } from './store-users.ts'

/**
 * Resolves when the hash is replaced, or need not or could not be: a failure does not prevent the sign-in, and the next one
 * tries again. If the password has changed meanwhile, or another sign-in has replaced the hash, that hash stays.
 */
type Upgrade<Owner> = (owner: Owner, password: string, from: string) => Promise<void>

export type UpgradePassword = {
  readonly stored: Upgrade<StoredUser>
  /** For a user of the operator's store, if it has `upgradePassword`. */
  readonly outside: Upgrade<StoreUser>
}

type UpgradePorts = {
  readonly stores: Pick<Stores, 'storedUsers'>
  readonly storeUsers?: Pick<StoreUsers, 'upgradePassword'> | undefined
  readonly hashArgon2id: (password: string, from?: string) => Promise<string>
  /** Returns whether a hash needs no replacement. */
  readonly isCurrentHash: (encoded: string) => boolean
  readonly log: Log
}

export function createPasswordUpgrade({
  stores: { storedUsers },
  storeUsers,
  hashArgon2id,
  isCurrentHash,
  log,
}: UpgradePorts): UpgradePassword {
  async function upgrade(
    sub: string,
    {
      encoded,
      password,
      from,
    }: { readonly encoded: string; readonly password: string; readonly from: string },
    replace: (to: string) => Promise<boolean>,
  ): Promise<void> {
    if (isCurrentHash(encoded)) return
    try {
      const replaced = await replace(await hashArgon2id(preparePassword(password), from))
      if (replaced) log.info('password_hash_upgraded', { sub })
    } catch (error) {
      const cause = error instanceof HookError ? hookFields(error) : { cause: String(error) }
      log.warn('password_hash_kept', { sub, ...cause })
    }
  }

  return {
    stored: ({ sub, password: encoded = '' }, password, from) =>
      upgrade(sub, { encoded, password, from }, to => storedUsers.upgradePassword(sub, encoded, to)),
    async outside({ user: { sub, tenant }, password: encoded = '' }, password, from) {
      const replace = storeUsers?.upgradePassword
      if (!replace) return
      const whose = { sub, ...(tenant !== undefined && { tenant }) }
      await upgrade(sub, { encoded, password, from }, to =>
        replace({ ...whose, password_hash: encoded, password_argon2id: to }),
      )
    },
  }
}
