/** The operator's log: JSON lines by pino. Callers must not log secrets. Fields with names of secrets are censored as a second defense. */

import { pino, stdTimeFunctions } from 'pino'
import { type LoggedNetwork, shortenedNetwork } from '../runtime/network.ts'
import { discardLine, type Log, type LogLine } from '../runtime/ports.ts'
import { escapedJson } from './output/escaped-text.ts'
import { createLineSink, type LineSink } from './output/line-sink.ts'
import { secretFields } from './secret-fields.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

type LogOptions = {
  /** Lines below this level cost only a function call. */
  readonly level: LogLevel
  /** A file descriptor. Default: standard error. */
  readonly fd?: number
  /** The number of this process among those that write to the same place. Each line contains it. */
  readonly worker?: number
}

type ProcessLog = Log & Pick<LineSink, 'dropped' | 'settle'>

/**
 * Creates the log of this process. Lines are written in the background, and as the process exits. While the buffer is
 * full, lines are dropped; `log_lines_dropped` reports how many as soon as there is room again.
 */
export function createLog({ level, fd = 2, worker }: LogOptions): ProcessLog {
  const sink = createLineSink({
    fd,
    shared: worker !== undefined,
    onResume: lost => logger.error(lost, 'log_lines_dropped'),
  })
  const logger = pino(
    {
      level,
      base: worker === undefined ? undefined : { worker },
      messageKey: 'event',
      timestamp: stdTimeFunctions.isoTime,
      // Not pino's `redact`: with these names it costs 16 µs a line, more than half of a signature; this costs 0.5.
      formatters: { level: label => ({ level: label }), log: censor },
    },
    // A terminal that shows the log would follow control characters of names and errors.
    { write: line => sink.write(escapedJson(line)) },
  )
  const line = (name: Exclude<LogLevel, 'silent'>): LogLine =>
    logger.isLevelEnabled(name) ? (event, fields = {}) => logger[name](fields, event) : discardLine
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    dropped: sink.dropped,
    settle: sink.settle,
  }
}

/** Returns a log that adds these fields to each line. */
export const logWith = (log: Log, about: Readonly<Record<string, unknown>>): Log =>
  changedLog(log, fields => ({ ...about, ...fields }))

/** Returns a log whose lines contain less of the client's address: see `log_client_network`. */
export function logNetworks(log: Log, form: LoggedNetwork): Log {
  if (form === 'full') return log
  return changedLog(log, ({ network, ...fields } = {}) =>
    form === 'none' || typeof network !== 'string'
      ? fields
      : { network: shortenedNetwork(network), ...fields },
  )
}

function changedLog(log: Log, change: (fields: Parameters<LogLine>[1]) => Fields): Log {
  const line = (write: LogLine): LogLine =>
    write === discardLine ? write : (event, fields) => write(event, change(fields))
  return { debug: line(log.debug), info: line(log.info), warn: line(log.warn), error: line(log.error) }
}

/** Creates the log of a process, at the level of `TESSERA_LOG_LEVEL`. Default: `info`. */
export const logFromEnvironment = (worker?: number): ProcessLog =>
  createLog({ level: (process.env.TESSERA_LOG_LEVEL || 'info') as LogLevel, worker })

type Fields = Record<string, unknown>

/** Censors fields with names of secrets, one level deep. Copies the fields only if there is one. */
function censor(fields: Fields): Fields {
  let censored: Fields | undefined
  for (const name in fields) {
    const value = fields[name]
    const shown = secretFields.has(name) ? '[Redacted]' : isFields(value) ? censorFlat(value) : value
    if (shown === value || value === undefined) continue
    censored ??= { ...fields }
    censored[name] = shown
  }
  return censored ?? fields
}

function censorFlat(fields: Fields): Fields {
  const names = Object.keys(fields).filter(name => secretFields.has(name))
  return names.length === 0
    ? fields
    : { ...fields, ...Object.fromEntries(names.map(name => [name, '[Redacted]'])) }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
