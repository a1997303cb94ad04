/** Secrets, their hashes and public keys (RFC 7517 §5). */

import { hash } from 'node:crypto'
import {
  isSignatureAlgorithm,
  privateKeyMembers,
  publicKeyMembers,
  type SignatureAlgorithmRow,
  type SignatureKeyType,
  signatureAlgorithms,
} from '@tessera/protocol/signature-algorithms'
import type { Secret } from '../../model/client.ts'
import { isAffordable } from '../../model/jose.ts'
import { passwordHashError } from '../../runtime/password-hash/read.ts'
import * as s from '../validation/kinds.ts'
import type { CheckError } from '../validation/schema.ts'
import { sendable } from './values.ts'

/** Returns a function that decodes bytes from base64, base64url or hexadecimal, and returns undefined for any other text. */
const decoder =
  (base64: RegExp, hex: RegExp) =>
  (value: string): Uint8Array | undefined => {
    if (hex.test(value)) return new Uint8Array(Buffer.from(value, 'hex'))
    if (base64.test(value)) return new Uint8Array(Buffer.from(value, 'base64'))
    return undefined
  }

export const decode32Bytes = decoder(/^[A-Za-z0-9+/_-]{43}=?$/, /^[0-9a-fA-F]{64}$/)
const decode64Bytes = decoder(/^[A-Za-z0-9+/_-]{86}(==)?$/, /^[0-9a-fA-F]{128}$/)

const generate = 'generate one with: tessera hash-secret --argon2id'

/** An encoded argon2id password (RFC 9106 in PHC form) of bounded cost. */
export const argon2idHash = () => s.string().check(value => argon2idError(value))

function argon2idError(value: string): CheckError | undefined {
  const error = !value.startsWith('$argon2id$v=19$')
    ? { problem: 'it is not an encoded argon2id hash', expected: '$argon2id$v=19$m=…,t=…,p=…$salt$hash' }
    : passwordHashError(value)
  return error && { ...error, fix: generate }
}

/** Returns whether the text is such a hash. */
export const isArgon2idHash = (value: string): boolean => argon2idError(value) === undefined

/** A password hash of this or another server, in a format of `readPasswordHash`. */
export const passwordHash = () =>
  s.string().check(value => {
    const error = passwordHashError(value)
    return error && { ...error, fix: 'copy the hash as docs/guides/password-hashes.md shows for its format' }
  })

const instant = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/

const isInstant = (value: string): boolean => instant.test(value) && !Number.isNaN(Date.parse(value))

const secretUpTo = (max: number) =>
  s
    .strictObject({
      value: s
        .secret(sendable(max))
        .optional()
        .describe('The secret; hashed with SHA-256 when the file is loaded.'),
      sha256: s
        .secret(
          s.string().refine(value => decode32Bytes(value) !== undefined, {
            problem: 'it is not a SHA-256 hash',
            expected: '32 bytes in base64 (44 characters) or hexadecimal (64)',
            fix: 'generate one with: tessera hash-secret',
          }),
        )
        .optional()
        .describe('SHA-256 hash of the secret in base64 or hexadecimal.'),
      sha512: s
        .secret(
          s.string().refine(value => decode64Bytes(value) !== undefined, {
            problem: 'it is not a SHA-512 hash',
            expected: '64 bytes in base64 (88 characters) or hexadecimal (128)',
            fix: 'copy the hash from the server that computed it, or use sha256',
          }),
        )
        .optional()
        .describe('SHA-512 hash of the secret in base64 or hexadecimal, for secrets of other servers.'),
      argon2id: s
        .secret(argon2idHash())
        .optional()
        .describe('argon2id hash of the secret in PHC format; slow to check.'),
      expires_at: s
        .string()
        .refine(isInstant, {
          problem: 'it is not a time',
          expected: 'ISO 8601 with a zone, such as 2027-01-01T00:00:00Z',
          fix: 'write the date, T, the time and Z',
        })
        .optional()
        .describe('When it expires, in ISO 8601. Omitted: never.'),
    })
    .check(secret => {
      const forms = [secret.value, secret.sha256, secret.sha512, secret.argon2id].filter(
        form => form !== undefined,
      ).length
      if (forms === 1) return undefined
      const expected = 'exactly one of value, sha256, sha512 and argon2id'
      return forms === 0
        ? { problem: 'it contains no secret', expected, fix: 'add "value", or "sha256"' }
        : {
            problem: 'it contains several secrets',
            expected,
            fix: 'keep one; write the others as separate entries',
          }
    })
    .describe('One secret: exactly one of value, sha256, sha512 and argon2id.')

/** A bearer token. */
export const tokenSecretSchema = secretUpTo(4096)

/** Limited to the length that client authentication accepts. */
export const secretSchema = secretUpTo(512)

type SecretDraft = s.output<typeof secretSchema>

export function secretOf({ value, sha256, sha512, argon2id, expires_at }: SecretDraft): Secret {
  const end = expires_at === undefined ? {} : { expires_at: Math.floor(Date.parse(expires_at) / 1000) }
  if (argon2id !== undefined) return { kind: 'argon2id', encoded: argon2id, ...end }
  if (sha256 !== undefined) return { kind: 'sha256', hash: decode32Bytes(sha256)!, ...end }
  if (sha512 !== undefined) return { kind: 'sha512', hash: decode64Bytes(sha512)!, ...end }
  return { kind: 'sha256', hash: new Uint8Array(hash('sha256', value!, 'buffer')), ...end }
}

export const jwksSchema = s
  .object({ keys: s.array(s.record(s.string(), s.unknown())).min(1) })
  .check(({ keys }) => {
    for (const [index, key] of keys.entries()) {
      const error = keyError(key)
      if (error) return { ...error, path: ['keys', index] }
    }
    return undefined
  })
  .describe('A JWK Set (RFC 7517 §5) of public keys.')

function keyError(key: Readonly<Record<string, unknown>>): CheckError | undefined {
  const expected = 'a public JWK: kty RSA (n, e), EC (crv, x, y), OKP (crv, x) or AKP (alg, pub)'
  if (privateKeyMembers.some(member => member in key))
    return {
      problem: 'it contains a private or symmetric key',
      expected,
      fix: 'keep the private key at the client and write only its public part (no "d", no "k", no "priv")',
    }
  const { kty } = key
  const members: readonly string[] | undefined =
    typeof kty === 'string' && Object.hasOwn(publicKeyMembers, kty)
      ? publicKeyMembers[kty as SignatureKeyType]
      : undefined
  if (!members)
    return {
      problem: 'its kty is missing or not supported',
      expected,
      fix: 'use a key of one of these types',
    }
  const missing = members.filter(member => typeof key[member] !== 'string')
  if (missing.length > 0)
    return {
      problem: `it lacks ${missing.join(', ')}`,
      expected,
      fix: `add ${missing.join(', ')} of the public key`,
    }
  if (kty === 'AKP' && !isAkp(key))
    return {
      problem: 'its alg is not supported, or pub has not the length of its keys',
      expected: 'alg ML-DSA-44, ML-DSA-65 or ML-DSA-87, and pub of 1312, 1952 or 2592 bytes in base64url',
      fix: 'copy the public key as the client publishes it',
    }
  return isAffordable(key)
    ? undefined
    : {
        problem: 'the RSA key is longer than supported, or known to be weak',
        expected: 'a modulus (n) of at most 8192 bits and an exponent (e) of at most 32',
        fix: 'use an RSA key of 2048 to 4096 bits with the exponent 65537',
      }
}

/** RFC 9964 §3. */
function isAkp({ alg, pub }: Readonly<Record<string, unknown>>): boolean {
  if (!isSignatureAlgorithm(alg)) return false
  const { publicKeyBytes }: SignatureAlgorithmRow = signatureAlgorithms[alg]
  return Buffer.from(`${pub}`, 'base64url').length === publicKeyBytes
}
