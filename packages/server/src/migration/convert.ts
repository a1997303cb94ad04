/** Converts single values and lists of a source, and gives each its outcome. */

import type { Path } from '../configuration/validation/schema.ts'
import type { Target } from './draft.ts'
import type { Source } from './source.ts'

/** Returns the value for the key at `target`; undefined if there is none. The reason is reported then. */
export type Convert<Value> = (source: Source, target: Path) => Value | undefined

/** Copies a member to a key. */
export function carry<Value>(source: Source, target: Target, key: string, convert: Convert<Value>): void {
  target.set(key, convert(source, target.at(key)))
}

const carried =
  <Value>(read: (source: Source) => Value | undefined): Convert<Value> =>
  (source, target) => {
    const value = read(source)
    if (value !== undefined) source.carriedOver(target)
    return value
  }

const text: Convert<string> = carried(source => source.text())
/** A text; an empty one counts as omitted. */
export const filledText: Convert<string> = (source, target) => {
  const value = source.text()
  if (value !== '') return value === undefined ? undefined : text(source, target)
  source.notNeeded('it is empty')
}
export const flag: Convert<boolean> = carried(source => source.flag())
export const integer: Convert<number> = carried(source => source.integer())
/** A value that is true or false, where the default allows more: a value of another type counts as false. */
export const flagOrFalse: Convert<boolean> = (source, target) =>
  flag(source, target) ?? (source.exists ? false : undefined)
/** Any JSON, with everything in it. */
export const json: Convert<unknown> = (source, target) => {
  if (!source.exists) return
  source.carriedOver(target)
  return source.whole()
}

/** One of several values. The keys of `values` are compared without case, and numbers as decimal text. */
export const choice =
  <Value>(values: Readonly<Record<string, Value>>): Convert<Value> =>
  (source, target) => {
    const written = source.whole()
    const wanted = typeof written === 'number' ? String(written) : source.text()
    if (wanted === undefined) return
    const key = Object.keys(values).find(name => name.toLowerCase() === wanted.trim().toLowerCase())
    if (key !== undefined) {
      source.carriedOver(target)
      return values[key]
    }
    source.notPossible(`it is not one of ${Object.keys(values).join(', ')}`)
  }

/** A list of texts, each with its own outcome. Repeated texts are left out. */
export const texts: Convert<readonly string[]> = (source, target) => {
  if (!source.exists) return
  const values: string[] = []
  for (const element of source.list()) {
    const value = element.text()
    if (value === undefined) continue
    if (values.includes(value)) {
      element.notNeeded('it is in the list already')
      continue
    }
    element.carriedOver([...target, values.length])
    values.push(value)
  }
  return values
}
