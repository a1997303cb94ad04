/** The stored form of a client that registered itself (RFC 7591, RFC 7592). */

import type { Seconds } from '@tessera/protocol/brand'
import type { JsonObject } from '@tessera/protocol/result'
import type { TokenHash } from '../runtime/ports.ts'

export type RegisteredClient = {
  readonly client_id: string
  /** The number of the version, from 1. An update applies only to the version that was read. */
  readonly version: number
  /** The registered metadata (RFC 7591 §2), as returned to the client, without secrets. */
  readonly metadata: JsonObject
  /** The hash of the `client_secret`; undefined if the client has none. */
  readonly client_secret_hash?: TokenHash
  /** Undefined: never. */
  readonly client_secret_expires_at?: Seconds
  /** The hash of the `registration_access_token` (RFC 7592 §3). */
  readonly registration_token_hash: TokenHash
  readonly created_at: Seconds
  /**
   * The credential that makes it trusted; undefined: none, because it registered openly. `unknown`: it registered
   * before this was recorded.
   */
  readonly vouched_by?: 'initial_access_token' | 'software_statement' | 'unknown'
  /**
   * When a code or token was last issued to it for a user, to within a day; undefined: never. For a trusted client,
   * tokens without a user count too.
   */
  readonly used_at?: Seconds
  /** The hash of the `sub` of the user who last used it; undefined: none, or it was used before this was recorded. */
  readonly used_by?: TokenHash
  /** When metadata that users see (names, logo, URLs, hosts) last changed; undefined: never. */
  readonly shown_since?: Seconds
  /** When it expires unless it is used before then; undefined: never. */
  readonly expires_at?: Seconds
}

/** Returns the origins that may send cross-origin requests. An edited export can contain other values than texts. */
export const originsIn = ({ allowed_cors_origins: origins }: JsonObject): readonly string[] =>
  Array.isArray(origins) ? origins.filter(origin => typeof origin === 'string') : []

const made = /^[\w-]{22}$/

/** Returns whether a `client_id` has the format of registered clients, without a store lookup. */
export const isRegisteredId = (clientId: string): boolean => made.test(clientId)

/** The number of rows, and the limits. */
type ClientCounts = { readonly inAll: number; readonly unused: number }
type ClientLimits = { readonly most: number; readonly mostUnused?: number }

/** Returns how many more clients may be added; negative if there are too many. */
export const roomFor = (
  { inAll, unused }: ClientCounts,
  { most, mostUnused = Number.POSITIVE_INFINITY }: ClientLimits,
): number => Math.min(most - inAll, mostUnused - unused)

/**
 * Returns how many never-used clients to delete before adding one, given the remaining room. Under large limits, several
 * are deleted at a time, so that clients need not be counted for every registration.
 */
export function surplusOf(room: number, { most, mostUnused = 0 }: ClientLimits): number {
  const ahead = Math.floor(Math.min(most, mostUnused) / 400) * 8
  return room >= Math.max(1, ahead / 4) ? 0 : Math.max(0, 1 - room) + ahead
}

/**
 * Returns how many clients each user keeps in a full store. Beyond that, clients of the users with the most are deleted
 * to make room, so that one user can't fill the store with clients that only they use.
 */
export const keptPerUser = (most: number): number => Math.max(1, Math.floor(most / 10_000))

/** Returns how many used clients to delete, after this many unused ones: none while the store is not full. */
export const usedSurplus = ({ inAll }: Pick<ClientCounts, 'inAll'>, limits: ClientLimits): number =>
  inAll < limits.most ? 0 : surplusOf(limits.most - inAll, limits)

/** A store that is nearly full counts for each new row, so that small limits are exact. */
const share = 16

type Allowance = {
  /** Takes one row from the allowance. Returns whether one may be added under these limits without counting. */
  readonly use: (limits: string) => boolean
  /** Allows a share of the room that was counted, so that up to 16 processes together never exceed it. */
  readonly grant: (limits: string, room: number) => void
}

/** Lets a store add rows without counting them each time. It is empty at first, and again when the limits change. */
export function createAllowance(): Allowance {
  let left = 0
  let of = ''
  return {
    use(limits) {
      if (limits !== of || left === 0) return false
      left--
      return true
    },
    grant(limits, room) {
      of = limits
      left = Math.max(0, Math.floor(room / share))
    },
  }
}

/** How long to wait before repeating a search that found nothing, because it reads every client in use. */
const searchPause: Seconds = 60

/** Decides when a full store searches for clients beyond the number that each user keeps. */
export function createSurplusSearch(): {
  readonly isDue: (at: Seconds) => boolean
  readonly found: (count: number, at: Seconds) => void
} {
  let failedAt = Number.NEGATIVE_INFINITY
  return {
    isDue: at => Math.abs(at - failedAt) >= searchPause,
    found(count, at) {
      failedAt = count === 0 ? at : Number.NEGATIVE_INFINITY
    },
  }
}
