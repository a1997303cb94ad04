/** A changed configuration for a server that goes on: read and checked whole, then served or left. */

import type { Configuration } from '../configuration/configuration.ts'
import type { Diagnostic } from '../configuration/diagnostic.ts'
import { followPort } from '../configuration/issuer.ts'
import { type LoadOptions, loadConfiguration } from '../configuration/load.ts'
import { restartErrors } from '../configuration/restart.ts'
import type { Log } from '../runtime/ports.ts'

export type ReloadPorts = {
  readonly running: Configuration
  readonly replace: (configuration: Configuration) => Promise<void>
  readonly log: Log
}

/** Answers whether it is served now. */
export async function reload(source: LoadOptions, { running, replace, log }: ReloadPorts): Promise<boolean> {
  const { file } = source
  try {
    const { errors, warnings, configuration } = await read(source, running)
    if (!configuration) {
      log.error('configuration_refused', { file, errors })
      return false
    }
    await replace(configuration)
    for (const warning of warnings) log.warn('configuration_doubtful', { file, ...warning })
    log.info('configuration_applied', { file })
    return true
  } catch (error) {
    // Broken surroundings: a database that is away, a store that can't be opened.
    log.error('configuration_not_applied', { file, error: String(error) })
    return false
  }
}

type Reading = {
  readonly errors: readonly Diagnostic[]
  readonly warnings: readonly Diagnostic[]
  /** Undefined where there are errors. */
  readonly configuration?: Configuration
}

async function read(source: LoadOptions, running: Configuration): Promise<Reading> {
  const loaded = await loadConfiguration({ ...source, again: true })
  if (!loaded.ok) return { errors: loaded.errors, warnings: [] }
  const { warnings, configuration } = loaded
  const settled = configuration.port === 0 ? followPort(configuration, running.port) : configuration
  const errors = restartErrors(running, settled)
  return { errors, warnings, ...(errors.length === 0 && { configuration: settled }) }
}
