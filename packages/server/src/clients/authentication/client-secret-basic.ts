/** `client_secret_basic`: HTTP Basic with form-encoded halves (RFC 6749 §2.3.1, RFC 7617). */

import { decode } from '@tessera/protocol/parameters'
import { verifySecret } from './client-secret.ts'
import {
  type AuthenticationMethod,
  maxClientIdLength,
  maxClientSecretLength,
  type SecretReading,
} from './method.ts'

export const clientSecretBasic: AuthenticationMethod = { name: 'client_secret_basic', verify: verifySecret }

/** An empty secret only says who the client is. */
export type BasicCredentials = SecretReading & {
  /** How else the header can be read; undefined where there is one way only. */
  readonly others?: readonly SecretReading[]
}

/** Room for the longest id and secret in printable ASCII with every character percent-encoded, in base64; checked before decoding. */
const maxLengthFor = (maxIdLength: number): number =>
  4 * Math.ceil((3 * (maxIdLength + maxClientSecretLength) + 1) / 3)

const scheme = /^basic(?:[ \t]+|$)/i

/**
 * Many clients send id and secret as they are, without form-encoding. Where that makes a difference, the header has two
 * readings. Id and secret are taken from the same one: a client whose id is `a+b` must not be authenticated by the
 * secret that is meant for `a b`.
 *
 * Reads an `Authorization` header: undefined where it is missing or of another scheme, `malformed` where it is Basic and can't be read. */
export function readBasic(
  header: string | undefined,
  maxIdLength = maxClientIdLength,
): BasicCredentials | 'malformed' | undefined {
  const start = header === undefined ? null : scheme.exec(header)
  if (header === undefined || start === null) return undefined
  const encoded = header.slice(start[0].length)
  if (encoded === '' || encoded.length > maxLengthFor(maxIdLength)) return 'malformed'
  const bytes = Buffer.from(encoded, 'base64')
  // Buffer skips what is not base64; only the one canonical encoding is taken (RFC 4648 §3.5).
  if (bytes.toString('base64') !== encoded) return 'malformed'
  const pair = bytes.toString('utf8')
  const colon = pair.indexOf(':')
  // U+FFFD stands for what is not UTF-8.
  if (colon <= 0 || /[\0\uFFFD]/.test(pair)) return 'malformed'
  const [id, secret] = [pair.slice(0, colon), pair.slice(colon + 1)]
  const readings = /[+%]/.test(pair) ? readingsOf(id, secret) : [{ client_id: id, secret }]
  const [first, ...others] = readings.filter(
    reading => reading.client_id.length <= maxIdLength && reading.secret.length <= maxClientSecretLength,
  )
  if (first === undefined) return 'malformed'
  return others.length === 0 ? first : { ...first, others }
}

/** As RFC 6749 §2.3.1 says first, then as it stands. */
function readingsOf(id: string, secret: string): readonly SecretReading[] {
  const [decodedId, decodedSecret] = [decode(id), decode(secret)]
  const encoded =
    decodedId === undefined || decodedSecret === undefined
      ? []
      : [{ client_id: decodedId, secret: decodedSecret }]
  const plain = [{ client_id: id, secret, isUnencoded: true }]
  // RFC 7617 §2: an id with a colon can only be sent encoded, which says nothing of how the secret is sent.
  if (decodedId?.includes(':')) plain.push({ client_id: decodedId, secret, isUnencoded: true })
  const isNew = (one: SecretReading): boolean =>
    !encoded.some(({ client_id, secret }) => one.client_id === client_id && one.secret === secret)
  return [...encoded, ...plain.filter(isNew)]
}
