/** Reloads the configuration of a running server: reads and checks the whole file, then applies or refuses it. */

import type { Configuration } from '../configuration/configuration.ts'
import type { Diagnostic } from '../configuration/diagnostic.ts'
import { followPort } from '../configuration/issuer.ts'
import { isModuleFile, type LoadOptions, loadConfiguration } from '../configuration/load.ts'
import { restartErrors } from '../configuration/restart.ts'
import type { Log } from '../runtime/ports.ts'

type ReloadPorts = {
  readonly running: Configuration
  readonly replace: (configuration: Configuration) => Promise<void>
  readonly log: Log
}

/** Resolves to whether the file is applied. Logs why it is not; never rejects. */
export async function reload(source: LoadOptions, { running, replace, log }: ReloadPorts): Promise<boolean> {
  const { file } = source
  try {
    const reading = await read(source, running)
    if (!reading.ok) {
      log.error('configuration_refused', { file, errors: reading.errors })
      return false
    }
    await replace(reading.configuration)
    for (const warning of reading.warnings) log.warn('configuration_warning', { file, ...warning })
    log.info('configuration_applied', { file })
    return true
  } catch (error) {
    // The file is not the cause: a store can't be reached or opened.
    log.error('configuration_not_applied', { file, error: String(error) })
    return false
  }
}

type Reading =
  | {
      readonly ok: true
      readonly configuration: Configuration
      readonly warnings: readonly Diagnostic[]
    }
  | { readonly ok: false; readonly errors: readonly Diagnostic[] }

async function read(source: LoadOptions, running: Configuration): Promise<Reading> {
  const { file } = source
  if (file !== undefined && isModuleFile(file)) return { ok: false, errors: [moduleError(file)] }
  const loaded = await loadConfiguration(source)
  if (!loaded.ok) return loaded
  const { warnings, configuration } = loaded
  const settled = configuration.port === 0 ? followPort(configuration, running.port) : configuration
  const errors = restartErrors(running, settled)
  return errors.length > 0 ? { ok: false, errors } : { ok: true, configuration: settled, warnings }
}

/** Node caches modules, so a change has no effect on a running process. */
const moduleError = (file: string): Diagnostic => ({
  path: file,
  problem: "a module can't be reloaded: Node reads it once per process",
  expected: 'a JSON, JSONC or YAML file',
  fix: 'restart the processes one after the other',
})
