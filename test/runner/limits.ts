/** Limits of a test run, in milliseconds. A test that hangs fails when it reaches them. */

const minute = 60_000

/** For one test. */
export const testLimit = 5 * minute

/** For one process, whether it runs one file or several. */
export const fileLimit = 30 * minute

/** For what a process still does after its last test, such as closing servers on a busy machine. */
export const restLimit = minute

/** For the whole run. */
export const runLimit = 60 * minute
