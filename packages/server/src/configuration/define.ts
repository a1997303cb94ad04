/** The public entrance for configurations that are modules. */

import type { ConfigurationInput } from './schema/whole.ts'

export type { ConfigurationInput } from './schema/whole.ts'

/**
 * Declares a configuration; lets editors complete and check it. The same keys as in a file, and code:
 * `grants`, `validators`, `profile` and providers' `credentialAuthority`.
 */
export const defineConfig = (configuration: ConfigurationInput): ConfigurationInput => configuration
