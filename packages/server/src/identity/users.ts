/** Local users: configured users, in memory, and stored users. */

import { createHmac } from 'node:crypto'
import type { Stores } from '../model/ports/stores.ts'
import { identityKey, type StoredUser } from '../model/stored-user.ts'
import type { ConfiguredUser, User, Users } from '../model/user.ts'
import type { VerifyArgon2id } from '../runtime/argon2id.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'
import type { Awaitable, Random } from '../runtime/ports.ts'
import { decoyPassword, formsOf, preparePassword } from './password.ts'

type UserPorts = {
  readonly stores: Pick<Stores, 'storedUsers'>
  readonly random: Random
  readonly verifyArgon2id: VerifyArgon2id
  /** Returns whether the most recently applied configuration, possibly at another node, disabled the user. */
  readonly isDisabled: (sub: string) => boolean
}

/**
 * Finds configured and stored users by name (see `identityKey`), configured users first, or else by a verified address that
 * exactly one user has. Passwords are compared in NFKC, and also as typed, for imported hashes.
 *
 * If any user has an argon2id password, every check costs one argon2id verification per form of the password, whether or
 * not the name exists. Plain passwords of the configuration are compared as MACs in constant time, under a key of this
 * process.
 */
export function createUsers(
  configured: readonly ConfiguredUser[],
  { stores: { storedUsers }, random, verifyArgon2id, isDisabled }: UserPorts,
): Users {
  const key = random.bytes(32)
  const mac = (password: string): Buffer =>
    createHmac('sha256', key).update(preparePassword(password)).digest()
  const nobody = { mac: Buffer.alloc(32), encoded: undefined }
  // Verified for unknown names at the same cost. The result is ignored.
  const decoy = configured.map(encodedPassword).find(encoded => encoded !== undefined)

  const bySub = new Map(configured.map(user => [user.sub, visibleUser(user)]))
  const passwords = new Map(configured.map(user => [user.sub, passwordOf(user, mac)]))
  const byName = new Map(configured.map(user => [placeOf(identityKey(user.username), user.tenant), user.sub]))
  const byAddress = Map.groupBy(
    configured.filter(user => provenAddress(user) !== undefined),
    user => placeOf(provenAddress(user) ?? '', user.tenant),
  )

  const configuredOf = (sub: string): User | undefined => {
    const user = bySub.get(sub)
    return user && isDisabled(sub) ? { ...user, active: false } : user
  }

  /** Does the same reads for known and unknown names. Looks up addresses only for text that could be one. */
  async function named(typed: string, tenant: string | undefined): Promise<Named> {
    const name = identityKey(typed)
    const mayBeAddress = name.includes('@')
    const [storedByName, storedByAddress] = await Promise.all([
      storedUsers.findByName(name, tenant),
      mayBeAddress ? storedUsers.findByVerifiedEmail(name, tenant) : undefined,
    ])
    const sub = byName.get(placeOf(name, tenant))
    if (sub !== undefined) return { sub }
    if (storedByName) return { sub: storedByName.sub, stored: storedByName }
    const owners = mayBeAddress ? (byAddress.get(placeOf(name, tenant)) ?? []) : []
    if (owners.length + (storedByAddress ? 1 : 0) !== 1) return {}
    return storedByAddress ? { sub: storedByAddress.sub, stored: storedByAddress } : { sub: owners[0]?.sub }
  }

  /** Verifies the forms one after another, so that a sign-in has only one place in the queue. */
  async function argonFits(encoded: string, password: string, from: string): Promise<boolean> {
    for (const form of formsOf(password)) if (await verifyArgon2id(encoded, form, from)) return true
    return false
  }

  return {
    find: sub => configuredOf(sub) ?? once(storedUsers.find(sub), userOf),
    async findByVerifiedEmail(email, tenant) {
      const address = identityKey(email)
      const found = byAddress.get(placeOf(address, tenant)) ?? []
      const stored = userOf(await storedUsers.findByVerifiedEmail(address, tenant))
      if (stored) return found.length === 0 ? stored : undefined
      const [only] = found
      return only && found.length === 1 ? configuredOf(only.sub) : undefined
    },
    async checkPassword(username, password, tenant, from) {
      const { sub, stored } = await named(username, tenant)
      const known = (sub !== undefined && passwords.get(sub)) || nobody
      const encoded = known.encoded ?? stored?.password ?? ((await storedUsers.any()) ? decoyPassword : decoy)
      const plainFits = equalInConstantTime(mac(password), known.mac)
      const hashFits = encoded !== undefined && (await argonFits(encoded, password, from))
      if (stored) return stored.password !== undefined && hashFits ? userOf(stored) : undefined
      const fits = known.encoded === undefined ? plainFits : hashFits
      return sub !== undefined && known !== nobody && fits ? configuredOf(sub) : undefined
    },
    async findNamed(username, tenant) {
      const { sub, stored } = await named(username, tenant)
      return stored ? userOf(stored) : sub === undefined ? undefined : configuredOf(sub)
    },
    async isNameTaken(name, tenant, except) {
      const place = placeOf(identityKey(name), tenant)
      const others = [byName.get(place), ...(byAddress.get(place) ?? []).map(({ sub }) => sub)]
      const found = [
        await storedUsers.findByName(identityKey(name), tenant),
        await storedUsers.findByVerifiedEmail(identityKey(name), tenant),
      ]
      return [...others, ...found.map(user => user?.sub)].some(sub => sub !== undefined && sub !== except)
    },
  }
}

/** The user with a typed name or address; empty if there is none, or if several have the address. */
type Named = { readonly sub?: string | undefined; readonly stored?: StoredUser }

/** Converts a stored user to the form that the rest of the server uses. */
function userOf(stored: StoredUser): User
function userOf(stored: StoredUser | undefined): User | undefined
function userOf(stored: StoredUser | undefined): User | undefined {
  if (!stored) return undefined
  const { sub, epoch, username, tenant, email, email_verified_at, claims, created_at, disabled_at } = stored
  return {
    sub,
    epoch,
    username,
    tenant,
    active: disabled_at === undefined,
    claims: {
      preferred_username: username,
      updated_at: created_at,
      ...claims,
      ...(email !== undefined && { email, email_verified: email_verified_at !== undefined }),
    },
  }
}

/** Applies `use` synchronously if the value is not a promise. */
const once = <Found, Answer>(found: Awaitable<Found>, use: (found: Found) => Answer): Awaitable<Answer> =>
  found instanceof Promise ? found.then(use) : use(found)

const placeOf = (key: string, tenant: string | undefined): string => JSON.stringify([tenant ?? null, key])

const provenAddress = ({ claims: { email, email_verified } }: User): string | undefined =>
  typeof email === 'string' && email_verified === true ? identityKey(email) : undefined

const encodedPassword = ({ password }: ConfiguredUser): string | undefined =>
  password?.kind === 'argon2id' ? password.encoded : undefined

/** Returns a configured user in the same form as a stored one. */
const visibleUser = ({ password: _, ...user }: ConfiguredUser): User => ({
  ...user,
  claims: { preferred_username: user.username, ...user.claims },
})

function passwordOf(user: ConfiguredUser, mac: (password: string) => Buffer) {
  if (!user.password) return undefined
  if (user.password.kind === 'plain') return { mac: mac(user.password.value), encoded: undefined }
  return { mac: Buffer.alloc(32), encoded: user.password.encoded }
}
