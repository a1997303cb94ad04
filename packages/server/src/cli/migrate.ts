/** `tessera migrate`: brings the schema of every issuer's store to this version, and ends. */

import type { ExitCode } from './command.ts'
import { loadOrReport } from './report.ts'

export async function migrate({ config }: { readonly config: string }): Promise<ExitCode> {
  const configuration = await loadOrReport(config, {})
  if (!configuration) return 1
  const { migrateStorage } = await import('../app/administration.ts')
  const stores = await migrateStorage(configuration)
  process.stdout.write(`${stores === 1 ? 'one store is' : `${stores} stores are`} of this version\n`)
  return 0
}
