/** Which errors of the database say that it can't be used now, rather than that one operation was wrong. */

import { StoreUnavailable } from '../../runtime/ports.ts'

/** The SQLSTATE of an error that the server answered (PostgreSQL, appendix A); undefined for any other. */
export function sqlState(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown }
  return typeof severity === 'string' && typeof code === 'string' ? code : undefined
}

/** Classes: 08 connection, 25 a server that only reads, 28 and 3D a server that is being set up, 40 rolled back, 53 out of resources, 55 locked, 57 stopped or cancelled, 58 and XX broken. */
const outage = /^(08|25|28|3D|40|53|55|57|58|XX)/

/** Whether it gave way to another transaction that stood in its way (40P01, 40001): nothing of it was written, and it can be done again. */
export const isDeadlock = (error: unknown): boolean => /^40(P01|001)$/.test(causeOf(error) ?? '')

/** The SQLSTATE of an error that {@link mapDriverError} rejected with. */
export const causeOf = (error: unknown): string | undefined =>
  sqlState(error instanceof StoreUnavailable ? error.cause : error)

/** Whether one of those who asked together may be the cause, by what was wrong or by a row that is locked for long: nothing of it was written. */
export const isolatable = (error: unknown): boolean =>
  !(error instanceof StoreUnavailable) || sqlState(error.cause) === '55P03'

/** Asks the driver; rejects with `StoreUnavailable` for an outage, and with the server's error where one operation was wrong. */
export async function mapDriverError<Value>(ask: () => Promise<Value>): Promise<Value> {
  try {
    return await ask()
  } catch (error) {
    const state = sqlState(error)
    // No answer at all: a connection that broke, was refused or took too long.
    if (state === undefined) throw new StoreUnavailable('the database can not be reached', { cause: error })
    if (outage.test(state))
      throw new StoreUnavailable(`the database can not be used now (${state})`, { cause: error })
    throw error
  }
}

/** 57P01 and 57P05: the server ended the session while it had nothing to do (a restart, a failover, `pg_terminate_backend`, `idle_session_timeout`). */
const endedByServer = /^57P0[15]$/

/** The driver refuses to send over a connection whose end it has read. */
const notSent = /is not queryable$/

type DriverError = { readonly code?: unknown; readonly message?: unknown; readonly routine?: unknown }
const driverError = (error: unknown): DriverError =>
  ((error instanceof StoreUnavailable ? error.cause : error) ?? {}) as DriverError

/** Whether the connection has ended, rather than that the database refused or took too long. */
export function connectionEnded(error: unknown): boolean {
  const state = causeOf(error)
  if (state !== undefined) return endedByServer.test(state)
  const { code, message } = driverError(error)
  return (
    code === 'ECONNRESET' ||
    code === 'EPIPE' ||
    message === 'Connection terminated unexpectedly' ||
    notSent.test(String(message))
  )
}

/**
 * Whether the server certainly did not execute the statement that failed with this error, so that even a write may be
 * repeated. Messages arrive in order, and BindComplete precedes whatever a statement does: a session that was ended
 * without one had not begun.
 *
 * @param bound whether BindComplete arrived. A pooler reports a server that it lost in its own words, without the
 *   `routine` of PostgreSQL: then nothing is known.
 */
export function certainlyNotExecuted(error: unknown, bound: boolean): boolean {
  const { message, routine } = driverError(error)
  const state = causeOf(error)
  if (state === undefined) return notSent.test(String(message))
  return !bound && endedByServer.test(state) && routine === 'ProcessInterrupts'
}

/** 25006: the statement was refused because this server only reads, as a demoted primary does. */
export const isReadOnly = (error: unknown): boolean => causeOf(error) === '25006'
