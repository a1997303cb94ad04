/** Classifies errors of the driver: an outage, one wrong operation, or a transaction that can be retried. */

import { StoreUnavailable } from '../../runtime/ports.ts'

/** Returns the SQLSTATE of an error that the server reported (PostgreSQL, appendix A), or undefined for any other. */
export function sqlState(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown }
  return typeof severity === 'string' && typeof code === 'string' ? code : undefined
}

/**
 * Classes: 08 connection errors, 25 a read-only server, 28 and 3D a server that is being set up, 40 rolled back, 53 out
 * of resources, 55 locked, 57 stopped or canceled, 58 and XX system errors.
 */
const outage = /^(08|25|28|3D|40|53|55|57|58|XX)/

/** Returns whether a transaction was rolled back because of another one (40P01, 40001), so that it can be retried. */
export const isDeadlock = (error: unknown): boolean => /^40(P01|001)$/.test(causeOf(error) ?? '')

/** Returns the SQLSTATE of an error that {@link mapDriverError} threw. */
export const causeOf = (error: unknown): string | undefined =>
  sqlState(error instanceof StoreUnavailable ? error.cause : error)

/** Returns whether a single request of a batch may be the cause (a wrong value, or a row that stays locked). Nothing of the batch was written. */
export const isolatable = (error: unknown): boolean =>
  !(error instanceof StoreUnavailable) || sqlState(error.cause) === '55P03'

/** Reports an outage as `StoreUnavailable`, and rethrows the server's error if a single operation was wrong. */
export async function mapDriverError<Value>(ask: () => Promise<Value>): Promise<Value> {
  try {
    return await ask()
  } catch (error) {
    const state = sqlState(error)
    // No response: the connection broke, was refused or timed out.
    if (state === undefined) throw new StoreUnavailable('the database is unreachable', { cause: error })
    if (outage.test(state))
      throw new StoreUnavailable(`the database is unavailable (${state})`, { cause: error })
    throw error
  }
}

/** 57P01 and 57P05: the server ended an idle session (a restart, a failover, `pg_terminate_backend`, `idle_session_timeout`). */
const endedByServer = /^57P0[15]$/

/** The driver's error for a connection that it knows to be closed. */
const notSent = /is not queryable$/

type DriverError = { readonly code?: unknown; readonly message?: unknown; readonly routine?: unknown }
const driverError = (error: unknown): DriverError =>
  ((error instanceof StoreUnavailable ? error.cause : error) ?? {}) as DriverError

/** Returns whether no response came to a statement, so that it may still be executed. */
export const isUnanswered = (error: unknown): boolean =>
  error instanceof StoreUnavailable && error.cause !== undefined && causeOf(error) === undefined

/** Returns whether the connection has ended, rather than been refused or timed out. */
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
 * Returns whether the server certainly did not execute the statement that failed with this error, so that even a write
 * may be retried. Messages arrive in order, and BindComplete precedes any effect of a statement, so if a session ended
 * without it, the statement had not started.
 *
 * @param bound whether BindComplete arrived. A pooler reports a lost server with its own message, without PostgreSQL's
 * `routine`; the outcome is then unknown.
 */
export function certainlyNotExecuted(error: unknown, bound: boolean): boolean {
  const { message, routine } = driverError(error)
  const state = causeOf(error)
  if (state === undefined) return notSent.test(String(message))
  return !bound && endedByServer.test(state) && routine === 'ProcessInterrupts'
}

/** 25006: the statement was refused because this server is read-only, such as a demoted primary. */
export const isReadOnly = (error: unknown): boolean => causeOf(error) === '25006'
