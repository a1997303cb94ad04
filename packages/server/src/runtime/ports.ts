/** What the server asks of its surroundings: time, randomness, a log. Tests put their own in place. */

import type { Brand, Seconds } from '@tessera/protocol/brand'

export type Clock = {
  readonly now: () => Seconds
  /** The time that has certainly passed, however far this machine's clock is ahead. Omitted: `now`. */
  readonly passed?: () => Seconds
}

/** The time that deletion goes by: what ends after it may still live. */
export const passedBy = (clock: Clock): Seconds => clock.passed?.() ?? clock.now()

/** Both clocks of this machine, in milliseconds. */
export type MachineTime = {
  /** Since 1970, as the machine believes; it may be wrong, and leap. */
  readonly wall: () => number
  /** Since some moment. It never leaps, and may stand still while the machine sleeps. */
  readonly monotonic: () => number
}

export type Random = {
  /** Unpredictable bytes; the caller owns them. */
  readonly bytes: (count: number) => Uint8Array
}

/** Why a node must not be sent requests. */
type ClockFault = {
  readonly reason: string
  readonly skew_seconds: number
  readonly tolerated_seconds: number
}

/** The clock that a server uses, and whether it can be trusted. */
export type Time = {
  readonly clock: Clock
  /** Why this node must not be sent requests; undefined: it may. */
  readonly fault: () => ClockFault | undefined
  readonly stop: () => void
}

/**
 * The operator's log: an event name in snake_case and its fields.
 * Fields never hold a secret, a token or a password; ids and hashes may stand.
 */
export type Log = {
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
}

/** Writes nothing. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
export type LogLine = (event: string, fields?: Readonly<Record<string, unknown>>) => void

/** How processes on one store learn at once of what each keeps in memory of it, where the store itself does not tell them. */
export type Changes = {
  /** Tells every process, this one too. */
  readonly announce: () => Promise<void>
  /** Calls `refresh` after each change; answers how to stop it. */
  readonly watch: (refresh: () => void) => () => void
}

/** What may answer at once or later: an embedded store reads without waiting. */
export type Awaitable<Value> = Value | Promise<Value>

/** When a bearer handle was made, and its SHA-256 in base64url: all that is kept of it. See `hashHandle`. */
export type TokenHash = Brand<string, 'TokenHash'>

/** Thrown by a store that can't answer now (full queue, lost connection): the endpoint answers 503 with `Retry-After`. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}
