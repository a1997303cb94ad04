/** Users as the admin API reads and writes them, with the names of the configuration. */

import type { JsonObject } from '@tessera/protocol/result'
import { userSchema } from '../../configuration/schema/accounts.ts'
import { membershipNames, name } from '../../configuration/schema/values.ts'
import * as s from '../../configuration/validation/kinds.ts'
import { isEmail } from '../../identity/email-address.ts'
import { memberships, membershipsOf } from '../../model/membership.ts'
import { untagged } from '../../model/resource.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import type { User } from '../../model/user.ts'
import { problemOfClaims, recordClaimsOf } from '../../model/user-claims.ts'

const { sub, username } = userSchema.fields

const record = {
  username,
  email: s
    .string()
    .max(254)
    .refine(isEmail, {
      problem: 'it is not an email address',
      expected: 'name@example.com',
      fix: 'write the address without a name',
    })
    .optional()
    .describe('Email address.'),
  email_verified: s
    .boolean()
    .default(false)
    .describe('Whether the address is verified, so that the user can sign in with it.'),
  claims: userSchema.fields.claims
    .unwrap()
    .check(claims => {
      const found = problemOfClaims(claims as JsonObject)
      if (!found) return undefined
      const isMember = found.kind === 'member'
      return {
        path: [found.claim],
        problem: isMember ? 'it is a member of the user' : 'only this server may set it',
        expected: 'other claims',
        fix: isMember ? `write "${untagged(found.claim)}" beside claims` : 'remove it',
      }
    })
    .default({})
    .describe('Claims by name; values are any JSON.'),
  groups: membershipNames().optional().describe('Groups of the user, which become the claim groups.'),
  roles: membershipNames().optional().describe('Roles of the user, which become the claim roles.'),
  active: s.boolean().default(true).describe('false: the user can not sign in and gets no tokens.'),
  tenant: name()
    .optional()
    .describe("The user's tenant, for tenants that share the issuer. It never changes."),
}

const password = s
  .string()
  .min(1)
  .max(512)
  .describe('The password, which accounts.password_policy must allow.')
const passwordHash = s
  .string()
  .min(1)
  .max(1024)
  .describe('The hash of the password from another server (docs/guides/password-hashes.md).')

const credentials = {
  password: password.optional(),
  password_hash: passwordHash.optional(),
}

type Credentials = { readonly password?: string | undefined; readonly password_hash?: string | undefined }
const oneAtMost = ({ password: one, password_hash: other }: Credentials) =>
  one !== undefined && other !== undefined
    ? { problem: 'it contains password and password_hash', expected: 'one of them', fix: 'remove one' }
    : undefined

/** A new user with a generated or a chosen `sub`. */
export const newUserSchema = s
  .strictObject({ sub: sub.optional().describe('Default: a random one.'), ...record, ...credentials })
  .check(oneAtMost)
  .describe('A new user.')

/** A user at a chosen `sub`. `password` and `password_hash` are only for new users. */
export const userRecordSchema = s
  .strictObject({ ...record, ...credentials })
  .check(oneAtMost)
  .describe('A user. An omitted member is removed, or gets its default.')

/** The result of a merge patch. */
export const patchedUserSchema = s
  .strictObject(record)
  .describe('Members to change; null removes one (RFC 7396).')

export const passwordSchema = s
  .strictObject(credentials)
  .check(
    given => oneAtMost(given) ?? (Object.values(given).every(one => one === undefined) ? nothing : undefined),
  )
  .describe('A password, or its hash.')

const nothing = {
  problem: 'it is empty',
  expected: '"password" or "password_hash"',
  fix: 'write one of them',
}

/** A user as this API returns it. Contains no password and no hash. */
export const shownUserSchema = s
  .strictObject({
    sub,
    ...record,
    email_verified: s.boolean(),
    origin: s
      .enum(['file', 'stored'])
      .describe(
        'file: the user is in the configuration file, and read-only here. stored: stored by this server.',
      ),
    has_password: s.boolean().optional().describe('Whether a password is stored.'),
    created_at: s.int().optional().describe('Seconds since 1970.'),
    disabled_at: s.int().optional().describe('Seconds since 1970.'),
  })
  .describe('A user.')

/** Returns the writable members of a stored user, for a merge patch. */
export const writableOf = ({
  username,
  tenant,
  email,
  email_verified_at,
  disabled_at,
  claims,
}: StoredUser) => ({
  username,
  ...(tenant !== undefined && { tenant }),
  ...(email !== undefined && { email }),
  email_verified: email_verified_at !== undefined,
  ...recordClaimsOf(claims),
  active: disabled_at === undefined,
})

export const shownUser = (user: StoredUser) => ({
  sub: user.sub,
  ...writableOf(user),
  origin: 'stored' as const,
  has_password: user.password !== undefined,
  created_at: user.created_at,
  ...(user.disabled_at !== undefined && { disabled_at: user.disabled_at }),
})

/** A user of the configuration file. */
export function shownConfiguredUser({ sub, username, tenant, active, claims }: User) {
  const { email, email_verified, preferred_username: _, ...others } = claims
  return {
    sub,
    username,
    ...(tenant !== undefined && { tenant }),
    ...(typeof email === 'string' && { email }),
    email_verified: email_verified === true,
    ...splitClaims(others),
    active,
    origin: 'file' as const,
  }
}

function splitClaims(whole: JsonObject) {
  const { groups: _, roles: __, ...claims } = whole
  const lists = memberships.flatMap(kind =>
    Object.hasOwn(whole, kind) ? [[kind, membershipsOf(whole, kind)] as const] : [],
  )
  return { claims, ...Object.fromEntries(lists) }
}

/** Changes with every change of the user. A `sub` is never assigned again. */
export const etagOf = ({ version }: Pick<StoredUser, 'version'>): string => `"${version}"`
