/**
 * Makes values of a log safe to print: masks what looks like a secret, although no line of Tessera contains one, and
 * escapes control characters, which could change what a terminal shows.
 */

import { secretFields } from '../secret-fields.ts'

/** Tokens of this server (see `model/handle.ts`), and JSON Web Tokens. */
const secrets = /\bt[a-z]{1,2}_[\w-]{20,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*/g
const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
const unescapedInJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const escapedCharacter = (found: string): string => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Escapes control characters, also those that only change the direction of text. */
export const escaped = (text: string): string => text.replace(controls, escapedCharacter)

/** Escapes the same characters except line feeds, for texts of several lines. */
export const escapedLines = (text: string): string =>
  text.replace(controls, found => (found === '\n' ? found : escapedCharacter(found)))

/** Escapes the same characters in a line of JSON, which has the same meaning. JSON contains no unescaped U+0000 to U+001F. */
export const escapedJson = (json: string): string => json.replace(unescapedInJson, escapedCharacter)

export const printable = (text: string): string =>
  escaped(text.replace(secrets, found => `${found.slice(0, 3)}… (${found.length} characters)`))

/** Returns a copy of a JSON value whose texts are {@link printable} and whose secret fields are masked. */
export function masked(value: unknown): unknown {
  if (typeof value === 'string') return printable(value)
  if (Array.isArray(value)) return value.map(masked)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      printable(name),
      secretFields.has(name) ? '[Redacted]' : masked(member),
    ]),
  )
}
