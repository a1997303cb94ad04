/** JSON objects, in values and texts that others wrote. */

import type { JsonObject } from './result.ts'

/** Returns whether a value is a JSON object: neither null nor a list. */
export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Returns the object that a text contains as JSON; undefined if it contains anything else. The text is never in an error. */
export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** No format needs as much. Deeper values overflow the stack of `JSON.stringify`, and SQLite reads 1,000 levels. */
const mostLevels = 500

/** Like {@link parseJsonObject}, but also returns undefined if a stranger's text has more than 500 levels. */
export const parseStrangersObject = (text: string): JsonObject | undefined =>
  isTooDeep(text) ? undefined : parseJsonObject(text)

/** Returns whether a text of JSON has more than 500 levels. */
export const isTooDeep = (text: string): boolean =>
  // Each level has two brackets.
  text.length > 2 * mostLevels && isNestedDeeper(text, mostLevels)

const jsonTokens = /"(?:\\.|[^"\\])*"?|[[\]{}]/gs

/**
 * Returns whether more brackets than this are open at once.
 * @param tokens matches brackets, and whatever may contain some that do not count: by default strings. Needs the flag `g`.
 */
export function isNestedDeeper(text: string, most: number, tokens: RegExp = jsonTokens): boolean {
  let levels = 0
  for (const [token] of text.matchAll(tokens)) {
    if (token === '[' || token === '{') levels += 1
    else if (token === ']' || token === '}') levels -= 1
    if (levels > most) return true
  }
  return false
}
