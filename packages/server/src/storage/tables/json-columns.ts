/** Checks the values of columns, and reads those that contain JSON. */

import type { ColumnKind } from './table.ts'

/** Descriptions of values that are not of their column's kind. */
export const kindProblems = {
  text: 'it is not a text',
  integer: 'it is not an integer below 2^53',
  bytes: 'it is not binary',
  list: 'it is not a list of texts in JSON',
  object: 'it is not an object in JSON',
  flag: 'it is neither true nor false in JSON',
} as const satisfies Record<ColumnKind, string>

/** Returns the value of a column; undefined if it is not of the kind, because the row was edited or damaged. */
export function readJson(text: unknown, kind: ColumnKind): unknown {
  try {
    const value: unknown = JSON.parse(text as string)
    return isOfKind(value, kind) ? value : undefined
  } catch {
    return undefined
  }
}

function isOfKind(value: unknown, kind: ColumnKind): boolean {
  if (kind === 'flag') return typeof value === 'boolean'
  if (kind === 'list') return Array.isArray(value) && value.every(one => typeof one === 'string')
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
