/** The tables of rows that wait to be sent. */

import type { Seconds } from '@tessera/protocol/brand'

const hour = 3600

/**
 * By table, the seconds that a row waits at most until it is due: more than the longest delay between two attempts. A
 * row that waits longer was written by a clock that was ahead.
 */
export const longestWaits = {
  waiting_mails: 2 * hour,
  logout_notices: 13 * hour,
  webhook_messages: 30 * hour,
} as const satisfies Readonly<Record<string, Seconds>>
