/** Shows and replaces the records of users for the command line, with the members of the admin API. */

import type { JsonObject } from '@tessera/protocol/result'
import type { Configuration } from '../configuration/configuration.ts'
import { checkBody } from '../endpoints/admin/request.ts'
import {
  patchedUserSchema,
  shownConfiguredUser,
  shownUser,
  shownUserSchema,
} from '../endpoints/admin/user-schema.ts'
import type { AccountServices } from './account-services.ts'
import type { IssuerContext } from './issuer-context.ts'
import type { SignInServices } from './sign-in-services.ts'

/** A user without their password. `version` is missing for users of the configuration file. */
type ShownUser = (ReturnType<typeof shownUser> | ReturnType<typeof shownConfiguredUser>) & {
  readonly version?: number
}

/** A fault in a record, by its place. */
type RecordError = { readonly path: string; readonly problem: string; readonly expected: string }

type Outcome =
  | { readonly ok: true; readonly user: ShownUser }
  | {
      readonly ok: false
      readonly problem: RecordProblem
      /** For `record_invalid`. */
      readonly errors?: readonly RecordError[]
      /** For `account_outdated`: the current one. */
      readonly version?: number
    }

type RecordProblem =
  | 'account_unknown'
  | 'account_read_only'
  | 'account_outdated'
  | 'record_invalid'
  | ReplacementProblem

/** Why `ReplaceUser` refuses. */
type ReplacementProblem =
  | 'username_malformed'
  | 'username_taken'
  | 'claim_not_allowed'
  | 'membership_malformed'
  | 'account_taken'
  | 'account_changed'

export type UserRecords = {
  /** Resolves to undefined if neither the configuration file nor the store has the user. */
  readonly show: (sub: string) => Promise<ShownUser | undefined>
  /**
   * Replaces the record of a stored user: an omitted member is removed, or gets its default. What `show` returns can be
   * changed and given back; its version is then the one that it must still have.
   */
  readonly set: (
    sub: string,
    given: JsonObject,
    options: { readonly version?: number | undefined; readonly dryRun: boolean },
  ) => Promise<Outcome>
}

/** Members that are shown and can't be set. */
const readOnly: readonly string[] = [
  ...Object.keys(shownUserSchema.fields).filter(name => !Object.hasOwn(patchedUserSchema.fields, name)),
  'version',
]

export function createUserRecords(
  { users: configured }: Configuration,
  { stores: { storedUsers } }: IssuerContext,
  { users }: SignInServices,
  { replaceUser }: Pick<AccountServices, 'replaceUser'>,
): UserRecords {
  const inFile = (sub: string) => configured.find(one => one.sub === sub)

  return {
    async show(sub) {
      const own = inFile(sub)
      if (own) return shownConfiguredUser((await users.find(sub)) ?? own)
      const user = await storedUsers.find(sub)
      return user && { ...shownUser(user), version: user.version }
    },
    async set(sub, given, { version = versionIn(given), dryRun }) {
      if (inFile(sub)) return { ok: false, problem: 'account_read_only' }
      const user = await storedUsers.find(sub)
      if (!user) return { ok: false, problem: 'account_unknown' }
      if (version !== undefined && version !== user.version)
        return { ok: false, problem: 'account_outdated', version: user.version }
      if (given.sub !== undefined && given.sub !== sub) return invalid([otherSub])
      const writable = Object.entries(given).filter(([name]) => !readOnly.includes(name))
      const checked = checkBody(patchedUserSchema, Object.fromEntries(writable))
      if (!checked.ok) return invalid(checked.errors ?? [])
      const { username, email, email_verified, claims, groups, roles, active, tenant } = checked.value
      if (tenant !== user.tenant) return invalid([otherTenant])
      const lists = { ...(groups && { groups }), ...(roles && { roles }) }
      const record = {
        username,
        email,
        emailVerified: email_verified,
        active,
        claims: claims as JsonObject,
        ...lists,
      }
      const replaced = await replaceUser(user, record, dryRun)
      return replaced.ok
        ? { ok: true, user: { ...shownUser(replaced.value), version: replaced.value.version } }
        : { ok: false, problem: replaced.reason as ReplacementProblem }
    },
  }
}

const versionIn = ({ version }: JsonObject): number | undefined =>
  typeof version === 'number' ? version : undefined

const invalid = (errors: readonly RecordError[]): Outcome => ({
  ok: false,
  problem: 'record_invalid',
  errors,
})

const otherSub: RecordError = {
  path: 'sub',
  problem: 'it differs from the user that is replaced',
  expected: 'the same sub, or none',
}

const otherTenant: RecordError = {
  path: 'tenant',
  problem: 'the tenant of a user never changes',
  expected: 'the tenant of the user',
}
