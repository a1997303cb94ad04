/** The users of the configuration, kept in memory. */

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Random } from '../core/runtime.ts'
import type { ConfiguredUser, User, Users } from '../core/user.ts'

/** Checks an encoded argon2id password. */
export type VerifyArgon2id = (encoded: string, password: string) => Promise<boolean>

export type UserPorts = { readonly random: Random; readonly verifyArgon2id: VerifyArgon2id }

/**
 * Passwords written plainly in the configuration are compared by a MAC under a key of this process, in constant time.
 * Where any user has an argon2id password, every check costs one argon2id verification, known name or not.
 */
export function createUsers(
  configured: readonly ConfiguredUser[],
  { random, verifyArgon2id }: UserPorts,
): Users {
  const key = random.bytes(32)
  const mac = (password: string): Buffer => createHmac('sha256', key).update(password).digest()
  const nobody = { mac: Buffer.alloc(32), encoded: undefined }
  // Of the same cost as that of the users who have one; whether it fits is not asked.
  const decoy = configured.map(encodedPassword).find(encoded => encoded !== undefined)

  const bySub = new Map(configured.map(user => [user.sub, withoutPassword(user)]))
  const passwords = new Map(configured.map(user => [user.sub, passwordOf(user, mac)]))
  const byName = new Map(configured.map(user => [nameKey(user.username, user.tenant), user.sub]))

  return {
    find: sub => bySub.get(sub),
    findByVerifiedEmail(email, tenant) {
      const found = [...bySub.values()].filter(
        user => user.tenant === tenant && provenAddress(user) === addressKey(email),
      )
      return found.length === 1 ? found[0] : undefined
    },
    async checkPassword(username, password, tenant) {
      const sub = byName.get(nameKey(username, tenant))
      const known = (sub !== undefined && passwords.get(sub)) || nobody
      const plainFits = timingSafeEqual(mac(password), known.mac)
      const argonFits = decoy !== undefined && (await verifyArgon2id(known.encoded ?? decoy, password))
      const fits = known.encoded === undefined ? plainFits : argonFits
      return sub !== undefined && known !== nobody && fits ? bySub.get(sub) : undefined
    },
  }
}

const nameKey = (username: string, tenant: string | undefined): string =>
  JSON.stringify([tenant ?? null, username])

/** Compared without regard to case, as mail servers do. */
const addressKey = (email: string): string => email.toLowerCase()

const provenAddress = ({ claims: { email, email_verified } }: User): string | undefined =>
  typeof email === 'string' && email_verified === true ? addressKey(email) : undefined

const encodedPassword = ({ password }: ConfiguredUser): string | undefined =>
  password?.kind === 'argon2id' ? password.encoded : undefined

const withoutPassword = ({ password: _, ...user }: ConfiguredUser) => user

function passwordOf(user: ConfiguredUser, mac: (password: string) => Buffer) {
  if (!user.password) return undefined
  if (user.password.kind === 'plain') return { mac: mac(user.password.value), encoded: undefined }
  return { mac: Buffer.alloc(32), encoded: user.password.encoded }
}
