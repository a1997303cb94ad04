/** The primary's log, in the format of the server's log. The primary does not load pino. */

import type { Log, LogLine } from '../../runtime/ports.ts'
import { createLineSink } from '../output/line-sink.ts'

const levels = ['debug', 'info', 'warn', 'error'] as const

/** @param level as for the server's log. `silent` writes nothing; an unknown level is `info`. */
export function createPrimaryLog(level = 'info'): Log {
  const sink = createLineSink({
    fd: 2,
    shared: true,
    onResume: lost => log.error('log_lines_dropped', lost),
  })
  const least = level === 'silent' ? levels.length : Math.max(levels.indexOf(level as 'info'), 0)
  const line =
    (name: (typeof levels)[number]): LogLine =>
    (event, fields) => {
      if (levels.indexOf(name) < least) return
      const time = new Date().toISOString()
      sink.write(`${JSON.stringify({ level: name, time, ...fields, event })}\n`)
    }
  const log = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  return log
}
