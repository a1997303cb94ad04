/** What commands say about configurations. */

import type { Configuration } from '../configuration/configuration.ts'
import { type Fault, formatFault } from '../configuration/fault.ts'
import { type LoadOptions, loadConfiguration } from '../configuration/load.ts'

/** The configuration, its warnings told on standard error; or undefined when its faults were told there. */
export async function loadOrReport(
  file: string,
  overrides: LoadOptions['overrides'] = {},
): Promise<Configuration | undefined> {
  const loaded = await loadConfiguration({ file, environment: process.env, overrides })
  if (!loaded.ok) {
    tell(loaded.faults, '')
    const count = loaded.faults.length
    process.stderr.write(`${file}: ${count} ${count === 1 ? 'fault' : 'faults'}\n`)
    return undefined
  }
  tell(loaded.warnings, 'warning: ')
  return loaded.configuration
}

const tell = (faults: readonly Fault[], prefix: string): void => {
  for (const fault of faults) process.stderr.write(`${prefix}${formatFault(fault)}\n`)
}
