/** Outcomes that many members have in common. */

import { listOf, membersOf } from './raw.ts'
import type { Source } from './source.ts'

const blank: ReadonlySet<unknown> = new Set([undefined, null, false, 'false', '', 0, '0'])

/** Returns whether a value says nothing: `false`, zero, an empty text, or an object or list of such values. */
export const isBlank = (value: unknown, depth = 0): boolean =>
  blank.has(value) ||
  (typeof value === 'object' &&
    value !== null &&
    depth < 10 &&
    Object.values(value).every(one => isBlank(one, depth + 1)))

/** Returns the elements of a list. Reports an empty one; a missing one has none. */
export function elements(source: Source): readonly Source[] {
  if (!source.exists) return []
  const list = source.list()
  if (source.isList && listOf(source.whole()).every(one => one === null)) source.notNeeded('it is empty')
  return list
}

/** Returns the members of an object whose names are data. Those that are null are reported as empty. */
export function entries(source: Source): readonly (readonly [name: string, value: Source])[] {
  if (!source.isObject) return source.exists ? source.members() : []
  const found = Object.entries(membersOf(source.whole())).filter(([, value]) => value !== null)
  if (found.length === 0) source.notNeeded('it is empty')
  return found.map(([name]) => [name, source.member(name)] as const)
}

/** Reports members that have no effect here. */
export function notNeeded(source: Source, names: readonly string[], why: string): void {
  for (const name of names) source.member(name).notNeeded(why)
}

/** Reports a value that can't be carried over, unless it says nothing. */
export function leaveOut(source: Source, why: string): void {
  if (isBlank(source.whole())) source.notNeeded('it is empty or off')
  else source.notPossible(why)
}

/** Reports members that can't be carried over, by name. */
export function leaveOutAll(source: Source, reasons: Readonly<Record<string, string>>): void {
  for (const [name, why] of Object.entries(reasons)) leaveOut(source.member(name), why)
}

/** Reports a setting whose usual value needs nothing here. */
export function expectValue(source: Source, usual: readonly unknown[], why: string): void {
  if (usual.includes(source.whole())) source.notNeeded('this server does the same')
  else source.notPossible(why)
}

/** Keycloak replaces secrets by asterisks in exports that its console makes. */
export const isMasked = (value: unknown): boolean =>
  typeof value === 'string' && (/^\*+$/.test(value) || /^\$\{.*\}$/.test(value))
