/** The operator's log: JSON lines on stderr, by pino; known secret fields are censored should one ever get in. */

import { destination, pino } from 'pino'
import type { Log, LogLine } from '../core/runtime.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

const secretFields = [
  'password',
  'client_secret',
  'client_assertion',
  'code',
  'code_verifier',
  'refresh_token',
  'access_token',
  'id_token',
  'device_code',
  'user_code',
  'token',
  'subject_token',
  'actor_token',
  'assertion',
  'authorization',
  'cookie',
]

export function createLog({ level }: { level: LogLevel }): Log & { flush: () => void } {
  const stream = destination({ fd: 2, sync: false })
  const logger = pino({ level, base: undefined, redact: secretFields }, stream)
  const line = (name: 'debug' | 'info' | 'warn' | 'error'): LogLine =>
    logger.isLevelEnabled(name) ? (event, fields) => logger[name](fields ?? {}, event) : () => {}
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    flush: () => stream.flushSync(),
  }
}
