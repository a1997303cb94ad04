/** Maps a directory's entry to claims of the types that OpenID Connect Core 1.0 §5.1 defines. */

import type { Json, JsonObject } from '@tessera/protocol/result'
import { nameBelow } from '../../model/distinguished-name.ts'
import { type Directory, isGroupsAttribute } from '../../model/user.ts'
import { mapClaims } from '../external-identity.ts'
import type { DirectoryEntry } from './connection.ts'

/** Claims with a single value, even if the attribute has several (OpenID Connect Core 1.0 §5.1). */
const single: ReadonlySet<string> = new Set([
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'email',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
  'phone_number',
])

/** Returns the claims of an entry; undefined if they are too large. */
export function claimsOf(entry: DirectoryEntry, directory: Directory): JsonObject | undefined {
  const theirs = Object.fromEntries(
    Object.entries(directory.claims).map(([claim, attribute]) => {
      const written = [attributeOf(entry, attribute) ?? []].flat().map(String)
      const values = isGroupsAttribute(attribute) ? groupsOf(written, directory) : written
      return [claim, claimOf(claim, values, directory.list_claims.has(claim))]
    }),
  )
  return mapClaims(Object.fromEntries(Object.keys(theirs).map(claim => [claim, claim])), theirs)
}

/** Returns the value of an attribute. Attribute names are case-insensitive (RFC 4512 §2.5). */
export function attributeOf(entry: DirectoryEntry, attribute: string): DirectoryEntry[string] | undefined {
  const name = Object.keys(entry).find(key => key.toLowerCase() === attribute.toLowerCase())
  const value = name === undefined ? undefined : entry[name]
  return Array.isArray(value) && value.length === 0 ? undefined : value
}

/** Returns the groups below the base, by their DNs or names. */
const groupsOf = (dns: readonly string[], { group_base, group_format }: Directory): readonly string[] =>
  group_base === undefined
    ? dns
    : dns.flatMap(dn => {
        const name = nameBelow(group_base, dn)
        if (name === undefined) return []
        return group_format === 'name' ? name : dn
      })

function claimOf(claim: string, values: readonly string[], isList: boolean): Json | undefined {
  const [first] = values
  if (first === undefined) return undefined
  if (isList) return [...values]
  const typed = Object.hasOwn(types, claim) ? types[claim as keyof typeof types] : undefined
  if (typed) return typed(first)
  return single.has(claim) || values.length === 1 ? first : [...values]
}

const isTrue = (value: string): boolean => value.toUpperCase() === 'TRUE'

/** Standard claims that are not strings. */
const types = {
  // RFC 4517 §3.3.3: TRUE or FALSE.
  email_verified: isTrue,
  phone_number_verified: isTrue,
  updated_at: secondsOf,
  // RFC 4517 §3.3.28: lines are separated by $; \24 and \5c escape $ and the backslash.
  address: (value: string) => ({
    formatted: value
      .split('$')
      .map(line => line.trim().replaceAll(/\\(24|5c)/gi, (_, code) => (code === '24' ? '$' : '\\')))
      .join('\n'),
  }),
} as const satisfies Record<string, (value: string) => Json | undefined>

/** Parses a generalized time (RFC 4517 §3.3.13), such as 20261130061500Z, or a number of seconds. */
function secondsOf(value: string): number | undefined {
  const time = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)?(\d\d)?(?:[.,]\d+)?(Z|[+-]\d\d(?:\d\d)?)$/.exec(value)
  if (!time) return /^\d{1,10}$/.test(value) ? Number(value) : undefined
  const [, year, month, day, hour, minute = '00', second = '00', zone = 'Z'] = time
  const offset = zone === 'Z' ? zone : `${zone.slice(0, 3)}:${zone.slice(3) || '00'}`
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${offset}`)
  return Number.isNaN(at) ? undefined : Math.floor(at / 1000)
}
