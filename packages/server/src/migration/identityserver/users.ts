/** Users: `AspNetUsers` of ASP.NET Core Identity with their child tables, and IdentityServer4's `TestUser`. */

import type { Seconds } from '@tessera/protocol/brand'
import type { Path } from '../../configuration/validation/schema.ts'
import { problemOfClaim } from '../../model/user-claims.ts'
import { type Convert, carry, filledText, flag, flagOrFalse } from '../convert.ts'
import type { Draft, Target } from '../draft.ts'
import type { Source } from '../source.ts'
import { anyOf, cellOf, elementsOf, ignoreChildMembers, instantOf } from './rows.ts'
import { readSecondFactor } from './second-factors.ts'

const roleTypes: ReadonlySet<string> = new Set([
  'role',
  'http://schemas.microsoft.com/ws/2008/06/identity/claims/role',
])

export function readUser(source: Source, draft: Draft, at: Seconds): void {
  if (source.member('SubjectId').exists) readTestUser(source, draft)
  else readAspNetUser(source, draft, at)
}

function readTestUser(source: Source, draft: Draft): void {
  const user = draft.add('users')
  carry(source.member('SubjectId'), user, 'sub', filledText)
  carry(source.member('Username'), user, 'username', filledText)
  carry(source.member('Password'), user, 'password', filledText)
  carry(source.member('IsActive'), user, 'active', flagOrFalse)
  for (const name of ['ProviderName', 'ProviderSubjectId'])
    source.member(name).notPossible('users of a provider are linked when they sign in')
  readClaims(source.member('Claims'), user, [])
}

const derived = 'it is derived from another column'
const notNeeded: Readonly<Record<string, string>> = {
  NormalizedUserName: derived,
  NormalizedEmail: derived,
  SecurityStamp: 'sessions of the old server end with it',
  ConcurrencyStamp: 'it is only for concurrent changes of the row',
  AccessFailedCount: 'guesses are counted from zero',
  LockoutEnabled: 'guesses are limited for all users',
}

/** A key of another type than text: tokens of the old server contain it as text. */
const key: Convert<string> = (source, target) => {
  const value = source.whole()
  if (typeof value !== 'number') return filledText(source, target)
  if (!Number.isSafeInteger(value)) {
    source.notPossible('it is not a whole number, or one that JSON can not represent; export it as text')
    return
  }
  source.carriedOver(target)
  return String(value)
}

/** Longer lockouts are meant to disable a user. */
const longestLockout = 365 * 24 * 3600

function readAspNetUser(source: Source, draft: Draft, at: Seconds): void {
  const user = draft.add('stored_users')
  carry(source.member('Id'), user, 'sub', key)
  carry(source.member('UserName'), user, 'username', filledText)
  carry(source.member('Email'), user, 'email', filledText)
  carry(source.member('EmailConfirmed'), user, 'email_verified', flag)
  carry(source.member('PasswordHash'), user, 'password_hash', filledText)
  for (const [name, why] of Object.entries(notNeeded)) source.member(name).notNeeded(why)
  readLockout(source, user, at)
  const roles: string[] = []
  for (const role of elementsOf(anyOf(source, 'Roles', 'AspNetUserRoles'))) {
    const cell = cellOf(role, 'Name')
    const name = cell.text()
    if (name === undefined) continue
    cell.carriedOver(user.at('roles', roles.length))
    roles.push(name)
  }
  const claims = readClaims(anyOf(source, 'Claims', 'AspNetUserClaims'), user, roles)
  readPhone(source, user, claims)
  for (const login of elementsOf(anyOf(source, 'Logins', 'AspNetUserLogins')))
    login.notPossible('with linking "verified_email", the provider is linked at the next sign-in with it')
  readSecondFactor(source, user)
}

function readLockout(row: Source, user: Target, at: Seconds): void {
  const [source, enabled] = [row.member('LockoutEnd'), row.member('LockoutEnabled')]
  if (!source.exists) return
  const end = Date.parse(instantOf(source.text() ?? '') ?? '') / 1000
  if (end - at <= longestLockout) {
    source.notNeeded('the lockout is temporary')
    return
  }
  if (enabled.exists && isFalse(enabled.whole())) {
    source.notNeeded('LockoutEnabled is false, so the old server ignores it')
    return
  }
  user.set('disabled', true)
  const why = Number.isNaN(end) ? 'it is not a time' : 'the user is locked out for more than a year'
  source.changed(`${why}, so the user is disabled`, user.at('disabled'))
}

const isFalse = (value: unknown): boolean => String(value).trim().toLowerCase() === 'false'

function readPhone(source: Source, user: Target, claims: Map<string, unknown>): void {
  const number = source.member('PhoneNumber')
  const confirmed = source.member('PhoneNumberConfirmed')
  const value = filledText(number, user.at('claims', 'phone_number'))
  if (value === undefined) {
    confirmed.notNeeded('there is no number')
    return
  }
  claims.set('phone_number', value)
  const verified = flag(confirmed, user.at('claims', 'phone_number_verified'))
  if (verified !== undefined) claims.set('phone_number_verified', verified)
  user.set('claims', Object.fromEntries(claims))
}

/** Returns why a claim of this type is not carried over; undefined if it is. */
function problemOf(type: string, isStored: boolean): string | undefined {
  const found = problemOfClaim(type)
  if (type === '__proto__' || found?.kind === 'reserved') return 'only the server may set this claim'
  // The configuration has addresses of users in their claims.
  if (found === undefined || (!isStored && found.claim.startsWith('email'))) return undefined
  return type === 'roles'
    ? 'only claims of the type "role" are roles of the user; add others with "tessera users set-roles"'
    : 'it is a member of the user here, and not a claim; change it with "tessera users set"'
}

/**
 * Reads claims, and the roles and groups among them, after the roles that are known already. Several values of a type
 * become a list. A claim of the type `roles` is no role: only those of the type `role` are.
 */
function readClaims(source: Source, user: Target, roles: string[]): Map<string, unknown> {
  const claims = new Map<string, unknown>()
  const groups: string[] = []
  const isStored = user.at('claims')[0] === 'stored_users'
  for (const row of elementsOf(source)) {
    ignoreChildMembers(row)
    const [typeCell, cell] = [anyOf(row, 'Type', 'ClaimType'), anyOf(row, 'Value', 'ClaimValue')]
    const [type, text] = [typeCell.text(), cell.text()]
    const kind = row.member('ValueType')
    if (type === undefined || text === undefined) continue
    const problem = problemOf(type, isStored)
    if (roleTypes.has(type)) {
      outcome(row, user.at('roles', roles.length))
      roles.push(text)
    } else if (type === 'groups') {
      outcome(row, user.at('groups', groups.length))
      const value = typedValue(text, kind.exists ? kind.text() : undefined)
      groups.push(...[value].flat().map(String))
    } else if (isStored && (type === 'email' || type === 'email_verified'))
      row.notNeeded('the columns Email and EmailConfirmed count')
    else if (problem !== undefined) row.notPossible(problem)
    else {
      outcome(row, user.at('claims', type))
      const value = typedValue(text, kind.exists ? kind.text() : undefined)
      claims.set(type, claims.has(type) ? [claims.get(type), value].flat() : value)
    }
  }
  if (claims.size > 0) user.set('claims', Object.fromEntries(claims))
  if (groups.length > 0) user.set('groups', groups)
  if (roles.length > 0) user.set('roles', roles)
  return claims

  function outcome(row: Source, target: Path): void {
    for (const cell of [
      anyOf(row, 'Type', 'ClaimType'),
      anyOf(row, 'Value', 'ClaimValue'),
      row.member('ValueType'),
    ])
      cell.carriedOver(target)
  }
}

/** Claims are texts with a type: JSON, or one of XML Schema. */
function typedValue(text: string, type = ''): unknown {
  const kind = type.slice(type.indexOf('#') + 1).toLowerCase()
  if (kind === 'boolean' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  if (/^(integer|integer32|integer64|int|long|double)$/.test(kind) && /^-?\d{1,15}(\.\d+)?$/.test(text))
    return Number(text)
  if (kind !== 'json') return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
