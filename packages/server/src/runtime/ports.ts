/** Interfaces that the server needs from its process: time, randomness, a log. Tests replace them. */

import type { Brand, Seconds } from '@tessera/protocol/brand'

export type Clock = {
  readonly now: () => Seconds
  /** Returns the time that has certainly passed, however far the machine's clock is ahead. Default: `now`. */
  readonly passed?: () => Seconds
}

/** Returns the time to use for deletion: rows that expire later may still be valid. */
export const passedBy = (clock: Clock): Seconds => clock.passed?.() ?? clock.now()

/** Both clocks of this machine, in milliseconds. */
export type MachineTime = {
  /** Returns the time since 1970 by the machine's clock, which may be wrong and may jump. */
  readonly wall: () => number
  /** Returns the time since a fixed point. It does not jump, and may stop while the machine sleeps. */
  readonly monotonic: () => number
}

export type Random = {
  /** Returns unpredictable bytes, which the caller owns. */
  readonly bytes: (count: number) => Uint8Array
}

/** Why a node must not get requests. */
type ClockFault = {
  readonly reason: string
  readonly skew_seconds: number
  readonly tolerated_seconds: number
}

/** The clock that a server uses, and whether it can be trusted. */
export type Time = {
  readonly clock: Clock
  /** Returns why this node must not get requests, or undefined if it may. */
  readonly fault: () => ClockFault | undefined
  readonly stop: () => void
}

/**
 * The operator's log: an event name in snake_case and its fields. Fields may contain ids and hashes, but no secret, token
 * or password.
 */
export type Log = {
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
}

/** Writes nothing. A log uses this function for levels that it discards, so that callers can skip preparing lines. */
export const discardLine = (): void => {}

/** Writes nothing. */
export const silentLog: Log = { debug: discardLine, info: discardLine, warn: discardLine, error: discardLine }
export type LogLine = (event: string, fields?: Readonly<Record<string, unknown>>) => void

/**
 * Notifies all processes that share a store of changes to data that they cache, for stores that do not do so
 * themselves.
 */
export type Changes = {
  /** Notifies all processes, including this one. */
  readonly announce: () => Promise<void>
  /** Calls `refresh` after each change. Returns a function that stops this. */
  readonly watch: (refresh: () => void) => () => void
}

/** A value now or later: an embedded store reads without waiting. */
export type Awaitable<Value> = Value | Promise<Value>

/** The stored form of a bearer handle: when it was created, and its SHA-256 in base64url. See `hashHandle`. */
export type TokenHash = Brand<string, 'TokenHash'>

/** Thrown by a store that is unavailable (full queue, lost connection). The response is 503 with `Retry-After`. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}

/**
 * Thrown for a value in the database that the server can't have written: the row was damaged, or changed by hand. Reading
 * it again does not help, so it is not an outage.
 */
export class InvalidStoredValue extends Error {
  override readonly name = 'InvalidStoredValue'
  readonly fields: { readonly value: string; readonly row?: string; readonly problem: string }

  /**
   * @param value names the column, or the stored secret.
   * @param row the key of the row.
   */
  constructor(value: string, problem: string, row?: string) {
    super(`the stored value ${value}${row === undefined ? '' : ` (${row})`} can't be opened: ${problem}`)
    this.fields = { value, ...(row !== undefined && { row }), problem }
  }
}
