/** The account that a sign-in is for, as known browsers are bound to it: exactly, so that no similar name passes for it. */

import { localProvider, type Users } from '../model/user.ts'
import type { Awaitable } from '../runtime/ports.ts'

/** The name that a person typed, and where it is looked up. */
type Named = { readonly idp: string; readonly tenant?: string | undefined; readonly username: string }

export type KnownAccounts = {
  /** The account of this name; undefined where there is none. */
  readonly find: (named: Named) => Awaitable<string | undefined>
  /** The account of a user who has signed in by this name. */
  readonly of: (sub: string, named: Named) => string
}

/**
 * An account that this server knows itself is its `sub`, which is never given to anybody else. An account that is checked
 * elsewhere is not known before its password is right: it is the provider, the tenant and the name exactly as typed.
 */
export function createKnownAccounts({
  users,
  checksElsewhere,
}: {
  readonly users: Pick<Users, 'findNamed'>
  /** Whether a validator checks local passwords. */
  readonly checksElsewhere: boolean
}): KnownAccounts {
  const isOurs = ({ idp }: Named): boolean => idp === localProvider && !checksElsewhere
  const bySub = (sub: string): string => JSON.stringify(['sub', sub])
  const byName = ({ idp, tenant, username }: Named): string =>
    JSON.stringify(['name', idp, tenant ?? null, username])

  return {
    async find(named) {
      if (!isOurs(named)) return byName(named)
      const user = await users.findNamed(named.username, named.tenant)
      return user && bySub(user.sub)
    },
    of: (sub, named) => (isOurs(named) ? bySub(sub) : byName(named)),
  }
}
