/** Deployment settings from flags and variables: flags win over the environment, the environment over the file. */

import type { Fault } from './fault.ts'
import { nearestOf } from './nearest.ts'

/** Variable → the key that it sets. */
const variables = {
  TESSERA_ISSUER: 'issuer',
  TESSERA_HOST: 'host',
  TESSERA_PORT: 'port',
  TESSERA_STORAGE: 'storage',
  TESSERA_WORKERS: 'workers',
  TESSERA_MASTER_KEY_FILE: 'master_key_file',
} as const

const numeric: ReadonlySet<string> = new Set(['port', 'workers'])

const prefix = 'TESSERA_'
export const masterKeyVariable = 'TESSERA_MASTER_KEY'
/** Sets `mail.smtp.password`. */
const smtpPasswordVariable = 'TESSERA_SMTP_PASSWORD'

export type Environment = Readonly<Record<string, string | undefined>>

/** Values of flags; text as it was typed. */
export type Overrides = {
  readonly issuer?: string
  readonly host?: string
  readonly port?: string | number
  readonly storage?: string
  readonly workers?: string | number
}

export type Overridden = {
  readonly input: Readonly<Record<string, unknown>>
  /** Key → the flag or variable that set it, for faults and for what relative paths start from. */
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
    // An empty variable counts as unset, as it does to shells' ${NAME:-default}.
    if (environment[variable]) set(key, environment[variable], variable)
  }
  for (const [key, value] of Object.entries(overrides)) {
    if (value !== undefined) set(key, value, `--${key}`)
  }
  const smtpPassword = environment[smtpPasswordVariable]
  const mail = smtpPassword ? withSmtpPassword(input.mail, smtpPassword) : undefined
  return { input: { ...input, ...values, ...(mail && { mail }) }, sources }

  function set(key: string, value: string | number, source: string) {
    values[key] =
      numeric.has(key) && typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value
    sources.set(key, source)
  }
}

/** The mail settings with this password; undefined where there is nothing to put it into. */
function withSmtpPassword(mail: unknown, password: string): object | undefined {
  const smtp = isObject(mail) ? mail.smtp : undefined
  return isObject(mail) && isObject(smtp) ? { ...mail, smtp: { ...smtp, password } } : undefined
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Faults of overridden keys name the flag or variable instead of the key. */
export const renameSources = (
  faults: readonly Fault[],
  sources: ReadonlyMap<string, string>,
): readonly Fault[] => faults.map(fault => ({ ...fault, path: sources.get(fault.path) ?? fault.path }))

/** Variables that look like misspelt ones. */
export const environmentDoubts = (environment: Environment): readonly Fault[] => {
  const known = [...Object.keys(variables), masterKeyVariable, smtpPasswordVariable]
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
