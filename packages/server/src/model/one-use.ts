/** How long the mark of a one-use id is kept (RFC 7523 §3, `jti`): longer than anything that it marks is accepted. */

import type { Seconds } from '@tessera/protocol/brand'

/** A clock that is set back must not bring an id back whose mark is gone. */
const margin: Seconds = 300

/**
 * When the mark may be deleted.
 * @param end when what carries the id ends, by its own word; fractions are allowed.
 * @param tolerance for how long after that it is accepted all the same.
 */
export const markUntil = (end: Seconds, tolerance: Seconds = 0): Seconds =>
  Math.ceil(end) + tolerance + margin
