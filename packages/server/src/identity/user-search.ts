/** Finds users of every kind for operators, by `sub`, name or email address. */

import type { Stores } from '../model/ports/stores.ts'
import { identityKey, type StoredUser } from '../model/stored-user.ts'
import type { ConfiguredUser, User, Users } from '../model/user.ts'
import type { StoreUsers } from './store-users.ts'

/** `store`: stored by this server; `user_store`: the operator's own store. */
export type FoundUser = Pick<User, 'sub' | 'username' | 'tenant' | 'active'> & {
  readonly origin: 'configuration' | 'store' | 'user_store'
  readonly email?: string
  /** Whether the address is verified; omitted without an address. */
  readonly email_verified?: boolean
}

type SearchPorts = {
  readonly configured: readonly ConfiguredUser[]
  readonly tenants: ReadonlySet<string>
  readonly users: Pick<Users, 'find'>
  readonly storeUsers?: StoreUsers | undefined
  readonly storedUsers: Pick<Stores['storedUsers'], 'find' | 'findByName' | 'findByVerifiedEmail' | 'list'>
}

/** As many rows are read at a time in a search for an unverified address. */
const page = 500

/**
 * Returns a function that returns the users whose `sub`, name or address is this text, in all tenants that share the
 * issuer. Names and addresses are compared as at sign-in. Several users may have one address while it is unverified:
 * finding them reads all stored users.
 */
export function createUserSearch({
  configured,
  tenants,
  users,
  storeUsers,
  storedUsers,
}: SearchPorts): (text: string) => Promise<readonly FoundUser[]> {
  const everywhere: readonly (string | undefined)[] = [undefined, ...tenants]

  const searchConfigured = async (text: string, key: string): Promise<readonly FoundUser[]> => {
    const found = configured.filter(
      ({ sub, username, claims }) =>
        sub === text || identityKey(username) === key || keyOf(claims.email) === key,
    )
    const current = await Promise.all(found.map(({ sub }) => users.find(sub)))
    return current.flatMap(user => (user ? [fromClaims(user, 'configuration')] : []))
  }

  const searchStored = async (text: string, key: string): Promise<readonly FoundUser[]> => {
    const exact = await Promise.all([
      storedUsers.find(text),
      ...everywhere.flatMap(tenant => [
        storedUsers.findByName(key, tenant),
        storedUsers.findByVerifiedEmail(key, tenant),
      ]),
    ])
    const found = exact.filter(user => user !== undefined)
    if (found.length > 0 || !key.includes('@')) return unique(found.map(fromRow))
    const unverified: FoundUser[] = []
    for (let after: string | undefined, more = true; more; ) {
      const rows = await storedUsers.list({ limit: page, after })
      unverified.push(...rows.filter(({ email_key }) => email_key === key).map(fromRow))
      after = rows.at(-1)?.sub
      more = rows.length > 0
    }
    return unverified
  }

  const searchOutside = async (text: string): Promise<readonly FoundUser[]> => {
    if (!storeUsers) return []
    const found = await Promise.all([
      storeUsers.find(text),
      ...everywhere.flatMap(tenant => [
        storeUsers.findByName(text, tenant),
        storeUsers.findByVerifiedEmail(text, tenant),
      ]),
    ])
    return unique(found.flatMap(one => (one ? [fromClaims(one.user, 'user_store')] : [])))
  }

  return async text => {
    const key = identityKey(text)
    const found = [
      await searchConfigured(text, key),
      await searchStored(text, key),
      await searchOutside(text),
    ]
    return found.flat()
  }
}

const keyOf = (email: unknown): string | undefined =>
  typeof email === 'string' ? identityKey(email) : undefined

function fromClaims({ sub, username, tenant, active, claims }: User, origin: FoundUser['origin']): FoundUser {
  const { email, email_verified } = claims
  return {
    sub,
    origin,
    username,
    ...(tenant !== undefined && { tenant }),
    active,
    ...(typeof email === 'string' && { email, email_verified: email_verified === true }),
  }
}

const fromRow = (row: StoredUser): FoundUser => ({
  sub: row.sub,
  origin: 'store',
  username: row.username,
  ...(row.tenant !== undefined && { tenant: row.tenant }),
  active: row.disabled_at === undefined,
  ...(row.email !== undefined && {
    email: row.email,
    email_verified: row.email_verified_at !== undefined,
  }),
})

/** Returns one user for each `sub`. */
const unique = (found: readonly FoundUser[]): readonly FoundUser[] => [
  ...new Map(found.map(user => [user.sub, user])).values(),
]
