/** `tessera migrate`: migrates the stores of all issuers to the schema of this version. */

import { writeOutput } from '../operations/output/standard-output.ts'
import type { ExitCode } from './command.ts'
import { loadOrReport, tellFailures } from './report.ts'

export async function migrate({ config }: { readonly config: string }): Promise<ExitCode> {
  const configuration = await loadOrReport(config)
  if (!configuration) return 1
  const { migrateStorage } = await import('../app/administration.ts')
  const { migrated, failures } = await migrateStorage(configuration)
  await (await import('./transfer.ts')).recordOrTell(configuration)
  tellFailures(failures)
  writeOutput(`migrated ${migrated} ${migrated === 1 ? 'store' : 'stores'} to the schema of this version\n`)
  return failures.length === 0 ? 0 : 1
}
