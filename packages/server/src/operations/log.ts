/** The operator's log: JSON lines by pino. Callers never log secrets; should one slip in, a field of a known name is censored. */

import { destination, pino, stdTimeFunctions } from 'pino'
import type { Log, LogLine } from '../core/runtime.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** What a pipe takes whole (POSIX `PIPE_BUF` on Linux): of lines written together none is broken by another process's. */
const atomicBytes = 4096

export type LogOptions = {
  /** Lines below it cost a function call and nothing more. */
  readonly level: LogLevel
  /** A file descriptor; stderr unless said otherwise. */
  readonly fd?: number
  /** Which of several processes that write to the same place it is; stands in each line. */
  readonly worker?: number
}

/** `authorization_id` is how an authorization's id is called: `authorization` is a request header. */
const secretFields: ReadonlySet<string> = new Set([
  'password',
  'client_secret',
  'client_assertion',
  'code',
  'code_verifier',
  'refresh_token',
  'access_token',
  'id_token',
  'id_token_hint',
  'device_code',
  'user_code',
  'token',
  'subject_token',
  'actor_token',
  'assertion',
  'authorization',
  'cookie',
])

/** Lines are written in the background; `flush` writes what waits, as the end of the process does. */
export function createLog({ level, fd = 2, worker }: LogOptions): Log & { readonly flush: () => void } {
  const stream = destination({ fd, sync: false, ...(worker !== undefined && { maxWrite: atomicBytes }) })
  const logger = pino(
    {
      level,
      base: worker === undefined ? undefined : { worker },
      messageKey: 'event',
      timestamp: stdTimeFunctions.isoTime,
      // Not pino's `redact`: with these names it costs 16 µs a line, more than half of a signature; this costs 0.5.
      formatters: { level: label => ({ level: label }), log: censor },
    },
    stream,
  )
  const line = (name: Exclude<LogLevel, 'silent'>): LogLine =>
    logger.isLevelEnabled(name) ? (event, fields = {}) => logger[name](fields, event) : () => {}
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    flush: () => stream.flushSync(),
  }
}

/** The same log, with these fields in each line. */
export function logWith(log: Log, about: Readonly<Record<string, unknown>>): Log {
  const line =
    (write: LogLine): LogLine =>
    (event, fields) =>
      write(event, { ...about, ...fields })
  return { debug: line(log.debug), info: line(log.info), warn: line(log.warn), error: line(log.error) }
}

type Fields = Record<string, unknown>

/** The same fields, those of a secret's name censored, in the objects among them too; copied only where there is one. */
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
