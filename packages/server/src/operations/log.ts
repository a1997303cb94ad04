/** The operator's log: JSON lines by pino. Callers never log secrets; should one slip in, a field of a known name is censored. */

import { destination, pino, stdTimeFunctions } from 'pino'
import type { Log, LogLine } from '../core/runtime.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export type LogOptions = {
  /** Lines below it cost a function call and nothing more. */
  readonly level: LogLevel
  /** A file descriptor; stderr unless said otherwise. */
  readonly fd?: number
}

/** `authorization_id` is how an authorization's id is called: `authorization` is a request header. */
const secretFields = [
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
]

/** Lines are written in the background; `flush` writes what waits, as the end of the process does. */
export function createLog({ level, fd = 2 }: LogOptions): Log & { readonly flush: () => void } {
  const stream = destination({ fd, sync: false })
  const logger = pino(
    {
      level,
      base: undefined,
      messageKey: 'event',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      redact: secretFields.flatMap(name => [name, `*.${name}`]),
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
