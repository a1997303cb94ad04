/** Users that a migration adds to the store. */

import type { JsonObject } from '@tessera/protocol/result'
import type { Path } from '../configuration/validation/schema.ts'
import { isUsername } from '../identity/accounts.ts'
import { isEmail } from '../identity/email-address.ts'
import { isMembershipName, mostMemberships } from '../model/membership.ts'
import { mostIdentityLinks } from '../model/ports/federation.ts'
import { identityKey } from '../model/stored-user.ts'
import { isDerivedSub } from '../model/user.ts'
import { problemOfClaims } from '../model/user-claims.ts'
import { importedPasswordHash } from '../runtime/password-hash/exported.ts'
import { passwordHashError } from '../runtime/password-hash/read.ts'

export type MigratedUser = {
  readonly sub: string
  readonly username: string
  readonly email?: string
  readonly email_verified?: boolean
  readonly claims?: JsonObject
  readonly groups?: readonly string[]
  readonly roles?: readonly string[]
  /** As the other server exports it: see `importedPasswordHash`. Omitted: the user has no password. */
  readonly password_hash?: string
  /** The secret of an authenticator app in base32: SHA-1, six digits and 30 seconds. */
  readonly totp_secret?: string
  /** Accounts at other identity providers, with which the user can sign in. */
  readonly identities?: readonly MigratedIdentity[]
  /** Omitted: false. */
  readonly disabled?: boolean
}

export type MigratedIdentity = {
  /** The name of the provider in the configuration. */
  readonly provider: string
  /** The issuer of the provider, or the base of the directory. */
  readonly authority: string
  /** The permanent identifier of the user there. */
  readonly id: string
  readonly label?: string
}

export type Problem = { readonly path: Path; readonly problem: string; readonly expected: string }

/** @property within The place of the problem in the value. Omitted: the whole value. */
type Found = Omit<Problem, 'path'> & { readonly within?: Path }
type Check = (value: unknown) => Found | undefined

const check =
  (isValid: (value: unknown) => boolean, problem: string, expected: string): Check =>
  value =>
    isValid(value) ? undefined : { problem, expected }

const isText = (value: unknown): value is string => typeof value === 'string'
const isOptionalFlag = (value: unknown) => value === undefined || typeof value === 'boolean'

const names: Check = check(
  value =>
    value === undefined ||
    (Array.isArray(value) && value.length <= mostMemberships && value.every(isMembershipName)),
  'a name is not accepted',
  `at most ${mostMemberships} names of one line`,
)

/** Importers report such claims themselves, with what the operator can do. */
const claims: Check = value => {
  const found = problemOfClaims((value ?? {}) as JsonObject)
  if (!found) return undefined
  const problem =
    found.kind === 'member' ? 'it is a member of the user' : `only this server may set "${found.claim}"`
  return { problem, expected: 'claims about the user', within: [found.claim] }
}

const passwordHash: Check = value =>
  value === undefined ? undefined : passwordHashError(importedPasswordHash(String(value)))

const isIdentity = (value: unknown): boolean => {
  const { provider, authority, id, label } = (value ?? {}) as Readonly<Record<string, unknown>>
  return [provider, authority, id, label ?? 'none'].every(
    one => isText(one) && one !== '' && one.length <= 2000,
  )
}

const checks: Readonly<Record<keyof MigratedUser, Check>> = {
  sub: check(
    value => isText(value) && /^[\x20-\x7E]{1,255}$/.test(value) && !isDerivedSub(value),
    'the sub is missing or not accepted',
    'at most 255 printable ASCII characters (OpenID Connect Core 1.0 §2)',
  ),
  username: check(
    value => isText(value) && isUsername(value),
    'the user name is missing or not accepted',
    'one line of at most 200 characters',
  ),
  email: check(
    value => value === undefined || (isText(value) && isEmail(value)),
    'it is not an email address that this server accepts',
    'an address such as name@example.com',
  ),
  email_verified: check(isOptionalFlag, 'it is not a boolean', 'true or false'),
  claims,
  groups: names,
  roles: names,
  password_hash: passwordHash,
  totp_secret: check(
    value => value === undefined || (isText(value) && /^[A-Z2-7]{16,128}$/.test(value)),
    'it is not the secret of an authenticator app',
    '16 to 128 characters of base32 (RFC 4226 §4)',
  ),
  identities: check(
    value =>
      value === undefined ||
      (Array.isArray(value) && value.length <= mostIdentityLinks && value.every(isIdentity)),
    'an account at a provider is malformed, or there are too many',
    `at most ${mostIdentityLinks}, each with the provider, its issuer and the identifier of the user`,
  ),
  disabled: check(isOptionalFlag, 'it is not a boolean', 'true or false'),
}

/** Returns what the store would refuse, including a `sub`, name or verified address that an earlier user has. */
export function userProblems(users: readonly Readonly<Record<string, unknown>>[]): readonly Problem[] {
  const taken = new Set<string>()
  const isTaken = (kind: string, value: unknown): boolean => {
    if (!isText(value)) return false
    const key = `${kind} ${kind === 'sub' ? value : identityKey(value)}`
    return taken.size === taken.add(key).size
  }
  return users.flatMap((user, index) => {
    const problems = Object.entries(checks).flatMap(([key, check]) => {
      const found = check(Object.hasOwn(user, key) ? user[key] : undefined)
      if (!found) return []
      const { within = [], ...problem } = found
      return [{ path: ['stored_users', index, key, ...within], ...problem }]
    })
    if (problems.length > 0) return problems
    const twice = isTaken('sub', user.sub)
      ? 'sub'
      : isTaken('name', user.username)
        ? 'username'
        : user.email_verified === true && user.email !== user.username && isTaken('name', user.email)
          ? 'email'
          : undefined
    if (twice === undefined) return []
    const problem = `an earlier user has the same ${twice === 'email' ? 'address' : twice}`
    return [
      { path: ['stored_users', index], problem, expected: 'a unique one; names and addresses without case' },
    ]
  })
}
