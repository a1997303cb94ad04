/** `client_secret_basic`: HTTP Basic with form-encoded halves (RFC 6749 §2.3.1, RFC 7617). */

import { decode } from '@tessera/protocol/parameters'
import { verifySecret } from './client-secret.ts'
import { type AuthenticationMethod, maxClientIdLength, maxClientSecretLength } from './method.ts'

export const clientSecretBasic: AuthenticationMethod = { name: 'client_secret_basic', verify: verifySecret }

/** An empty secret only says who the client is. */
export type BasicCredentials = { readonly client_id: string; readonly secret: string }

/** Room for the longest id and secret in printable ASCII with every character percent-encoded, in base64; checked before decoding. */
const maxLength = 4 * Math.ceil((3 * (maxClientIdLength + maxClientSecretLength) + 1) / 3)

const scheme = /^basic(?:[ \t]+|$)/i

/** Reads an `Authorization` header: undefined where it is missing or of another scheme, `malformed` where it is Basic and can't be read. */
export function readBasic(header: string | undefined): BasicCredentials | 'malformed' | undefined {
  const start = header === undefined ? null : scheme.exec(header)
  if (header === undefined || start === null) return undefined
  const encoded = header.slice(start[0].length)
  if (encoded === '' || encoded.length > maxLength) return 'malformed'
  const bytes = Buffer.from(encoded, 'base64')
  // Buffer skips what is not base64; only the one canonical encoding is taken (RFC 4648 §3.5).
  if (bytes.toString('base64') !== encoded) return 'malformed'
  const pair = bytes.toString('utf8')
  const colon = pair.indexOf(':')
  const client_id = colon > 0 ? decode(pair.slice(0, colon)) : undefined
  const secret = decode(pair.slice(colon + 1))
  if (client_id === undefined || secret === undefined) return 'malformed'
  if (client_id.length > maxClientIdLength || secret.length > maxClientSecretLength) return 'malformed'
  return { client_id, secret }
}
