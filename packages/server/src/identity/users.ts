/** Local users: configured users, in memory; users in the operator's store; and stored users. */

import { createHmac } from 'node:crypto'
import { HookError } from '../model/hook.ts'
import type { Stores } from '../model/ports/stores.ts'
import { identityKey, type StoredUser } from '../model/stored-user.ts'
import type { ConfiguredUser, User, Users } from '../model/user.ts'
import { recordClaimsOf } from '../model/user-claims.ts'
import type { VerifyPasswordHash } from '../runtime/argon2id.ts'
import { applied, lazily } from '../runtime/async/promises.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'
import { decoyHash as usualDecoyHash } from '../runtime/password-hash/argon2.ts'
import { passwordHashError } from '../runtime/password-hash/read.ts'
import type { Log, Random } from '../runtime/ports.ts'
import { visibleStored } from './configured-subs.ts'
import { isAnother } from './hidden-users.ts'
import { formsOf, preparePassword } from './password.ts'
import { createPasswordCheck } from './password-check.ts'
import type { UpgradePassword } from './password-upgrade.ts'
import { type StoreUser, type StoreUsers, verifiedAddressOf } from './store-users.ts'

type UserPorts = {
  readonly stores: Pick<Stores, 'storedUsers'>
  /** The operator's store. */
  readonly storeUsers?: StoreUsers | undefined
  readonly random: Random
  readonly verifyPasswordHash: VerifyPasswordHash
  /** A hash at the cost of new ones, which matches no password. */
  readonly decoyHash?: string
  readonly upgradePassword: UpgradePassword
  readonly log: Pick<Log, 'warn'>
  /** Returns whether the most recently applied configuration, possibly at another node, disabled the user. */
  readonly isDisabled: (sub: string) => boolean
}

/**
 * Finds users by name (see `identityKey`): those of the configuration, then those of the operator's store, then stored
 * ones; or else by a verified address that exactly one user has. A stored user whose `sub` the configuration has is not
 * found: two people would sign in as one user. Passwords are compared in NFKC, and also as typed, for imported hashes.
 *
 * If any user has an argon2id password, every check costs one argon2id verification per form of the password, whether or
 * not the name exists; `createPasswordCheck` adds the cost of imported hashes. The operator's `checkPassword` is called with every check too. If the operator's store is unavailable,
 * the users of the configuration can still sign in. Plain passwords of the configuration are compared as MACs in constant time, under a key of this
 * process.
 */
export function createUsers(
  configured: readonly ConfiguredUser[],
  {
    stores: { storedUsers },
    storeUsers,
    random,
    verifyPasswordHash,
    decoyHash = usualDecoyHash(),
    upgradePassword,
    log,
    isDisabled,
  }: UserPorts,
): Users {
  const key = random.bytes(32)
  const mac = (password: string): Buffer =>
    createHmac('sha256', key).update(preparePassword(password)).digest()
  const nobody = { mac: Buffer.alloc(32), encoded: undefined }
  const { check: checkHash, learn } = createPasswordCheck(verifyPasswordHash, decoyHash)
  const configuredHashes = configured.map(encodedPassword)
  learn(configuredHashes)
  // Verified for unknown names at the same cost. The result is ignored.
  const decoy = configuredHashes.find(encoded => encoded?.startsWith('$argon2id$'))
  // The users of an import are similar, so a few of them show what their hashes cost.
  const learnStored = lazily(async () => {
    learn((await storedUsers.list({ limit: mostSamples })).map(({ password }) => password))
  })

  const storeHasHashes = storeUsers !== undefined && storeUsers.checkPassword === undefined

  const bySub = new Map(configured.map(user => [user.sub, visibleUser(user)]))
  const passwords = new Map(configured.map(user => [user.sub, passwordOf(user, mac)]))
  const byName = new Map(configured.map(user => [placeOf(identityKey(user.username), user.tenant), user.sub]))
  const byAddress = Map.groupBy(
    configured.filter(user => verifiedAddressOf(user) !== undefined),
    user => placeOf(verifiedAddressOf(user) ?? '', user.tenant),
  )

  const configuredOf = (sub: string): User | undefined => {
    const user = bySub.get(sub)
    return user && isDisabled(sub) ? { ...user, active: false } : user
  }

  /** Does the same reads for known and unknown names. Looks up addresses only for text that could be one. */
  async function named(typed: string, tenant: string | undefined): Promise<Named> {
    const name = identityKey(typed)
    const mayBeAddress = name.includes('@')
    const [storedByName, storedByAddress, outside] = await Promise.all([
      storedUsers.findByName(name, tenant),
      mayBeAddress ? storedUsers.findByVerifiedEmail(name, tenant) : undefined,
      settled(outsideNamed(typed, tenant, mayBeAddress)),
    ])
    const sub = byName.get(placeOf(name, tenant))
    if (sub !== undefined) return { sub }
    const [outsideByName, outsideByAddress] = await outside()
    if (outsideByName) return { sub: outsideByName.user.sub, outside: outsideByName }
    if (storedByName)
      return visibleStored(storedByName, bySub) ? storedOf(storedByName) : { hidden: storedByName }
    const owners = mayBeAddress ? (byAddress.get(placeOf(name, tenant)) ?? []) : []
    const visible = visibleStored(storedByAddress, bySub)
    if (owners.length + (outsideByAddress ? 1 : 0) + (visible ? 1 : 0) !== 1)
      return storedByAddress && !visible ? { hidden: storedByAddress } : {}
    if (outsideByAddress) return { sub: outsideByAddress.user.sub, outside: outsideByAddress }
    return visible ? storedOf(visible) : { sub: owners[0]?.sub }
  }

  /** Returns the users of the operator's store with this name and with this address. */
  const outsideNamed = (typed: string, tenant: string | undefined, mayBeAddress: boolean) =>
    Promise.all([
      storeUsers?.findByName(typed, tenant).then(unshared),
      mayBeAddress ? storeUsers?.findByVerifiedEmail(typed, tenant).then(unshared) : undefined,
    ])

  /** Rejects if a user of another kind has the same `sub`, which would make the two one user. */
  async function unshared(found: StoreUser | undefined): Promise<StoreUser | undefined> {
    const sub = found?.user.sub
    if (sub !== undefined && (bySub.has(sub) || (await storedUsers.find(sub))))
      throw new HookError(
        'userStore.findByUsername',
        'hook_result_invalid',
        'userStore.findByUsername.sub is the sub of another user of this server',
      )
    return found
  }

  /** Finds users that the configuration doesn't have. */
  const findAnywhere = async (sub: string): Promise<User | undefined> =>
    userOf(await storedUsers.find(sub)) ?? (await storeUsers?.find(sub))?.user

  /** Checks a password with the operator's function. It is also called, without a user, if the user is not in the operator's store, so that the check takes as long. */
  async function checkOutside(outside: StoreUser | undefined, typed: string, from: string): Promise<boolean> {
    const { sub, tenant } = outside?.user ?? {}
    const whose = { ...(sub !== undefined && { sub }), ...(tenant !== undefined && { tenant }) }
    for (const password of formsOf(typed))
      if (await storeUsers?.checkPassword?.({ ...whose, password, from })) return true
    return false
  }

  /** Tells the operator why a user with the right password can't sign in. The user gets the same response as for a wrong one. */
  function reportUnreadable({ sub, password }: StoredUser): void {
    const error = password === undefined ? undefined : passwordHashError(password)
    if (error) log.warn('password_hash_unreadable', { sub, problem: error.problem })
  }

  return {
    find: sub =>
      configuredOf(sub) ?? (storeUsers ? findAnywhere(sub) : applied(storedUsers.find(sub), userOf)),
    async findByVerifiedEmail(email, tenant) {
      const address = identityKey(email)
      const found = [
        ...(byAddress.get(placeOf(address, tenant)) ?? []).map(({ sub }) => configuredOf(sub)),
        userOf(visibleStored(await storedUsers.findByVerifiedEmail(address, tenant), bySub)),
        (await storeUsers?.findByVerifiedEmail(email, tenant).then(unshared))?.user,
      ].filter(user => user !== undefined)
      return found.length === 1 ? found[0] : undefined
    },
    async checkPassword(username, password, tenant, from) {
      const { sub, stored, outside, hidden } = await named(username, tenant)
      const known = (!outside && sub !== undefined && passwords.get(sub)) || nobody
      const own =
        known.encoded ?? (stored ?? hidden)?.password ?? (storeHasHashes ? outside?.password : undefined)
      const hasStored = await storedUsers.any()
      if (hasStored) await learnStored()
      const baseline = storeHasHashes || hasStored ? decoyHash : decoy
      const plainFits = equalInConstantTime(mac(password), known.mac)
      const outsideFits = await settled(checkOutside(outside, password, from))
      const hashFits = await checkHash(own, baseline, password, from)
      if (outside) {
        const fits = storeUsers?.checkPassword ? await outsideFits() : hashFits
        if (hashFits && !storeUsers?.checkPassword) await upgradePassword.outside(outside, password, from)
        return fits ? outside.user : undefined
      }
      if (stored) {
        reportUnreadable(stored)
        if (hashFits) await upgradePassword.stored(stored, password, from)
        return hashFits ? userOf(stored) : undefined
      }
      if (hidden) {
        if (hashFits) log.warn('stored_user_hidden', { sub: hidden.sub, username: hidden.username })
        return undefined
      }
      const fits = known.encoded === undefined ? plainFits : hashFits
      return sub !== undefined && known !== nobody && fits ? configuredOf(sub) : undefined
    },
    isShared(sub) {
      const own = bySub.get(sub)
      return own !== undefined && applied(storedUsers.find(sub), found => !!found && isAnother(found, own))
    },
    isConfigured(username, tenant) {
      const sub = byName.get(placeOf(identityKey(username), tenant))
      return sub !== undefined && passwords.get(sub) !== undefined
    },
    async findNamed(username, tenant) {
      const { sub, stored, outside } = await named(username, tenant)
      if (outside) return outside.user
      return stored ? userOf(stored) : sub === undefined ? undefined : configuredOf(sub)
    },
    async isNameTaken(name, tenant, except) {
      const place = placeOf(identityKey(name), tenant)
      const others = [byName.get(place), ...(byAddress.get(place) ?? []).map(({ sub }) => sub)]
      const found = [
        await storedUsers.findByName(identityKey(name), tenant),
        await storedUsers.findByVerifiedEmail(identityKey(name), tenant),
        ...(storeUsers ? await outsideLike(storeUsers, name, tenant) : []),
      ]
      return [...others, ...found.map(user => user?.sub)].some(sub => sub !== undefined && sub !== except)
    },
  }
}

/** The user with a typed name or address; empty if there is none, or if several have the address. */
type Named = {
  readonly sub?: string | undefined
  readonly stored?: StoredUser
  /** A stored user who can't sign in, because the configuration has their `sub`. */
  readonly hidden?: StoredUser
  /** A user of the operator's store. */
  readonly outside?: StoreUser
}

const storedOf = (stored: StoredUser): Named => ({ sub: stored.sub, stored })

/** Resolves to a function that returns the outcome, so that a failure matters only if the outcome is needed. */
const settled = <Value>(outcome: Promise<Value>): Promise<() => Promise<Value>> =>
  outcome.then(
    () => () => outcome,
    () => () => outcome,
  )

/** Returns users of the operator's store with this name or address, both as typed and in the form that this server compares. */
const outsideLike = async (
  storeUsers: StoreUsers,
  name: string,
  tenant: string | undefined,
): Promise<readonly (User | undefined)[]> => {
  const spellings = [...new Set([name.trim(), identityKey(name)])]
  const found = await Promise.all([
    ...spellings.map(one => storeUsers.findByName(one, tenant)),
    storeUsers.findByVerifiedEmail(name, tenant),
  ])
  return found.map(one => one?.user)
}

/** Converts a stored user to the form that the rest of the server uses. */
function userOf(stored: StoredUser): User
function userOf(stored: StoredUser | undefined): User | undefined
function userOf(stored: StoredUser | undefined): User | undefined {
  if (!stored) return undefined
  const { sub, epoch, username, tenant, email, email_verified_at, created_at, disabled_at } = stored
  const { claims, ...lists } = recordClaimsOf(stored.claims)
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
      ...lists,
      ...(email !== undefined && { email, email_verified: email_verified_at !== undefined }),
    },
  }
}

/** Stored users whose hashes are read to learn what imported ones cost. */
const mostSamples = 100

const placeOf = (key: string, tenant: string | undefined): string => JSON.stringify([tenant ?? null, key])

const encodedPassword = ({ password }: ConfiguredUser): string | undefined =>
  password?.kind === 'hash' ? password.encoded : undefined

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
