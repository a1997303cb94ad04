/**
 * Refresh tokens: a family's handle for one generation, with a MAC, so that garbage is refused without a read and any
 * older generation is recognised for ever (RFC 9700 §4.14.2).
 *
 * `tr_` + base64url(version 1 byte | family 16 | generation 4 | absolute end 4 | HMAC-SHA256 32); the MAC covers the prefix and all before it.
 */

import { createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { FamilyId } from '../model/authorization.ts'
import type { Client } from '../model/client.ts'
import type { DerivedKeys } from '../model/keys.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'

export type RefreshHandle = {
  readonly family: FamilyId
  readonly generation: number
  /** The family's absolute end. */
  readonly expires_at: Seconds
}

export type RefreshTokens = {
  /** The token of this generation: the same each time it is made. */
  readonly format: (handle: RefreshHandle) => string
  /** What a token of ours says; undefined for any other text. */
  readonly parse: (token: string) => RefreshHandle | undefined
}

const prefix = 'tr_'
const version = 1
const headBytes = 25
const macBytes = 32
const tokenLength = prefix.length + ((headBytes + macBytes) * 4) / 3

/** An end that never comes, for families without an absolute one. */
const noAbsoluteEnd: Seconds = 0xffff_ffff

export function createRefreshTokens({ derived }: { derived: DerivedKeys }): RefreshTokens {
  const key = derived.derive('refresh-token')
  const mac = (head: Uint8Array): Buffer => createHmac('sha256', key).update(prefix).update(head).digest()

  return {
    format({ family, generation, expires_at }) {
      const token = Buffer.allocUnsafe(headBytes + macBytes)
      token.writeUInt8(version, 0)
      token.write(family, 1, 'base64url')
      token.writeUInt32BE(generation, 17)
      token.writeUInt32BE(expires_at, 21)
      mac(token.subarray(0, headBytes)).copy(token, headBytes)
      return prefix + token.toString('base64url')
    },
    parse(token) {
      if (token.length !== tokenLength || !token.startsWith(prefix)) return undefined
      const bytes = Buffer.from(token.slice(prefix.length), 'base64url')
      if (bytes.length !== headBytes + macBytes || bytes[0] !== version) return undefined
      // Buffer also reads the letters of plain base64; a token has one spelling.
      if (bytes.toString('base64url') !== token.slice(prefix.length)) return undefined
      if (!equalInConstantTime(mac(bytes.subarray(0, headBytes)), bytes.subarray(headBytes))) return undefined
      return {
        family: bytes.toString('base64url', 1, 17) as FamilyId,
        generation: bytes.readUInt32BE(17),
        expires_at: bytes.readUInt32BE(21),
      }
    },
  }
}

/** The end that never changes. A sliding expiration with an absolute lifetime of 0 has none. */
export const absoluteEnd = (client: Client, now: Seconds): Seconds =>
  client.refresh_token_expiration === 'sliding' && client.absolute_refresh_token_lifetime === 0
    ? noAbsoluteEnd
    : now + client.absolute_refresh_token_lifetime

/**
 * The end if it is not used again before. Where the client's expiration became absolute, or shorter, since the family
 * began, the new lifetime counts from here: a family without an absolute end gets one that way.
 */
export const idleEnd = (client: Client, now: Seconds, absolute: Seconds): Seconds =>
  Math.min(now + lifetimes[client.refresh_token_expiration](client), absolute)

const lifetimes = {
  sliding: client => client.sliding_refresh_token_lifetime,
  absolute: client => client.absolute_refresh_token_lifetime,
} as const satisfies Record<Client['refresh_token_expiration'], (client: Client) => Seconds>
