/** `tessera migrate`: migrates the stores of all issuers to the schema of this version. */

import { writeOutput } from '../operations/output/standard-output.ts'
import type { ExitCode } from './command.ts'
import { loadOrReport } from './report.ts'

export async function migrate({ config }: { readonly config: string }): Promise<ExitCode> {
  const configuration = await loadOrReport(config)
  if (!configuration) return 1
  const { migrateStorage } = await import('../app/administration.ts')
  const stores = await migrateStorage(configuration)
  await (await import('./transfer.ts')).recordOrTell(configuration)
  writeOutput(`migrated ${stores} ${stores === 1 ? 'store' : 'stores'} to the schema of this version\n`)
  return 0
}
