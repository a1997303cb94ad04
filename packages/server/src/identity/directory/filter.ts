/**
 * LDAP filters (RFC 4515), and user names inside filters and distinguished names (RFC 4514), escaped so that they can't
 * change its meaning.
 */

import type { Filter } from 'ldapts'

const slot = '{username}'

/** Escapes an ASCII character, which is one byte. */
const hex = (character: string): string => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`

/** Returns the filter with the name in place of `{username}`. RFC 4515 §3: only five characters need an escape. */
export const filterFor = (template: string, username: string): string =>
  template.replaceAll(slot, () => username.replaceAll(/[\0()*\\]/g, hex))

/**
 * Returns the DN with the name in place of `{username}`; a template without `=` is another form of name that the
 * directory accepts for binding. Returns undefined for a name that such a template can't contain.
 */
export function bindNameFor(template: string, username: string): string | undefined {
  if (!template.includes('=')) {
    // Excludes all characters that could specify another domain or start a DN.
    return /^[\p{L}\p{M}\p{N}_.-]+$/u.test(username) ? template.replaceAll(slot, () => username) : undefined
  }
  const escaped = username.replaceAll(/[\0"+,;<=>\\#]|^ | $/g, hex)
  return template.replaceAll(slot, () => escaped)
}

/**
 * Parses a filter. Throws if the text is not a filter. In RFC 4515 §3 an escape is one byte, so `\c3\bc` is one letter,
 * but ldapts treats each escape as a character and encodes it again. ldapts therefore gets text with one character per
 * byte, and the values are decoded afterwards.
 */
export async function parseFilter(text: string): Promise<Filter> {
  const { FilterParser } = await import('ldapts')
  const filter = FilterParser.parseString(Buffer.from(text, 'utf8').toString('latin1'))
  decode(filter as Parts)
  return filter
}

/** The members that filters can have, depending on their kind. */
type Parts = {
  filter?: Parts
  filters?: Parts[]
  value?: string | Buffer
  initial?: string
  any?: string[]
  final?: string
}

function decode(parts: Parts): void {
  for (const part of [...(parts.filters ?? []), ...(parts.filter ? [parts.filter] : [])]) decode(part)
  if (typeof parts.value === 'string') parts.value = lettersOf(parts.value) ?? bytesOf(parts.value)
  if (parts.initial !== undefined) parts.initial = textOf(parts.initial)
  if (parts.any !== undefined) parts.any = parts.any.map(textOf)
  if (parts.final !== undefined) parts.final = textOf(parts.final)
}

const bytesOf = (value: string): Buffer => Buffer.from(value, 'latin1')

/** Decodes UTF-8; returns undefined for bytes that are not text, such as those of an objectGUID. */
function lettersOf(value: string): string | undefined {
  const bytes = bytesOf(value)
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? text : undefined
}

function textOf(value: string): string {
  const text = lettersOf(value)
  if (text === undefined) throw new Error('the LDAP filter has a value with * that is not UTF-8')
  return text
}
