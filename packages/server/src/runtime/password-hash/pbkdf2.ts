/** PBKDF2 (RFC 8018 §5.2) in PHC form, and as ASP.NET Core Identity encodes it. */

import { pbkdf2 as derive } from 'node:crypto'
import {
  areEqual,
  decodeBase64,
  type HashError,
  type HashFormat,
  isKey,
  isSalt,
  type PasswordHash,
} from './format.ts'
import { hasOnly, integerOf, readPhc } from './phc.ts'

/** Bytes of each digest, and the iterations below which OWASP considers it weak. */
const digests = {
  sha1: { size: 20, least: 1_300_000 },
  sha256: { size: 32, least: 600_000 },
  sha512: { size: 64, least: 210_000 },
} as const

type Digest = keyof typeof digests

/** About a second. */
const most = 2_000_000

type Derived = {
  readonly digest: Digest
  readonly iterations: number
  readonly salt: Buffer
  readonly key: Buffer
}

const deriveKey = (
  password: string,
  { salt, iterations, digest }: Derived,
  length: number,
): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    derive(password, salt, iterations, length, digest, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  )

function hashOf(derived: Derived): PasswordHash | HashError {
  const { digest, iterations, key } = derived
  const { size, least } = digests[digest]
  if (iterations > most)
    return { problem: 'its cost is out of bounds', expected: `at most ${most} iterations` }
  // Keycloak derives more bytes than one digest. Each further block costs as much as the first, and proves nothing more.
  const first = key.subarray(0, size)
  return {
    cost: `pbkdf2-${digest} i=${iterations}`,
    weakness: weaknessOf(digest, iterations, least),
    isCurrent: false,
    matches: async password => areEqual(await deriveKey(password, derived, first.length), first),
  }
}

function weaknessOf(digest: Digest, iterations: number, least: number): string | undefined {
  if (digest === 'sha1') return `PBKDF2 with SHA-1 and ${iterations} iterations`
  return iterations < least ? `PBKDF2 with ${iterations} iterations (${digest})` : undefined
}

export const pbkdf2: HashFormat = {
  prefix: /^\$pbkdf2/,
  read(text) {
    const phc = readPhc(text)
    const digest = phc?.id.slice('pbkdf2-'.length) ?? ''
    const iterations = phc && integerOf(phc, 'i')
    const { salt, key, parameters } = phc ?? {}
    const length = parameters?.has('l') ? phc && integerOf(phc, 'l') : key?.length
    const isWhole = phc && phc.version === undefined && hasOnly(phc, ['i', 'l']) && length === key?.length
    if (!isWhole || !isDigest(digest) || iterations === undefined || !isSalt(salt) || !isKey(key))
      return {
        problem: 'it is not an encoded PBKDF2 hash',
        expected: '$pbkdf2-sha256$i=…$salt$hash, with sha1, sha256 or sha512',
      }
    return hashOf({ digest, iterations, salt, key })
  },
}

const isDigest = (name: string): name is Digest => Object.hasOwn(digests, name)

export const aspNetPrefix = '$aspnet-identity$'

/** Version 2 has no header: SHA-1, 1000 iterations, a salt of 16 bytes and a key of 32. */
function readVersion2(bytes: Buffer): Derived | undefined {
  if (bytes.length !== 49) return undefined
  return { digest: 'sha1', iterations: 1000, salt: bytes.subarray(1, 17), key: bytes.subarray(17) }
}

/** The values of `KeyDerivationPrf`. */
const prfs: readonly Digest[] = ['sha1', 'sha256', 'sha512']

/** Version 3: the PRF, the iterations and the length of the salt as big-endian numbers, then salt and key. */
function readVersion3(bytes: Buffer): Derived | undefined {
  if (bytes.length < 13) return undefined
  const [prf, iterations, length] = [1, 5, 9].map(at => bytes.readUInt32BE(at)) as [number, number, number]
  const digest = prfs[prf]
  const [salt, key] = [bytes.subarray(13, 13 + length), bytes.subarray(13 + length)]
  if (!digest || iterations < 1 || !isSalt(salt) || !isKey(key)) return undefined
  return { digest, iterations, salt, key }
}

/** The column `PasswordHash` of ASP.NET Core Identity, versions 2 and 3, after {@link aspNetPrefix}. */
export const aspNet: HashFormat = {
  prefix: /^\$aspnet-identity\$/,
  read(text) {
    const bytes = decodeBase64(text.slice(aspNetPrefix.length))
    const version = { 0: readVersion2, 1: readVersion3 }[bytes?.[0] ?? -1]
    const derived = bytes && version?.(bytes)
    return derived
      ? hashOf(derived)
      : {
          problem: 'it is not a password hash of ASP.NET Identity',
          expected: `${aspNetPrefix} and the base64 of version 2 or 3`,
        }
  },
}
