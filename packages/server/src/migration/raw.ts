/** Reads values of any type without recording them, for facts that several importers' steps need. */

import { isJsonObject } from '@tessera/protocol/json'

export type Members = Readonly<Record<string, unknown>>

export const membersOf = (value: unknown): Members => (isJsonObject(value) ? value : {})

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

export const textsOf = (value: unknown): readonly string[] =>
  listOf(value).filter(one => typeof one === 'string')

export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** Returns an own member; undefined if there is none. */
export const own = (members: Members, name: string): unknown =>
  Object.hasOwn(members, name) ? members[name] : undefined
