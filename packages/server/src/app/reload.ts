/** A changed configuration for a server that goes on: read and checked whole, then served or left. */

import type { Configuration } from '../configuration/configuration.ts'
import type { Fault } from '../configuration/fault.ts'
import { followPort } from '../configuration/issuer.ts'
import { type LoadOptions, loadConfiguration } from '../configuration/load.ts'
import { restartFaults } from '../configuration/restart.ts'
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
    const { faults, warnings, configuration } = await read(source, running)
    if (!configuration) {
      log.error('configuration_refused', { file, faults })
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
  readonly faults: readonly Fault[]
  readonly warnings: readonly Fault[]
  /** Undefined where there are faults. */
  readonly configuration?: Configuration
}

async function read(source: LoadOptions, running: Configuration): Promise<Reading> {
  const loaded = await loadConfiguration({ ...source, anew: true })
  if (!loaded.ok) return { faults: loaded.faults, warnings: [] }
  const { warnings, configuration } = loaded
  const settled = configuration.port === 0 ? followPort(configuration, running.port) : configuration
  const faults = restartFaults(running, settled)
  return { faults, warnings, ...(faults.length === 0 && { configuration: settled }) }
}
