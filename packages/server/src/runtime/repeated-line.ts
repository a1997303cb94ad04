/** A log line for what can happen with every request while something is away: one a period, with how often it happened. */

import type { LogLine } from './ports.ts'

const standardPeriod = 10_000

/**
 * Returns a function that logs the first occurrence at once and later ones, counted, at the end of each period.
 * @param count the field that holds how many there were since the line before; the other fields are the latest's.
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
