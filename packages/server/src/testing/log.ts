/** The log of a test server as a list, so that a test can read why a request was refused. */

import type { Log, LogLine } from '../runtime/ports.ts'

/** A line of the log: an event and its fields. A refusal has the event `refused` and a `reason`. */
export type LogEntry = {
  readonly level: keyof Log
  readonly event: string
} & Readonly<Record<string, unknown>>

/** @param onEntry is called for each line. */
export function createListLog(onEntry: (entry: LogEntry) => void = () => {}): {
  readonly log: Log
  readonly entries: LogEntry[]
  /** Returns the reason of the newest refusal. */
  readonly lastReason: () => string | undefined
} {
  const entries: LogEntry[] = []
  const line =
    (level: keyof Log): LogLine =>
    (event, fields = {}) => {
      const entry: LogEntry = { ...fields, level, event }
      entries.push(entry)
      onEntry(entry)
    }
  return {
    entries,
    log: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
    lastReason() {
      const reason = entries.findLast(({ event }) => event === 'refused')?.reason
      return typeof reason === 'string' ? reason : undefined
    },
  }
}
