/** Options that several commands have. */

import { Option } from 'commander'
import type { ExitCode } from '../command.ts'

/** Turns a command into an action that sets the exit code of the process. */
export type Does = <Arguments extends unknown[]>(
  command: (...given: Arguments) => Promise<ExitCode>,
) => (...given: Arguments) => Promise<void>

export const configOption = (): Option =>
  new Option(
    '-c, --config <file>',
    'configuration file: .json, .jsonc, .yaml, .yml, .js, .mjs, .ts, .mts',
  ).makeOptionMandatory()

export const tenantOption = (): Option =>
  new Option('--tenant <name>', "tenant with its own issuer (default: the server's issuer)")

export const versionOption = (): Option =>
  new Option('--if-version <n>', 'refuse the change if this is not the current version').argParser(text =>
    /^\d+$/.test(text) ? Number(text) : Number.NaN,
  )
