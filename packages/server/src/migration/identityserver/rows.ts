/** Members of IdentityServer's models, and rows of its tables, which have the same values in columns. */

import type { Convert } from '../convert.ts'
import type { Source } from '../source.ts'

const rowNumber = 'it is a key of the database'
const dates = 'it is only a date of the old record'

const rowMembers: Readonly<Record<string, string>> = {
  Id: rowNumber,
  Created: dates,
  Updated: dates,
  LastAccessed: dates,
  NonEditable: 'entries of a configuration are changed there',
}

/** Keys of the row that a row belongs to. */
const foreignKeys = [
  'ClientId',
  'ApiResourceId',
  'ScopeId',
  'ApiScopeId',
  'IdentityResourceId',
  'UserId',
] as const

export function ignoreRowMembers(source: Source): void {
  for (const [name, why] of Object.entries(rowMembers)) source.member(name).notNeeded(why)
}

/** As `ignoreRowMembers`, for rows of a child table. */
export function ignoreChildMembers(source: Source): void {
  ignoreRowMembers(source)
  for (const name of foreignKeys) source.member(name).notNeeded(rowNumber)
}

/** Returns the member with the first of these names that exists: a property of the model, or a child table. */
export const anyOf = (source: Source, ...names: readonly string[]): Source =>
  names.map(name => source.member(name)).find(({ exists }) => exists) ?? source.member(names[0]!)

/** Returns the elements of a list; none if it is missing. */
export const elementsOf = (source: Source): readonly Source[] => (source.exists ? source.list() : [])

/** A list of texts, or of rows with the text in this column. */
export const column =
  (name: string): Convert<readonly string[]> =>
  (source, target) => {
    if (!source.exists) return
    const values: string[] = []
    for (const element of source.list()) {
      const cell = cellOf(element, name)
      const value = cell.text()
      if (value === undefined) continue
      if (values.includes(value)) cell.notNeeded('it is in the list already')
      else {
        cell.carriedOver([...target, values.length])
        values.push(value)
      }
    }
    return values
  }

/** Returns the text itself, or that of a row. Reports a row without it. */
export function cellOf(element: Source, name: string): Source {
  if (!element.isObject) return element
  ignoreChildMembers(element)
  const cell = element.member(name)
  if (!cell.exists) element.notPossible(`it has no ${name}`)
  return cell
}

/** Reports custom properties: an object, or rows with `Key` and `Value`. */
export function refuseProperties(source: Source): void {
  if (source.isList ? source.list().length > 0 : source.isObject && source.members().length > 0)
    source.notPossible('there are no custom properties; a hook can keep them beside the configuration')
  else source.notNeeded('it is empty')
}

/** Returns seconds: a number, or a TimeSpan such as `10:00:00` or `30.00:00:00`. */
export const seconds: Convert<number> = (source, target) => {
  const written = source.whole()
  const [all, days = '0', hours = '0', minutes = '0', rest = '0'] =
    typeof written === 'string' ? (/^(?:(\d+)\.)?(\d+):(\d\d):(\d\d)(?:\.0+)?$/.exec(written) ?? []) : []
  const value = all
    ? ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(rest)
    : source.integer()
  if (value !== undefined) source.carriedOver(target)
  return value
}

/** Returns a time in ISO 8601. Databases write UTC without a zone. */
export function instantOf(text: string): string | undefined {
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`
  const time = Date.parse(zoned.replace(' ', 'T'))
  return Number.isNaN(time) ? undefined : new Date(time).toISOString()
}
