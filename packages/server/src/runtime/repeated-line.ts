/** Logs one line per period for events that may occur with each request during an outage. */

import type { LogLine } from './ports.ts'

const standardPeriod = 10_000

/**
 * Returns a function that logs the first occurrence immediately, and the number of later ones at the end of each
 * period.
 * @param count the field with the number of occurrences since the previous line; the other fields are the latest.
 * @param period milliseconds; 10 s by default.
 */
export function repeatedLine(
  write: LogLine,
  { event, count, period = standardPeriod }: { event: string; count: string; period?: number },
): (fields: Readonly<Record<string, unknown>>, occurrences?: number) => void {
  let pending = 0
  let latest: Readonly<Record<string, unknown>> = {}
  let timer: NodeJS.Timeout | undefined

  function report(): void {
    timer = undefined
    if (pending === 0) return
    write(event, { ...latest, [count]: pending })
    pending = 0
    timer = setTimeout(report, period).unref()
  }

  return (fields, occurrences = 1) => {
    pending += occurrences
    latest = fields
    if (timer === undefined) report()
  }
}
