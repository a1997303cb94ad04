/** Settings from flags and variables. Flags override the environment, and the environment overrides the file. */

import { resolve } from 'node:path'
import { isJsonObject } from '@tessera/protocol/json'
import type { ConfiguredMasterKey } from '../model/master-key.ts'
import { readRegularFile } from '../runtime/regular-file.ts'
import type { Diagnostic } from './diagnostic.ts'
import { nearestOf } from './nearest.ts'
import { isOpen, openFile } from './open-file.ts'
import { decode32Bytes } from './schema/credentials.ts'

/** Maps each variable to the key that it sets. */
const variables = {
  TESSERA_ISSUER: 'issuer',
  TESSERA_HOST: 'host',
  TESSERA_PORT: 'port',
  TESSERA_STORAGE: 'storage',
  TESSERA_WORKERS: 'workers',
  TESSERA_MASTER_KEY_FILE: 'master_key_file',
  TESSERA_MASTER_KEY_PREVIOUS_FILE: 'master_key_previous_file',
} as const

const numeric: ReadonlySet<string> = new Set(['port', 'workers'])

const prefix = 'TESSERA_'
/** The variables with the master key, and with the one that it replaces. */
export const masterKeyVariables = {
  master_key_file: 'TESSERA_MASTER_KEY',
  master_key_previous_file: 'TESSERA_MASTER_KEY_PREVIOUS',
} as const
const logLevelVariable = 'TESSERA_LOG_LEVEL'

const mostBytesOfKey = 1024
const debugVariable = 'TESSERA_DEBUG'
/** Sets `mail.smtp.password`. */
const smtpPasswordVariable = 'TESSERA_SMTP_PASSWORD'

export type Environment = Readonly<Record<string, string | undefined>>

/** Values of flags, as typed. */
export type Overrides = {
  readonly issuer?: string
  readonly host?: string
  readonly port?: string | number
  readonly storage?: string
  readonly workers?: string | number
}

type Overridden = {
  readonly input: Readonly<Record<string, unknown>>
  /** Maps a key to the flag or variable that set it. Errors mention that source, and relative paths from a flag or variable are resolved against the working directory. */
  readonly sources: ReadonlyMap<string, string>
}

export function override(
  input: Readonly<Record<string, unknown>>,
  environment: Environment,
  overrides: Overrides,
): Overridden {
  const values: Record<string, unknown> = {}
  const sources = new Map<string, string>()
  for (const [variable, key] of Object.entries(variables)) {
    // An empty variable counts as unset, like ${NAME:-default} in a shell.
    if (environment[variable]) set(key, environment[variable], variable)
  }
  for (const [key, value] of Object.entries(overrides)) {
    if (value !== undefined) set(key, value, `--${key}`)
  }
  const { webhooks, tenants } = input
  if (webhooks) values.webhooks = withWebhookSecrets(webhooks, environment)
  if (Array.isArray(tenants))
    values.tenants = Array.from(tenants, tenant =>
      isJsonObject(tenant) && tenant.webhooks
        ? { ...tenant, webhooks: withWebhookSecrets(tenant.webhooks, environment) }
        : tenant,
    )
  const password = environment[smtpPasswordVariable]
  const { mail } = input
  if (password && isJsonObject(mail) && isJsonObject(mail.smtp))
    values.mail = { ...mail, smtp: { ...mail.smtp, password } }
  return { input: { ...input, ...values }, sources }

  function set(key: string, value: string | number, source: string) {
    values[key] =
      numeric.has(key) && typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value
    sources.set(key, source)
  }
}

/**
 * Replaces secrets like `env:NAME` with the variable's value. If the variable is not set, the value stays unchanged and
 * is then an error.
 */
const withWebhookSecrets = (webhooks: unknown, environment: Environment): unknown =>
  Array.isArray(webhooks)
    ? Array.from(webhooks, webhook =>
        isJsonObject(webhook) && Array.isArray(webhook.secrets)
          ? { ...webhook, secrets: Array.from(webhook.secrets, secret => resolved(secret, environment)) }
          : webhook,
      )
    : webhooks

function resolved(secret: unknown, environment: Environment): unknown {
  const [, name] = (typeof secret === 'string' && /^env:(\w+)$/.exec(secret)) || []
  return (name !== undefined && environment[name]) || secret
}

/** Names the flag or variable instead of the key in errors of overridden keys. */
export const renameSources = (
  errors: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
): readonly Diagnostic[] => errors.map(error => ({ ...error, path: sources.get(error.path) ?? error.path }))

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** Refuses a log level that is not known: the log would otherwise contain too little or too much. */
export function environmentErrors(environment: Environment): readonly Diagnostic[] {
  const level = environment[logLevelVariable]
  if (level === undefined || level === '' || logLevels.some(known => known === level)) return []
  const nearest = nearestOf(level, logLevels)
  return [
    {
      path: logLevelVariable,
      problem: `"${level.slice(0, 100)}" is not a log level`,
      expected: `one of ${logLevels.join(', ')}`,
      ...(nearest !== undefined && { nearest }),
      fix: nearest === undefined ? 'write one of these' : `write ${nearest}`,
    },
  ]
}

/** Warns about variables that look misspelled. */
export const environmentWarnings = (environment: Environment): readonly Diagnostic[] => {
  const known = [
    ...Object.keys(variables),
    ...Object.values(masterKeyVariables),
    smtpPasswordVariable,
    logLevelVariable,
    debugVariable,
  ]
  return Object.keys(environment)
    .filter(name => name.startsWith(prefix) && !known.includes(name))
    .flatMap(name => {
      const word = nearestOf(
        name.slice(prefix.length),
        known.map(one => one.slice(prefix.length)),
      )
      if (word === undefined) return []
      const nearest = `${prefix}${word}`
      return [
        {
          path: name,
          problem: 'it is not a known variable',
          expected: `one of ${known.join(', ')}`,
          nearest,
          fix: `write ${nearest}`,
        },
      ]
    })
}

/**
 * Reads the master key: 32 bytes. The variable wins over the file.
 * @param name the variable.
 * @param file the configured path, the base folder for a relative path, and the setting that contains it.
 */
export function readMasterKey(
  environment: Environment,
  name: string,
  file: { readonly path: unknown; readonly directory: string; readonly source: string },
): {
  readonly masterKey?: ConfiguredMasterKey
  readonly errors: readonly Diagnostic[]
  readonly warnings?: readonly Diagnostic[]
} {
  const keyOf = (bytes: Uint8Array | undefined, path: string, problem: string) => {
    if (bytes) return { masterKey: { kind: 'local', from: path, bytes } as const, errors: [] }
    const expected = '32 bytes in base64 or base64url'
    return { errors: [{ path, problem, expected, fix: 'generate one with: openssl rand -base64 32' }] }
  }
  const variable = environment[name]
  if (variable) return keyOf(decode32Bytes(variable.trim()), name, 'it is not a master key')
  if (typeof file.path !== 'string' || file.path === '') return { errors: [] }
  const reading = readRegularFile(resolve(file.directory, file.path), mostBytesOfKey)
  if (!reading.ok) {
    const { problem, fix } = reading
    return { errors: [{ path: file.source, problem, expected: 'a readable file', fix }] }
  }
  const { bytes, mode } = reading
  const key = bytes.length === 32 ? new Uint8Array(bytes) : decode32Bytes(bytes.toString('latin1').trim())
  const outcome = keyOf(key, file.source, 'the file does not contain a master key')
  return isOpen(mode) ? { ...outcome, warnings: [{ path: file.source, ...openFile }] } : outcome
}
