/** Distinguished names: parsed by RFC 4514, compared by RFC 5280 §7.1 (ignoring case and repeated spaces). */

import type { X509Certificate } from 'node:crypto'

/** Names are equal if their canonical texts are. */
type CanonicalName = string

/** Returns the canonical name; undefined if the text is empty or not a distinguished name. */
export const parseDistinguishedName = (text: string): CanonicalName | undefined => canonical(split(text, ','))

/**
 * Returns the name of an entry below a base: the value of its relative name, as written. Returns undefined for an entry
 * that is not below the base, or whose relative name has several pairs.
 */
export function nameBelow(base: string, text: string): string | undefined {
  const [above, names] = [relativeNames(split(base, ',')), relativeNames(split(text, ','))]
  if (!above || !names || names.length <= above.length) return undefined
  const isBelow = JSON.stringify(names.slice(-above.length)) === JSON.stringify(above)
  const pairs = split(split(text, ',')[0] ?? '', '+')
  return isBelow && pairs.length === 1 ? partsOf(pairs[0] ?? '')?.value.trim() : undefined
}

/** Returns the subject of a certificate; undefined if it has none. */
export function subjectOf({ subject }: Pick<X509Certificate, 'subject'>): CanonicalName | undefined {
  // Node writes one RDN per line in RFC 2253 escaping, most significant first. RFC 4514 §2.1 puts it last.
  return subject ? canonical(subject.split('\n').reverse()) : undefined
}

function canonical(texts: readonly string[]): CanonicalName | undefined {
  const names = relativeNames(texts)
  return names && JSON.stringify(names)
}

function relativeNames(texts: readonly string[]): readonly (readonly string[])[] | undefined {
  const names: string[][] = []
  for (const relativeName of texts) {
    const pairs: string[] = []
    for (const text of split(relativeName, '+')) {
      const pair = readPair(text)
      if (pair === undefined) return undefined
      pairs.push(pair)
    }
    // RFC 4514 §2.2: the pairs of an RDN are a set.
    names.push(pairs.sort())
  }
  return names
}

/** Splits at unescaped separators. */
function split(text: string, separator: string): readonly string[] {
  const parts: string[] = []
  let start = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === separator) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  return [...parts, text.slice(start)]
}

const attributeType = /^\s*(?:OID\.)?([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=/i

function readPair(text: string): string | undefined {
  const parts = partsOf(text)
  if (!parts) return undefined
  const { type, value } = parts
  return JSON.stringify([
    sameTypes[type] ?? type,
    value.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim(),
  ])
}

function partsOf(text: string): { readonly type: string; readonly value: string } | undefined {
  const found = attributeType.exec(text)
  if (!found) return undefined
  const value = readValue(text.slice(found[0].length))
  return value === undefined ? undefined : { type: found[1]?.toUpperCase() ?? '', value }
}

/** Escape sequences: a special character, or bytes in hexadecimal (RFC 4514 §2.4). */
const escapes = /((?:\\[0-9a-f]{2})+)|\\([\\"+,;<>#= ])|(["\\;<>])/gi

function readValue(text: string): string | undefined {
  const trimmed = text.trimStart()
  if (trimmed.startsWith('#')) return readHex(trimmed.slice(1).trimEnd())
  let malformed = false
  const value = text.replace(escapes, (_, bytes?: string, special?: string) => {
    if (bytes !== undefined) return Buffer.from(bytes.replaceAll('\\', ''), 'hex').toString('utf8')
    if (special !== undefined) return special
    malformed = true
    return ''
  })
  return malformed ? undefined : value
}

/** UTF8String, PrintableString, IA5String. */
const stringTags: readonly (number | undefined)[] = [0x0c, 0x13, 0x16]

/** Decodes `#` followed by a BER value (RFC 4514 §2.4): strings of up to 127 bytes. */
function readHex(text: string): string | undefined {
  const bytes = Buffer.from(text, 'hex')
  const isString = text.length === bytes.length * 2 && stringTags.includes(bytes[0])
  return isString && bytes[1] === bytes.length - 2 ? bytes.toString('utf8', 2) : undefined
}

/** Maps other names of attribute types (RFC 4519 §2, RFC 2985 §5.2.1) to those that Node writes. */
const sameTypes: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'SERIALNUMBER',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  S: 'ST',
  '2.5.4.9': 'STREET',
  STREETADDRESS: 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'TITLE',
  '2.5.4.15': 'BUSINESSCATEGORY',
  '2.5.4.17': 'POSTALCODE',
  '2.5.4.42': 'GN',
  GIVENNAME: 'GN',
  '2.5.4.97': 'ORGANIZATIONIDENTIFIER',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'EMAILADDRESS',
  E: 'EMAILADDRESS',
}
