/** The users that this server knows itself: those of the configuration, kept in memory, then those of the store. */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Awaitable, Random } from '../core/runtime.ts'
import { identityKey, type StoredUser } from '../core/stored-user.ts'
import type { Stores } from '../core/stores.ts'
import type { ConfiguredUser, User, Users } from '../core/user.ts'
import { decoyPassword, preparePassword } from './password.ts'

/** Checks an encoded argon2id password. */
export type VerifyArgon2id = (encoded: string, password: string, from: string) => Promise<boolean>

export type UserPorts = {
  readonly stores: Pick<Stores, 'storedUsers'>
  readonly random: Random
  readonly verifyArgon2id: VerifyArgon2id
  /** Whether a node with another configuration took them out. */
  readonly hasFallen: (sub: string) => boolean
}

/**
 * Passwords written plainly in the configuration are compared by a MAC under a key of this process, in constant time.
 * Where any user has an argon2id password, every check costs one argon2id verification, known name or not.
 */
export function createUsers(
  configured: readonly ConfiguredUser[],
  { stores: { storedUsers }, random, verifyArgon2id, hasFallen }: UserPorts,
): Users {
  const key = random.bytes(32)
  const mac = (password: string): Buffer => createHmac('sha256', key).update(password).digest()
  const nobody = { mac: Buffer.alloc(32), encoded: undefined }
  // Of the same cost as that of the users who have one; whether it fits is not asked.
  const decoy = configured.map(encodedPassword).find(encoded => encoded !== undefined)

  const bySub = new Map(configured.map(user => [user.sub, withoutPassword(user)]))
  const passwords = new Map(configured.map(user => [user.sub, passwordOf(user, mac)]))
  const byName = new Map(configured.map(user => [nameKey(user.username, user.tenant), user.sub]))

  const configuredOf = (sub: string): User | undefined => {
    const user = bySub.get(sub)
    return user && hasFallen(sub) ? { ...user, active: false } : user
  }

  return {
    find: sub => configuredOf(sub) ?? once(storedUsers.find(sub), userOf),
    async findByVerifiedEmail(email, tenant) {
      const found: readonly User[] = [...bySub.values()].filter(
        user => user.tenant === tenant && provenAddress(user) === identityKey(email),
      )
      const stored = userOf(await storedUsers.findByVerifiedEmail(identityKey(email), tenant))
      if (stored) return found.length === 0 ? stored : undefined
      const [only] = found
      return only && found.length === 1 ? configuredOf(only.sub) : undefined
    },
    async checkPassword(username, password, tenant, from) {
      const sub = byName.get(nameKey(username, tenant))
      const known = (sub !== undefined && passwords.get(sub)) || nobody
      const named = await storedUsers.findByName(identityKey(username), tenant)
      const stored = sub === undefined ? named : undefined
      const encoded = known.encoded ?? stored?.password ?? ((await storedUsers.any()) ? decoyPassword : decoy)
      const plainFits = timingSafeEqual(mac(password), known.mac)
      const typed = stored ? preparePassword(password) : password
      const argonFits = encoded !== undefined && (await verifyArgon2id(encoded, typed, from))
      if (stored) return stored.password !== undefined && argonFits ? userOf(stored) : undefined
      const fits = known.encoded === undefined ? plainFits : argonFits
      return sub !== undefined && known !== nobody && fits ? configuredOf(sub) : undefined
    },
    findSub: (username, tenant) =>
      byName.get(nameKey(username, tenant)) ??
      once(storedUsers.findByName(identityKey(username), tenant), stored => stored?.sub),
    async isNameTaken(name, tenant, except) {
      const key = identityKey(name)
      const others = configured.filter(user => user.tenant === tenant && user.sub !== except)
      if (others.some(user => identityKey(user.username) === key || provenAddress(user) === key)) return true
      const found = [
        await storedUsers.findByName(key, tenant),
        await storedUsers.findByVerifiedEmail(key, tenant),
      ]
      return found.some(user => user !== undefined && user.sub !== except)
    },
  }
}

/** What the rest of the server sees of a stored user. */
export function userOf(stored: StoredUser): User
export function userOf(stored: StoredUser | undefined): User | undefined
export function userOf(stored: StoredUser | undefined): User | undefined {
  if (!stored) return undefined
  const { sub, epoch, username, tenant, email, email_verified_at, claims, disabled_at } = stored
  return {
    sub,
    epoch,
    username,
    ...(tenant !== undefined && { tenant }),
    active: disabled_at === undefined,
    claims: {
      preferred_username: username,
      ...claims,
      ...(email !== undefined && { email, email_verified: email_verified_at !== undefined }),
    },
  }
}

/** Answers at once where the store does. */
const once = <Found, Answer>(found: Awaitable<Found>, use: (found: Found) => Answer): Awaitable<Answer> =>
  found instanceof Promise ? found.then(use) : use(found)

const nameKey = (username: string, tenant: string | undefined): string =>
  JSON.stringify([tenant ?? null, username])

const provenAddress = ({ claims: { email, email_verified } }: User): string | undefined =>
  typeof email === 'string' && email_verified === true ? identityKey(email) : undefined

const encodedPassword = ({ password }: ConfiguredUser): string | undefined =>
  password?.kind === 'argon2id' ? password.encoded : undefined

const withoutPassword = ({ password: _, ...user }: ConfiguredUser) => user

function passwordOf(user: ConfiguredUser, mac: (password: string) => Buffer) {
  if (!user.password) return undefined
  if (user.password.kind === 'plain') return { mac: mac(user.password.value), encoded: undefined }
  return { mac: Buffer.alloc(32), encoded: user.password.encoded }
}
