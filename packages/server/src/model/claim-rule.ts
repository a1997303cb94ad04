/** Rules that derive the claims of tokens from those of the user: renamed, fixed, or mapped from groups and roles. */

import { isJsonObject } from '@tessera/protocol/json'
import type { Json, JsonObject } from '@tessera/protocol/result'
import { type Membership, memberships, membershipsOf } from './membership.ts'

/** A claim's name, or the names that lead to a member of an object: `['realm_access', 'roles']`. */
export type ClaimPath = readonly [string, ...string[]]

export type ClaimRule = {
  /** The claim that the rule sets. */
  readonly claim: ClaimPath
  /** A fixed value. Otherwise the value comes from a claim of the user. */
  readonly value?: Json
  /** The claim of the user. */
  readonly from?: ClaimPath
  /** Keeps only texts that begin with this. */
  readonly starts_with?: string
  /** Removed from the beginning of each text that has it. */
  readonly remove_prefix?: string
  /** The value for each text; texts without a value are omitted. */
  readonly map?: Readonly<Record<string, Json>>
  /** A prefix for each text. */
  readonly add_prefix?: string
  /** Applies only to users in one of these groups. */
  readonly if_group?: readonly string[]
  /** Applies only to users with one of these roles. */
  readonly if_role?: readonly string[]
  /** Whether the claim is a list even with one value. */
  readonly list?: boolean
}

/** An entry in the `claims` of a scope or an API: the user's claim of this name, or a rule. */
export type ClaimEntry = string | ClaimRule

/** Returns the name of the claim in the token. */
export const claimName = (entry: ClaimEntry): string => (typeof entry === 'string' ? entry : entry.claim[0])

/** Returns the names of the claims in the token, each once. */
export const claimNames = (entries: readonly ClaimEntry[]): readonly string[] => [
  ...new Set(entries.map(claimName)),
]

/** Returns the names of the user's claims that the entries read, each once. */
export const sourceNames = (entries: readonly ClaimEntry[]): readonly string[] => [
  ...new Set(entries.flatMap(sourcesOf)),
]

/**
 * Returns the entries for a client: its own rules replace those of scopes and APIs for a claim of the same name, and
 * have no effect for a claim that these do not contain.
 */
export function entriesFor(
  entries: readonly ClaimEntry[],
  rules: readonly ClaimRule[] = [],
): readonly ClaimEntry[] {
  if (rules.length === 0) return entries
  const asked = new Set(claimNames(entries))
  const own = rules.filter(rule => asked.has(claimName(rule)))
  const replaced = new Set(claimNames(own))
  return [...entries.filter(entry => !replaced.has(claimName(entry))), ...own]
}

/**
 * Returns the claims of the entries, made from the user's claims. The first entry that has a value for a claim gives
 * it; if that is a list, the lists of the other entries are added to it, each value once. Claims that only rules read
 * are omitted; others that no entry contains, which a hook may return, are kept.
 */
export function applyEntries(entries: readonly ClaimEntry[], known: JsonObject): JsonObject {
  if (entries.every(entry => typeof entry === 'string')) return known
  const handled = new Set([...sourceNames(entries), ...claimNames(entries)])
  const claims: Claims = Object.fromEntries(Object.entries(known).filter(([name]) => !handled.has(name)))
  for (const entry of entries) {
    const [path, value] =
      typeof entry === 'string'
        ? [[entry] as const, own(known, entry)]
        : [entry.claim, ruleValue(entry, known)]
    if (value !== undefined) add(claims, path, value)
  }
  return claims
}

type Claims = Record<string, Json>

const sourcesOf = (entry: ClaimEntry): readonly string[] => {
  if (typeof entry === 'string') return [entry]
  return [
    ...(entry.from ? [entry.from[0]] : []),
    ...memberships.filter(kind => conditionOf(entry, kind) !== undefined),
  ]
}

const conditionOf = (rule: ClaimRule, kind: Membership): readonly string[] | undefined =>
  ({ groups: rule.if_group, roles: rule.if_role })[kind]

/** Returns the value that a rule produces; undefined if there is none. */
function ruleValue(rule: ClaimRule, known: JsonObject): Json | undefined {
  const applies = memberships.every(kind => {
    const wanted = conditionOf(rule, kind)
    return wanted === undefined || membershipsOf(known, kind).some(name => wanted.includes(name))
  })
  if (!applies) return undefined
  const value = rule.value ?? readFrom(rule, known)
  if (value === undefined || value === null) return undefined
  return rule.list && !Array.isArray(value) ? [value] : value
}

function readFrom(rule: ClaimRule, known: JsonObject): Json | undefined {
  const found = rule.from?.reduce<Json | undefined>(
    (at, name) => (isJsonObject(at) ? own(at, name) : undefined),
    known,
  )
  if (found === undefined || found === null) return undefined
  const value = changesText(rule) ? textsOf(rule, found) : found
  return Array.isArray(value) && value.length === 0 ? undefined : value
}

const changesText = ({ starts_with, remove_prefix, map, add_prefix }: ClaimRule): boolean =>
  [starts_with, remove_prefix, map, add_prefix].some(given => given !== undefined)

/** Returns a list if the claim is a list, or if the value in `map` is. */
function textsOf(rule: ClaimRule, found: Json): Json | undefined {
  const { starts_with = '', remove_prefix = '', map, add_prefix = '' } = rule
  const values = [found]
    .flat()
    .filter(value => ['string', 'number', 'boolean'].includes(typeof value))
    .map(String)
    .filter(text => text.startsWith(starts_with))
    .map(text => (text.startsWith(remove_prefix) ? text.slice(remove_prefix.length) : text))
    .filter(text => text !== '')
    .map(text => (map ? own(map, text) : text))
    .filter(value => value !== undefined)
    .map(value => mapTexts(value, text => add_prefix + text))
  return Array.isArray(found) ? union(values.flat()) : values[0]
}

const mapTexts = (value: Json, change: (text: string) => string): Json => {
  if (typeof value === 'string') return change(value)
  return Array.isArray(value) ? value.map(one => (typeof one === 'string' ? change(one) : one)) : value
}

/** Adds a value at a path, in copies of the objects along the path. An existing value is kept, and lists are joined. */
function add(claims: Claims, [name, ...rest]: readonly string[], value: Json): void {
  // Assigning this key would set the prototype.
  if (name === '__proto__') return
  const before = own(claims, name!)
  if (rest.length > 0) {
    if (before !== undefined && !isJsonObject(before)) return
    const inner: Claims = { ...before }
    add(inner, rest, value)
    claims[name!] = inner
  } else if (before === undefined) claims[name!] = value
  else if (Array.isArray(before) && Array.isArray(value)) claims[name!] = union([...before, ...value])
}

/** Returns each value once. */
const union = (values: readonly Json[]): Json => [
  ...new Map(values.map(value => [JSON.stringify(value), value])).values(),
]

const own = (claims: Readonly<Record<string, Json>>, name: string): Json | undefined =>
  Object.hasOwn(claims, name) ? claims[name] : undefined
