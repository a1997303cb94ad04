/**
 * Reads HTTP Basic credentials, either form-encoded as RFC 6749 §2.3.1 requires, or plain as many clients send them
 * (RFC 7617).
 */

import { maxClientIdUrlLength } from '@tessera/protocol/client-id-url'
import { decode } from '@tessera/protocol/parameters'
import { isTooLong, maxClientIdLength, maxClientSecretLength, type SecretReading } from './method.ts'

/** An empty secret only identifies the client. */
type BasicCredentials = SecretReading & {
  /** Other interpretations of the header; undefined if there is only one. */
  readonly others?: readonly SecretReading[]
}

/** Returns the longest accepted base64 text: the longest id and secret with every character percent-encoded. */
const maxLengthFor = (maxIdLength: number): number =>
  4 * Math.ceil((3 * (maxIdLength + maxClientSecretLength) + 1) / 3)

/** The base64 text of `http`. */
const beginningOfUrl = 'aHR0c'

const scheme = /^basic(?:[ \t]+|$)/i

/**
 * Returns the credentials of a Basic header, `malformed` if they can't be read, or undefined for another scheme.
 * Many clients don't form-encode id and secret, so a header can have two readings. Id and secret always come from the
 * same reading: a client `a+b` must not be authenticated by the secret of `a b`.
 */
export function readBasicHeader(
  header: string | undefined,
  maxIdLength = maxClientIdLength,
): BasicCredentials | 'malformed' | undefined {
  const start = header === undefined ? null : scheme.exec(header)
  if (header === undefined || start === null) return undefined
  const encoded = header.slice(start[0].length)
  const longestId = encoded.startsWith(beginningOfUrl) ? maxClientIdUrlLength : maxIdLength
  if (encoded === '' || encoded.length > maxLengthFor(longestId)) return 'malformed'
  const bytes = Buffer.from(encoded, 'base64')
  // Buffer skips invalid characters, so accept only the canonical encoding (RFC 4648 §3.5).
  if (bytes.toString('base64') !== encoded) return 'malformed'
  const pair = bytes.toString('utf8')
  const colon = pair.indexOf(':')
  // Decoding replaces invalid UTF-8 with U+FFFD.
  if (colon <= 0 || /[\0\uFFFD]/.test(pair)) return 'malformed'
  const [id, secret] = [pair.slice(0, colon), pair.slice(colon + 1)]
  const readings = /[+%]/.test(pair) ? readingsOf(id, secret) : [{ client_id: id, secret }]
  const [first, ...others] = readings.filter(
    reading => !isTooLong(reading.client_id, maxIdLength) && reading.secret.length <= maxClientSecretLength,
  )
  if (first === undefined) return 'malformed'
  return others.length === 0 ? first : { ...first, others }
}

/** Returns the form-decoded reading first (RFC 6749 §2.3.1), then the literal one. */
function readingsOf(id: string, secret: string): readonly SecretReading[] {
  const [decodedId, decodedSecret] = [decode(id), decode(secret)]
  const encoded =
    decodedId === undefined || decodedSecret === undefined
      ? []
      : [{ client_id: decodedId, secret: decodedSecret }]
  const plain = [{ client_id: id, secret, isUnencoded: true }]
  // RFC 7617 §2: an id with a colon must be encoded; its secret may still be literal.
  if (decodedId?.includes(':')) plain.push({ client_id: decodedId, secret, isUnencoded: true })
  const isNew = (one: SecretReading): boolean =>
    !encoded.some(({ client_id, secret }) => one.client_id === client_id && one.secret === secret)
  return [...encoded, ...plain.filter(isNew)]
}
