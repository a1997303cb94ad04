/** Users: those of the configuration file, read-only, and stored ones. */

import type { JsonObject, Refusal } from '@tessera/protocol/result'
import type { output } from '../../configuration/validation/schema.ts'
import type { Accounts } from '../../identity/accounts.ts'
import type { HasAccess } from '../../identity/subject-search.ts'
import type { UserAdministration } from '../../identity/user-administration.ts'
import type { ReplaceUser } from '../../identity/user-replacement.ts'
import { longestMembership, mostMemberships } from '../../model/membership.ts'
import type { StoredUsers } from '../../model/ports/stores.ts'
import { identityKey, type StoredUser } from '../../model/stored-user.ts'
import type { User, Users } from '../../model/user.ts'
import { checkScope } from './caller.ts'
import type { Cursors } from './cursor.ts'
import { replyWithPage } from './list.ts'
import type { Call, Caller, Handlers, Reply } from './operation.ts'
import { type EntryError, invalidEntry, type Problem, problem } from './problem.ts'
import { checkBody, mergePatch } from './request.ts'
import { findStored, readOnlyUser, unknownUser } from './stored-user.ts'
import type { userOperations } from './user-operations.ts'
import { passwordErrors } from './user-password.ts'
import { etagOf, patchedUserSchema, shownConfiguredUser, shownUser, writableOf } from './user-schema.ts'

export type UserPorts = {
  /** The users of the configuration file. */
  readonly configured: readonly User[]
  readonly configuredSubs: ReadonlySet<string>
  readonly tenants: ReadonlySet<string>
  readonly users: Pick<Users, 'find'>
  readonly storedUsers: Pick<StoredUsers, 'find' | 'findByName' | 'findByVerifiedEmail' | 'list'>
  readonly accounts: Pick<Accounts, 'passwordProblem'>
  readonly hasAccess: HasAccess
  /** Whether a module of the operator vouches for users without a record, by any `sub`. */
  readonly modulesChooseSubs: boolean
  readonly administration: Pick<UserAdministration, 'add'>
  readonly replaceUser: ReplaceUser
  readonly cursors: Cursors
}

type UserIds = 'listUsers' | 'createUser' | 'readUser' | 'putUser' | 'patchUser'
type Record = output<typeof patchedUserSchema>
type NewRecord = Record & {
  readonly password?: string | undefined
  readonly password_hash?: string | undefined
}

export function createUserHandlers(ports: UserPorts): Pick<Handlers<typeof userOperations>, UserIds> {
  const { configured, configuredSubs, users, storedUsers, hasAccess, modulesChooseSubs } = ports
  const { accounts, administration, replaceUser, tenants } = ports

  async function create(call: Call, sub: string | undefined, body: NewRecord): Promise<Reply | Problem> {
    const { password, password_hash, email_verified, active, ...record } = body
    const errors = [...tenantErrors(record.tenant, tenants), ...passwordErrors(body, record, accounts)]
    if (errors.length > 0) return invalidEntry(errors)
    const refused = await signInRefusal(call.caller, sub, body)
    if (refused) return refused
    const added = await administration.add({
      ...definedOf({ ...record, sub, password, passwordHash: password_hash }),
      claims: record.claims as JsonObject,
      emailVerified: email_verified,
      disabled: !active,
      dryRun: call.dryRun,
    } as Parameters<UserAdministration['add']>[0])
    if (!added.ok) return refusedBy(added.problem)
    if (call.dryRun) return replyWith(added.user)
    call.changed('user', added.user.sub)
    return { ...replyWith(added.user), status: 201, location: `/users/${encodeURIComponent(added.user.sub)}` }
  }

  /**
   * Checks that the caller may sign in as any user, if the new user can sign in and may be another person: a provider's
   * user may be linked by a verified address, and users without a record already have their `sub`. Those of a module can't
   * be listed, so with one, each chosen `sub` may be theirs. A verified address receives reset links.
   */
  async function signInRefusal(
    caller: Caller,
    sub: string | undefined,
    { password, password_hash, email, email_verified }: NewRecord,
  ): Promise<Problem | undefined> {
    const hasPassword = password !== undefined || password_hash !== undefined
    const isVerified = email !== undefined && email_verified
    if (!hasPassword && !isVerified) return undefined
    const isOther =
      (hasPassword && isVerified) || (sub !== undefined && (modulesChooseSubs || (await hasAccess(sub))))
    return isOther ? checkScope(caller, 'admin:users.passwords') : undefined
  }

  async function replace(call: Call, user: StoredUser, record: Record): Promise<Reply | Problem> {
    if (record.tenant !== user.tenant) return invalidEntry([tenantChanged])
    const { username, email, email_verified, groups, roles, active } = record
    const refused = addressRefusal(call.caller, user, record)
    if (refused) return refused
    const claims = { claims: record.claims as JsonObject, ...definedOf({ groups, roles }) }
    const next = { username, email, emailVerified: email_verified, ...claims, active }
    const replaced = await replaceUser(user, next, call.dryRun)
    if (!replaced.ok) return refusedBy(replaced.reason)
    if (call.dryRun) return replyWith(replaced.value)
    call.changed('user', user.sub)
    return replyWith(replaced.value)
  }

  return {
    listUsers: call => listUsers(call as Call, ports),
    createUser: call => create(call, call.body.sub, call.body),
    async readUser({ path: { sub = '' }, conditions }) {
      const own = configured.find(one => one.sub === sub)
      if (own) return { ok: true, status: 200, body: shownConfiguredUser((await users.find(sub)) ?? own) }
      const user = await storedUsers.find(sub)
      if (!user) return unknownUser
      return conditions.isUnchanged(etagOf(user))
        ? { ok: true, status: 304, etag: etagOf(user) }
        : replyWith(user)
    },
    async putUser(call) {
      const { sub = '' } = call.path
      if (configuredSubs.has(sub)) return readOnlyUser
      const user = await storedUsers.find(sub)
      const refused = call.conditions.forChange(user && etagOf(user))
      if (refused) return refused
      const { password, password_hash, ...record } = call.body
      if (!user) return create(call, sub, call.body)
      return password === undefined && password_hash === undefined
        ? replace(call, user, record)
        : invalidEntry([passwordOfKnownUser(password === undefined ? 'password_hash' : 'password')])
    },
    async patchUser(call) {
      const user = await findStored(call, configuredSubs, storedUsers)
      if ('ok' in user) return user
      const patched = checkBody(patchedUserSchema, mergePatch(writableOf(user), call.body))
      return patched.ok ? replace(call, user, patched.value) : patched
    },
  }
}

type Filters = {
  readonly username?: string
  readonly username_prefix?: string
  readonly email?: string
  readonly active?: boolean
  readonly tenant?: string
  readonly origin?: 'file' | 'stored'
}

type Shown = ReturnType<typeof shownUser> | ReturnType<typeof shownConfiguredUser>

async function listUsers(
  call: Call,
  { configured, users, storedUsers, cursors }: UserPorts,
): Promise<Reply | Problem> {
  const filters = call.query as Filters
  const own = await Promise.all(
    configured.map(async one => shownConfiguredUser((await users.find(one.sub)) ?? one)),
  )
  const found = await lookUp(filters, storedUsers)
  return replyWithPage<Shown>(call, cursors, {
    own,
    stored: async page =>
      found
        ? found.filter(({ sub }) => page.after === undefined || sub > page.after).map(shownUser)
        : (await storedUsers.list(page)).map(shownUser),
    idOf: ({ sub }) => sub,
    fits: user => fits(user, filters),
    show: user => user,
  })
}

/** Finds the stored users of an exact filter by its index; undefined without such a filter. */
async function lookUp(
  { username, email, tenant }: Filters,
  storedUsers: UserPorts['storedUsers'],
): Promise<readonly StoredUser[] | undefined> {
  if (username === undefined && email === undefined) return undefined
  const found =
    username === undefined
      ? await storedUsers.findByVerifiedEmail(identityKey(email ?? ''), tenant)
      : await storedUsers.findByName(identityKey(username), tenant)
  return found ? [found] : []
}

function fits(
  user: Shown,
  { username, username_prefix: prefix, email, active, tenant, origin }: Filters,
): boolean {
  const isExact = username !== undefined || email !== undefined
  return (
    (username === undefined || identityKey(user.username) === identityKey(username)) &&
    (prefix === undefined || identityKey(user.username).startsWith(identityKey(prefix))) &&
    (email === undefined ||
      (user.email_verified && user.email !== undefined && identityKey(user.email) === identityKey(email))) &&
    (active === undefined || user.active === active) &&
    ((tenant === undefined && !isExact) || user.tenant === tenant) &&
    (origin === undefined || user.origin === origin)
  )
}

/** A reset link is sent to the verified address, and a provider's user may be linked by it. Who sets it can sign in as the user. */
function addressRefusal(
  caller: Caller,
  user: StoredUser,
  { email, email_verified }: Record,
): Problem | undefined {
  const wasVerified = user.email_verified_at !== undefined && user.email === email
  return email === undefined || !email_verified || wasVerified
    ? undefined
    : checkScope(caller, 'admin:users.passwords')
}

const replyWith = (user: StoredUser): Reply => ({
  ok: true,
  status: 200,
  body: shownUser(user),
  etag: etagOf(user),
})

const tenantChanged: EntryError = {
  path: 'tenant',
  problem: 'the tenant of a user never changes',
  expected: 'the tenant of the user',
  fix: 'create another user',
}

const passwordOfKnownUser = (path: string): EntryError => ({
  path,
  problem: 'the user exists',
  expected: 'a record without a password',
  fix: 'send PUT /users/{sub}/password',
})

const tenantErrors = (tenant: string | undefined, tenants: ReadonlySet<string>): readonly EntryError[] =>
  tenant === undefined || tenants.has(tenant)
    ? []
    : [
        {
          path: 'tenant',
          problem: 'it is not a tenant that shares this issuer',
          expected: 'a name of tenants, or no tenant',
          fix: 'add the tenant, or remove the member',
        },
      ]

/** Explains a refusal of the account services. */
function refusedBy(reason: Refusal['reason']): Problem {
  const log = { reason }
  if (reason === 'username_malformed') return { ...invalidEntry([usernameMalformed]), log }
  if (reason === 'sub_malformed') return { ...invalidEntry([subMalformed]), log }
  if (reason === 'claim_not_allowed') return { ...invalidEntry([claimsMalformed]), log }
  if (reason === 'membership_malformed') return { ...invalidEntry([membershipMalformed]), log }
  if (reason === 'username_taken')
    return problem('admin_entry_exists', 'another user of the tenant has the username, or a confusable one', {
      log,
    })
  if (reason === 'account_taken')
    return problem(
      'admin_entry_exists',
      'the sub is or was used or is a client_id, or another user has the verified address',
      { log },
    )
  return problem('admin_precondition_failed', 'another request changed the user at the same time', { log })
}

const usernameMalformed: EntryError = {
  path: 'username',
  problem: 'it is empty, or contains a character that is not visible',
  expected: 'one line of visible text',
  fix: 'choose another name',
}

// The schema of the body refuses both before, and names the claim or the list.
const claimsMalformed: EntryError = {
  path: 'claims',
  problem: 'a claim is a member of the user, or only this server may set it',
  expected: 'other claims',
  fix: 'write email, email_verified, groups and roles beside claims',
}

const membershipMalformed: EntryError = {
  path: 'groups',
  problem: 'a group or role is malformed, or there are too many',
  expected: `at most ${mostMemberships} names, each of one line and at most ${longestMembership} characters`,
  fix: 'remove the name',
}

const subMalformed: EntryError = {
  path: 'sub',
  problem:
    'it is longer than 255 characters, not printable ASCII, a dot segment of a path, or looks like the sub of a user of another identity provider',
  expected: 'at most 255 printable ASCII characters, not . or .., and not fed_ with 43 characters',
  fix: 'choose another sub, or create the user without one',
}

type Defined<Of> = { [Key in keyof Of]: Exclude<Of[Key], undefined> }

/** Returns an object without the members that are undefined. */
const definedOf = <Of extends object>(value: Of): Partial<Defined<Of>> =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Partial<Defined<Of>>
