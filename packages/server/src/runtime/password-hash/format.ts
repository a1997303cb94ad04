/** Hashes of passwords, as this server and others store them: their common form, and how text is read. */

import { createHash, timingSafeEqual } from 'node:crypto'

/** A hash whose format and cost this server accepts. */
export type PasswordHash = {
  /** The name of the format and its cost parameters. Hashes with the same cost take the same time to check. */
  readonly cost: string
  /** Why the hash is easier to guess than it should be; undefined if it is not. */
  readonly weakness?: string | undefined
  /** Whether new passwords are hashed like this, or at a higher cost. Other hashes are replaced at the next sign-in. */
  readonly isCurrent: boolean
  /** Resolves to whether the hash is that of the text. Runs in the thread pool if it is slow. */
  readonly matches: (text: string) => Promise<boolean>
}

/** The problem with a text that is not such a hash. */
export type HashError = { readonly problem: string; readonly expected: string }

export type HashFormat = {
  /** How texts in this format begin. */
  readonly prefix: RegExp
  readonly read: (text: string) => PasswordHash | HashError
}

export const isHash = (read: PasswordHash | HashError): read is PasswordHash => 'matches' in read

/** Decodes base64 without padding, or with all of it. Returns undefined for any other text. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  const padded = bytes.toString('base64')
  return text === padded || text === padded.replace(/=+$/, '') ? bytes : undefined
}

export const encodeBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('base64').replace(/=+$/, '')

/** Compares in constant time. Values of different lengths differ. */
export const areEqual = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other)

export const digestOf = (digest: string, ...parts: readonly (string | Uint8Array)[]): Buffer => {
  const hash = createHash(digest)
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Lengths of salts and hashes in bytes. Longer ones occur in no format, and cost time. */
const longest = 128

export const isSalt = (bytes: Uint8Array | undefined): bytes is Buffer =>
  bytes !== undefined && bytes.length >= 1 && bytes.length <= longest

/** Shorter hashes could fit several passwords. Those of another length were truncated. */
export const isKey = (bytes: Uint8Array | undefined): bytes is Buffer =>
  bytes !== undefined && bytes.length >= 16 && bytes.length <= longest && bytes.length % 4 === 0
