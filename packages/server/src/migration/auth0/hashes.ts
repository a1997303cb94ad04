/** Hashes of passwords as Auth0 imports them (`custom_password_hash`), in the form that this server stores. */

import { membersOf, own, textOf } from '../raw.ts'

type Read = { readonly hash: string } | { readonly problem: string }

const encodings = { base64: 'base64', hex: 'hex', utf8: 'utf8' } as const

/** Returns the bytes of a value with an encoding; undefined for another value. */
function bytesOf(value: unknown, otherwise: keyof typeof encodings): Buffer | undefined {
  const members = membersOf(value)
  const text = textOf(own(members, 'value'))
  const encoding = textOf(own(members, 'encoding')) ?? otherwise
  if (text === undefined || !Object.hasOwn(encodings, encoding)) return undefined
  return Buffer.from(text, encodings[encoding as keyof typeof encodings])
}

const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')

/** Returns the hash as a text of `readPasswordHash`, or why there is none. */
export function readCustomHash(value: unknown): Read {
  const custom = membersOf(value)
  const algorithm = textOf(own(custom, 'algorithm')) ?? ''
  const text = textOf(own(membersOf(own(custom, 'hash')), 'value'))
  if (text === undefined) return { problem: 'it contains no hash' }
  const encoding = own(membersOf(own(custom, 'password')), 'encoding')
  if (encoding !== undefined && !['utf8', 'ascii'].includes(String(encoding)))
    return { problem: 'the old server hashed passwords in another encoding than UTF-8' }
  if (['argon2', 'bcrypt', 'pbkdf2', 'ldap'].includes(algorithm)) return { hash: text }
  if (algorithm === 'scrypt') return readScrypt(custom)
  if (Object.hasOwn(digests, algorithm)) return readDigest(custom, digests[algorithm as keyof typeof digests])
  return { problem: 'this kind of hash is not accepted (docs/guides/password-hashes.md)' }
}

const digests = { sha1: 'SHA', sha256: 'SHA256', sha512: 'SHA512' } as const

/** A digest of the password and a salt after it is the same as that of LDAP. */
function readDigest(custom: Readonly<Record<string, unknown>>, scheme: string): Read {
  const key = bytesOf(own(custom, 'hash'), 'hex')
  const given = own(custom, 'salt')
  const salt = given === undefined ? Buffer.alloc(0) : bytesOf(given, 'utf8')
  if (!key || !salt) return { problem: 'its encoding is unknown' }
  const position = textOf(own(membersOf(given), 'position')) ?? 'prefix'
  if (salt.length > 0 && position !== 'suffix')
    return { problem: 'a digest of a salt before the password is not accepted' }
  const prefix = salt.length > 0 ? `{S${scheme}}` : `{${scheme}}`
  return { hash: `${prefix}${Buffer.concat([key, salt]).toString('base64')}` }
}

function readScrypt(custom: Readonly<Record<string, unknown>>): Read {
  const [key, salt] = [bytesOf(own(custom, 'hash'), 'base64'), bytesOf(own(custom, 'salt'), 'utf8')]
  const [cost, blockSize = 8, lanes = 1] = ['cost', 'blockSize', 'parallelization'].map(
    name => own(custom, name) ?? undefined,
  )
  const ln = typeof cost === 'number' ? Math.log2(cost) : Number.NaN
  if (!key || !salt || ![ln, blockSize, lanes].every(Number.isInteger))
    return { problem: 'its parameters are unknown' }
  return { hash: `$scrypt$ln=${ln},r=${blockSize},p=${lanes}$${unpadded(salt)}$${unpadded(key)}` }
}
