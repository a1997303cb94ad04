/**
 * Refresh tokens: each is the handle of one generation of a family. Because of the MAC, the server rejects forged
 * tokens without a read and recognizes every older generation (RFC 9700 §4.14.2).
 *
 * Format: `tr_` + base64url of the root key's version (1 byte), family (16), generation (4), absolute expiry (4) and HMAC-SHA256 (32).
 * The MAC covers the prefix and everything before it.
 */

import { createHmac } from 'node:crypto'
import type { Seconds } from '@tessera/protocol/brand'
import type { Confirmation, FamilyId, RefreshFamily } from '../model/authorization.ts'
import { type Client, isPublic } from '../model/client.ts'
import type { DerivedKeys } from '../model/keys.ts'
import { equalInConstantTime } from '../runtime/constant-time.ts'

export type RefreshHandle = {
  readonly family: FamilyId
  readonly generation: number
  /** The absolute expiry of the family. */
  readonly expires_at: Seconds
}

export type RefreshTokens = {
  /** Returns the token of a generation; the same one until the master key is rotated. Both are accepted. */
  readonly format: (handle: RefreshHandle) => string
  /** Returns the handle in a token; undefined for a forged or malformed one. */
  readonly parse: (token: string) => RefreshHandle | undefined
}

const prefix = 'tr_'
const headBytes = 25
const macBytes = 32
const tokenLength = prefix.length + ((headBytes + macBytes) * 4) / 3

/** The expiry of families without an absolute lifetime. */
const noAbsoluteEnd: Seconds = 0xffff_ffff

export function createRefreshTokens({ derived }: { derived: DerivedKeys }): RefreshTokens {
  const mac = (head: Uint8Array): Buffer | undefined => {
    const key = derived.ofVersion(head[0] ?? 0, 'refresh-token')
    return key && createHmac('sha256', key).update(prefix).update(head).digest()
  }

  return {
    format({ family, generation, expires_at }) {
      const token = Buffer.allocUnsafe(headBytes + macBytes)
      token.writeUInt8(derived.version(), 0)
      token.write(family, 1, 'base64url')
      token.writeUInt32BE(generation, 17)
      token.writeUInt32BE(expires_at, 21)
      mac(token.subarray(0, headBytes))?.copy(token, headBytes)
      return prefix + token.toString('base64url')
    },
    parse(token) {
      if (token.length !== tokenLength || !token.startsWith(prefix)) return undefined
      const bytes = Buffer.from(token.slice(prefix.length), 'base64url')
      if (bytes.length !== headBytes + macBytes) return undefined
      // Buffer also accepts the alphabet of plain base64; a token has only one spelling.
      if (bytes.toString('base64url') !== token.slice(prefix.length)) return undefined
      const expected = mac(bytes.subarray(0, headBytes))
      if (!expected || !equalInConstantTime(expected, bytes.subarray(headBytes))) return undefined
      return {
        family: bytes.toString('base64url', 1, 17) as FamilyId,
        generation: bytes.readUInt32BE(17),
        expires_at: bytes.readUInt32BE(21),
      }
    },
  }
}

/** Returns whether the text looks like a refresh token of this server, forged or not. */
export const isOwnFormat = (token: string): boolean => token.startsWith(prefix)

/**
 * Returns the key that refresh tokens of the client are bound to: that of a public client (RFC 9449 §5, RFC 8705 §4). Those
 * of other clients are bound by client authentication. Their first key is stored too, in case the client becomes public.
 */
export const bindingOfFamily = (
  client: Client,
  confirmation: Confirmation | undefined,
): Confirmation | undefined => (isPublic(client) ? confirmation : undefined)

/** Returns the absolute expiry. Families with sliding expiration and an absolute lifetime of 0 have none. */
export const absoluteEnd = (client: Client, now: Seconds): Seconds =>
  client.refresh_token_expiration === 'sliding' && client.absolute_refresh_token_lifetime === 0
    ? noAbsoluteEnd
    : now + client.absolute_refresh_token_lifetime

/**
 * Returns the expiry if the family is not used again. Lifetimes of the current configuration apply, also to families
 * that were issued without an absolute expiry.
 */
export const idleEnd = (client: Client, now: Seconds, absolute: Seconds): Seconds =>
  Math.min(now + lifetimes[client.refresh_token_expiration](client), absolute)

const lifetimes = {
  sliding: client => client.sliding_refresh_token_lifetime,
  absolute: client => client.absolute_refresh_token_lifetime,
} as const satisfies Record<Client['refresh_token_expiration'], (client: Client) => Seconds>

/** The lifetimes of a refresh token as responses tell them (draft-ietf-oauth-refresh-token-expiration-03 §6.1), in seconds. */
export type RefreshTokenExpiration = {
  /** How long the token may be kept without being used. */
  readonly refresh_token_timeout: Seconds
  /** How long the user's authorization lasts; absent if it does not end. */
  readonly authorization_expires_in?: Seconds
}

/** Returns the lifetimes that are left at `now`. */
export const expirationOf = (
  { idle_expires_at, expires_at }: Pick<RefreshFamily, 'idle_expires_at' | 'expires_at'>,
  now: Seconds,
): RefreshTokenExpiration => ({
  refresh_token_timeout: idle_expires_at - now,
  ...(expires_at !== noAbsoluteEnd && { authorization_expires_in: expires_at - now }),
})
