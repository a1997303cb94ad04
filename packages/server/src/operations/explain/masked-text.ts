/**
 * Makes values of a log safe to print: masks what looks like a secret, although no line of Tessera contains one, and
 * escapes control characters, which could change what a terminal shows.
 */

import { escaped } from '../output/escaped-text.ts'
import { secretFields } from '../secret-fields.ts'

/** Tokens of this server (see `model/handle.ts`), and JSON Web Tokens. */
const secrets = /\bt[a-z]{1,2}_[\w-]{20,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*/g
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
