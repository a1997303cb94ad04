/** Distinguished names: strings by RFC 4514, equal by RFC 5280 §7.1 (case and runs of spaces do not count). */

import { X509Certificate } from 'node:crypto'

/** Two names are equal when these texts are. */
export type CanonicalName = string

/** Undefined for text that is no distinguished name, or an empty one. */
export const parseDistinguishedName = (text: string): CanonicalName | undefined => canonical(split(text, ','))

/** The subject of a certificate (DER in base64); undefined where there is none to read. */
export function subjectOf(certificate: string): CanonicalName | undefined {
  let subject: string | undefined
  try {
    subject = new X509Certificate(Buffer.from(certificate, 'base64')).subject
  } catch {
    return undefined
  }
  // Node writes one relative name a line, each escaped by RFC 2253, the most significant first; RFC 4514 §2.1 has it last.
  return subject ? canonical(subject.split('\n').reverse()) : undefined
}

function canonical(relativeNames: readonly string[]): CanonicalName | undefined {
  const names: string[][] = []
  for (const relativeName of relativeNames) {
    const pairs: string[] = []
    for (const text of split(relativeName, '+')) {
      const pair = readPair(text)
      if (pair === undefined) return undefined
      pairs.push(pair)
    }
    // RFC 4514 §2.2: the pairs of one relative name are a set.
    names.push(pairs.sort())
  }
  return JSON.stringify(names)
}

/** Splits at a separator that no backslash escapes. */
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
  const found = attributeType.exec(text)
  if (!found) return undefined
  const type = found[1]?.toUpperCase() ?? ''
  const value = readValue(text.slice(found[0].length))
  if (value === undefined) return undefined
  return JSON.stringify([
    sameTypes[type] ?? type,
    value.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim(),
  ])
}

/** What may stand after a backslash: a special character, or a byte in hexadecimal (RFC 4514 §2.4). */
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

/** RFC 4514 §2.4: `#` and the BER encoding of the value; strings of up to 127 bytes are read. */
function readHex(text: string): string | undefined {
  const bytes = Buffer.from(text, 'hex')
  const isString = text.length === bytes.length * 2 && stringTags.includes(bytes[0])
  return isString && bytes[1] === bytes.length - 2 ? bytes.toString('utf8', 2) : undefined
}

/** Other names of attribute types (RFC 4519 §2, RFC 2985 §5.2.1) by the name that Node writes. */
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
