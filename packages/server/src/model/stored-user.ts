/** A user who is kept in the store: signed up here, or added by an operator. */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'

export type StoredUser = {
  readonly sub: string
  /** Counts its updates from 1: whoever updates it must still find the version that they saw. */
  readonly version: number
  /** Counts how often their access was ended: a sign-in of an earlier epoch makes no session. */
  readonly epoch: number
  readonly username: string
  /** The username as it is compared: see `identityKey`. Unique within the tenant. */
  readonly username_key: string
  readonly tenant?: string
  readonly email?: string
  /** The address as it is compared; unique within the tenant among those that were verified. */
  readonly email_key?: string
  readonly email_verified_at?: Seconds
  /** Claims but `email` and `email_verified`, which have fields of their own. */
  readonly claims: JsonObject
  /** An argon2id hash in PHC form (RFC 9106); undefined: no password. */
  readonly password?: string
  readonly password_changed_at?: Seconds
  readonly created_at: Seconds
  /** Set: is not active. */
  readonly disabled_at?: Seconds
}

/**
 * How names and addresses are compared: without regard to case and to how a letter is composed (RFC 8265 §3.3 and its
 * reasons), so that none can be mistaken for another.
 */
export const identityKey = (text: string): string =>
  text.normalize('NFKC').toLowerCase().normalize('NFKC').trim()
