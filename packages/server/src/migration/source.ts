/**
 * Reads values of a file that another server wrote. Records which members were read and what became of them, so that
 * all others can be reported.
 */

import type { Path } from '../configuration/validation/schema.ts'
import type { Outcome, Report } from './report.ts'

/** How a format differs from plain JSON. */
export type Dialect = {
  /** The case of members' names does not matter, as in .NET. */
  readonly ignoreCase?: boolean
  /** Numbers and booleans may be written as strings. */
  readonly textValues?: boolean
  /** A list may be an object whose names don't matter, as in .NET's configuration. */
  readonly keyedLists?: boolean
}

/** A value at one place of a file. Reading it as another type than it has reports that, and returns undefined. */
export type Source = {
  readonly path: Path
  /** False if the member is missing or null. */
  readonly exists: boolean
  readonly isObject: boolean
  readonly isList: boolean
  /** Returns a member of an object. It may not exist. */
  readonly member: (name: string) => Source
  /** Returns all members except those that are null, for objects whose names are data. */
  readonly members: () => readonly (readonly [name: string, value: Source])[]
  readonly list: () => readonly Source[]
  /** Reads each element and reports what was not read of it. Only for lists that are read once: it keeps no element. */
  readonly each: (read: (element: Source) => void) => void
  readonly text: () => string | undefined
  readonly integer: () => number | undefined
  readonly flag: () => boolean | undefined
  /** Returns the value as it is, with everything in it. */
  readonly whole: () => unknown
  /** Each value needs one of these outcomes, or those of its members. The last two include all members. */
  readonly carriedOver: (target: Path) => void
  readonly changed: (why: string, target?: Path) => void
  readonly notNeeded: (why: string) => void
  readonly notPossible: (why: string) => void
  /** Reports a key that no single member of this object leads to. */
  readonly added: (why: string, target: Path) => unknown
}

type Root = Source & {
  /** Reports everything in the file that has no outcome yet. */
  readonly reportUnread: () => void
}

type Node = Root & { readonly reportUnknown: () => void }

export function openSource(file: string, value: unknown, report: Report, dialect: Dialect = {}): Root {
  return node(value, [])

  function node(value: unknown, path: Path): Node {
    let children: Map<PropertyKey, Node> | undefined
    const exists = value !== undefined && value !== null
    const isList = Array.isArray(value)
    const isObject = typeof value === 'object' && exists && !isList
    let isOpen = false
    let isFinished = false
    let hasOutcome = false
    let isDropped = false

    const add = (outcome: Outcome, why?: string, target?: Path): void => {
      report.lines.push({ file, source: path, outcome, ...(target && { target }), ...(why && { why }) })
    }
    const settle = (outcome: Outcome, why?: string, target?: Path): void => {
      // A value of the wrong type is reported once.
      if (hasOutcome && isDropped) return
      hasOutcome = true
      if (exists) add(outcome, why, target)
    }
    const drop = (outcome: Outcome, why: string): void => {
      settle(outcome, why)
      isDropped = true
    }
    const wrong = (expected: string): undefined => {
      if (exists && !hasOutcome) drop('not_possible', `it is ${kindOf(value)}; expected ${expected}`)
    }
    const child = (key: string | number): Node => {
      const known = children?.get(key)
      if (known) return known
      // Only own members: inherited ones such as `constructor` are not in the file.
      const own = exists && Object.hasOwn(value, key)
      const created = node(own ? (value as Record<PropertyKey, unknown>)[key] : undefined, [...path, key])
      children ??= new Map()
      children.set(key, created)
      return created
    }
    const keyOf = (name: string): string => {
      if (!dialect.ignoreCase || Object.hasOwn(value as object, name)) return name
      const lower = name.toLowerCase()
      return Object.keys(value as object).find(key => key.toLowerCase() === lower) ?? name
    }

    return {
      path,
      exists,
      isObject,
      isList,
      member(name) {
        if (!isObject) {
          wrong('an object')
          return node(undefined, [...path, name])
        }
        isOpen = true
        return child(keyOf(name))
      },
      members() {
        if (!isObject) return wrong('an object') ?? []
        isOpen = true
        return Object.entries(value as object).flatMap(([name, one]) =>
          one === null || one === undefined ? [] : [[name, child(name)] as const],
        )
      },
      list() {
        if (isObject && dialect.keyedLists) return this.members().map(([, one]) => one)
        if (!isList) return wrong('a list') ?? []
        isOpen = true
        return [...value.keys()].flatMap(index => {
          if (value[index] !== null && value[index] !== undefined) return child(index)
          child(index).reportUnknown()
          return []
        })
      },
      each(read) {
        if (isObject && dialect.keyedLists) {
          for (const one of this.list()) read(one)
          return
        }
        if (!isList) return wrong('a list')
        isFinished = true
        for (const [index, one] of value.entries()) {
          const element = node(one, [...path, index])
          if (one === null || one === undefined) element.reportUnknown()
          else {
            read(element)
            element.reportUnread()
          }
        }
      },
      text: () => (typeof value === 'string' ? value : wrong('a string')),
      integer() {
        const number = dialect.textValues && isInteger(value) ? Number(value) : value
        return Number.isSafeInteger(number) ? (number as number) : wrong('a whole number')
      },
      flag() {
        if (typeof value === 'boolean') return value
        const text = dialect.textValues && typeof value === 'string' ? value.trim().toLowerCase() : ''
        return text === 'true' || text === 'false' ? text === 'true' : wrong('true or false')
      },
      whole: () => value,
      carriedOver: target => settle('carried_over', undefined, target),
      changed: (why, target) => settle('changed', why, target),
      notNeeded: why => drop('not_needed', why),
      notPossible: why => drop('not_possible', why),
      added: (why, target) =>
        report.lines.push({ file, source: path, outcome: 'changed', target, why, isAdded: true }),
      reportUnread() {
        if (isDropped || isFinished || (hasOutcome && !isOpen)) return
        if (!isOpen) {
          if (exists) add('not_possible', unknown)
          return
        }
        const keys = isList ? [...value.keys()] : Object.keys(value as object)
        // An empty member means nothing, but an empty row may be one whose columns were lost.
        if (keys.length === 0 && !hasOutcome && typeof path.at(-1) === 'number')
          add('not_needed', 'it is empty')
        for (const key of keys) {
          const known = children?.get(key)
          if (known) known.reportUnread()
          else child(key).reportUnknown()
        }
      },
      reportUnknown() {
        isDropped = true
        if (exists) add('not_possible', unknown)
        else add('not_needed', 'it is null')
      },
    }
  }
}

const unknown = 'the importer does not know it'

const isInteger = (value: unknown): boolean => typeof value === 'string' && /^-?\d{1,15}$/.test(value.trim())

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'number') return 'a number'
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return 'a string'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
