/** Reports rows that a list omits because they have an invalid value. */

import type { InvalidStoredValue, Log } from '../../runtime/ports.ts'

type Report = (error: InvalidStoredValue) => void

const reports = new WeakMap<object, Report>()

/** Jobs and lists read the same rows again and again. */
const mostRemembered = 1000

/** Returns a function that makes the log name the rows that are omitted from reads of a connection, each once. */
export function createInvalidValueLog(log: Log | undefined): (source: object) => void {
  const seen = new Set<string>()
  const report: Report = error => {
    if (seen.has(error.message)) return
    if (seen.size >= mostRemembered) seen.clear()
    seen.add(error.message)
    log?.error('stored_value_invalid', error.fields)
  }
  return source => void reports.set(source, report)
}

export const reportInvalidValue = (source: object, error: InvalidStoredValue): void =>
  reports.get(source)?.(error)
