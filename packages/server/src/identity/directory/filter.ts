/** LDAP filters from their text (RFC 4515), to the byte. */

import type { Filter } from 'ldapts'

/**
 * Returns the filter that the text stands for. An escape is one byte (RFC 4515 §3), so `\c3\bc` is one letter; ldapts takes each
 * escape for a character of its own and encodes it again. It is therefore given a text with one character for each byte,
 * and its values are put together to letters afterwards. Throws for what is no filter.
 */
export async function parseFilter(text: string): Promise<Filter> {
  const { FilterParser } = await import('ldapts')
  const filter = FilterParser.parseString(Buffer.from(text, 'utf8').toString('latin1'))
  decode(filter as Parts)
  return filter
}

/** The members that the kinds of filters have. */
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

/** Undefined for bytes that are no text, such as those of an objectGUID. */
function lettersOf(value: string): string | undefined {
  const bytes = bytesOf(value)
  const text = bytes.toString('utf8')
  return Buffer.from(text, 'utf8').equals(bytes) ? text : undefined
}

function textOf(value: string): string {
  const text = lettersOf(value)
  if (text === undefined) throw new Error('a part of a value with * in an LDAP filter is not UTF-8')
  return text
}
