/** Reports of commands to standard error. */

import type { Configuration } from '../configuration/configuration.ts'
import { type Diagnostic, formatDiagnostic } from '../configuration/diagnostic.ts'
import { type LoadOptions, loadConfiguration } from '../configuration/load.ts'
import { writeError } from '../operations/output/standard-output.ts'
import type { ExitCode } from './command.ts'
import { failureText } from './failure.ts'

/** Returns the configuration; undefined if it has errors. Writes its errors or warnings to standard error. */
export async function loadOrReport(
  file: string,
  overrides: LoadOptions['overrides'] = {},
): Promise<Configuration | undefined> {
  const loaded = await loadConfiguration({ file, environment: process.env, overrides })
  if (!loaded.ok) {
    tellErrors(file, loaded.errors)
    return undefined
  }
  tellWarnings(loaded.warnings)
  return loaded.configuration
}

/** Writes the errors of a configuration, and their number, to standard error. */
export function tellErrors(file: string, errors: readonly Diagnostic[]): ExitCode {
  tell(errors, '')
  const count = errors.length
  writeError(`${file}: ${count} ${count === 1 ? 'error' : 'errors'}\n`)
  return 1
}

export const tellWarnings = (warnings: readonly Diagnostic[]): void => tell(warnings, 'warning: ')

const tell = (diagnostics: readonly Diagnostic[], prefix: string): void => {
  for (const diagnostic of diagnostics) writeError(`${prefix}${formatDiagnostic(diagnostic)}\n`)
}

/** Writes which tenants a command failed for, and why. */
export function tellFailures(
  failures: readonly { readonly tenant: string; readonly error: unknown }[],
): void {
  for (const { tenant, error } of failures) report(`tenant ${JSON.stringify(tenant)}: ${failureText(error)}`)
}

/** Writes why a command failed, and returns its exit code. */
export function report(problem: string, code: ExitCode = 1): ExitCode {
  writeError(`tessera: ${problem}\n`)
  return code
}
