/** A stored user, who signed up or was added by an operator. */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'

export type StoredUser = {
  readonly sub: string
  /** The number of the version, from 1. An update applies only to the version that was read. */
  readonly version: number
  /** Incremented whenever the user's access is ended. A sign-in of an earlier epoch creates no session. */
  readonly epoch: number
  readonly username: string
  /** The username in the form of `identityKey`. Unique within the tenant. */
  readonly username_key: string
  readonly tenant?: string
  readonly email?: string
  /** The address in the form of `identityKey`. Unique within the tenant among verified addresses. */
  readonly email_key?: string
  readonly email_verified_at?: Seconds
  /**
   * Claims except `email` and `email_verified`, which have their own fields. Contains the groups and roles. A row of an
   * earlier version may contain more than that: see `recordClaimsOf`.
   */
  readonly claims: JsonObject
  /** A hash: argon2id in PHC form (RFC 9106), or until the next sign-in an imported one; undefined: no password. */
  readonly password?: string
  readonly password_changed_at?: Seconds
  readonly created_at: Seconds
  /** If set, the user is not active. */
  readonly disabled_at?: Seconds
}

/**
 * Normalizes a name or address for comparison: ignores case and the composition of letters (RFC 8265 §3.3), so that
 * none can be mistaken for another.
 */
export const identityKey = (text: string): string =>
  text.normalize('NFKC').toLowerCase().normalize('NFKC').trim()
