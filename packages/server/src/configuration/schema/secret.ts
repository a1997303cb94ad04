/** Shared secrets of clients and APIs as a configuration may write them. */

import * as z from '../shape/shapes.ts'
import { rule, sendable } from './rule.ts'

const base64Of32Bytes = /^[A-Za-z0-9+/_-]{43}=?$/
const hexOf32Bytes = /^[0-9a-fA-F]{64}$/

/** The 32 bytes that base64, base64url or hexadecimal text stands for; undefined for any other text. */
export function decode32Bytes(value: string): Uint8Array | undefined {
  if (hexOf32Bytes.test(value)) return new Uint8Array(Buffer.from(value, 'hex'))
  if (base64Of32Bytes.test(value)) return new Uint8Array(Buffer.from(value, 'base64'))
  return undefined
}

const argon2id =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,172}$/

/** An encoded argon2id password (RFC 9106 in PHC form) of bounded cost. */
export const argon2idHash = () =>
  z.string().check(
    rule(value => {
      const found = argon2id.exec(value)
      if (!found)
        return {
          problem: 'it is not an encoded argon2id hash',
          expected: '$argon2id$v=19$m=…,t=…,p=…$salt$hash',
          fix: 'make one with: tessera hash-secret --argon2id',
        }
      const [memory, passes, lanes] = found.slice(1).map(Number) as [number, number, number]
      // Anyone may make the server compute this hash: a bound keeps one request from costing seconds.
      return memory <= 262_144 &&
        passes <= 16 &&
        lanes <= 16 &&
        passes > 0 &&
        lanes > 0 &&
        memory >= 8 * lanes
        ? undefined
        : {
            problem: 'its cost is out of bounds',
            expected: 'm from 8·p to 262144 (KiB), t and p from 1 to 16',
            fix: 'make one with: tessera hash-secret --argon2id',
          }
    }),
  )

const instant = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/

export const isInstant = (value: string): boolean => instant.test(value) && !Number.isNaN(Date.parse(value))

const secretUpTo = (max: number) =>
  z
    .strictObject({
      value: sendable(max).optional().describe('The secret itself; hashed by SHA-256 when loaded.'),
      sha256: z
        .string()
        .check(
          rule(value =>
            decode32Bytes(value)
              ? undefined
              : {
                  problem: 'it is not a SHA-256 hash',
                  expected: '32 bytes in base64 (44 characters) or hexadecimal (64)',
                  fix: 'make one with: tessera hash-secret',
                },
          ),
        )
        .optional()
        .describe("The secret's SHA-256 in base64 or hexadecimal."),
      argon2id: argon2idHash()
        .optional()
        .describe("The secret's argon2id hash in PHC form; slow, so opt in knowingly."),
      expires_at: z
        .string()
        .check(
          rule(value =>
            isInstant(value)
              ? undefined
              : {
                  problem: 'it is not a time',
                  expected: 'ISO 8601 with a zone, such as 2027-01-01T00:00:00Z',
                  fix: 'write the date, T, the time and Z',
                },
          ),
        )
        .optional()
        .describe('From when on it is refused: ISO 8601; omitted: never.'),
    })
    .check(
      rule(secret => {
        const forms = [secret.value, secret.sha256, secret.argon2id].filter(form => form !== undefined).length
        return forms === 1
          ? undefined
          : {
              problem: forms === 0 ? 'it holds no secret' : 'it holds several secrets',
              expected: 'exactly one of value, sha256 and argon2id',
              fix:
                forms === 0
                  ? 'add "value", or "sha256"'
                  : 'keep one; write the others as entries of their own',
            }
      }),
    )
    .describe('One secret: exactly one of value, sha256 and argon2id.')

/** A token that is sent as a bearer token. */
export const tokenSecretSchema = secretUpTo(4096)

/** As long as client authentication reads (characters). */
export const secretSchema = secretUpTo(512)

export type SecretDraft = z.output<typeof secretSchema>
