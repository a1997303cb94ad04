/** Compares the current time with an earlier one, on a clock that may have been set back in between. */

import type { Seconds } from '@tessera/protocol/brand'

/**
 * Returns whether a time is less than `span` seconds ago. A time that is at least as far ahead was noted by a clock that
 * was ahead and has been set back, so it is not recent. Otherwise it would be recent until the clock reaches it again.
 */
export const isRecent = (since: Seconds, span: Seconds, now: Seconds): boolean => Math.abs(now - since) < span
