/** `tessera export`, `tessera import` and `tessera backup`: see docs/guides/backup.md. */

import type { Configuration } from '../configuration/configuration.ts'
import { storageOf } from '../configuration/schema/deployment.ts'
import { writeError, writeOutput } from '../operations/output/standard-output.ts'
import type { BackupFlags, ExitCode, TransferFlags } from './command.ts'
import { showProgress } from './progress.ts'
import { loadOrReport } from './report.ts'

/** Records the command in the audit log, or says why it can't be recorded. */
export async function recordOrTell(configuration: Configuration): Promise<void> {
  const { recordStoreCommand } = await import('../app/store-commands.ts')
  const problem = await recordStoreCommand(configuration)
  if (problem !== undefined)
    writeError(`tessera: this command is not recorded in the audit log: ${problem}\n`)
}

type Archives = typeof import('../app/archives.ts')
type Kinds = NonNullable<Parameters<Archives['exportStores']>[2]['kinds']>

export async function exportTo({
  config,
  to,
  kind,
}: TransferFlags & { readonly to: string }): Promise<ExitCode> {
  const configuration = await loadOrReport(config)
  if (!configuration) return 1
  const archives = await openArchives()
  const kinds = kindsOf(archives, kind)
  if (!kinds.ok) return kinds.code
  await recordOrTell(configuration)
  const { rows, sha256 } = await archives.exportStores(configuration, to, {
    ...kinds.chosen,
    report: showProgress(),
  })
  writeOutput(`exported rows=${rows} sha256=${sha256}\n`)
  return 0
}

export async function importFrom({
  config,
  from,
  kind,
}: TransferFlags & { readonly from: string }): Promise<ExitCode> {
  const configuration = await loadOrReport(config)
  if (!configuration) return 1
  const archives = await openArchives()
  const kinds = kindsOf(archives, kind)
  if (!kinds.ok) return kinds.code
  const importing = { ...kinds.chosen, report: showProgress() }
  const filled = isStorage.test(from)
    ? await archives.importStore(configuration, storageOf(from, process.cwd()), importing)
    : await archives.importFile(configuration, from, importing)
  // Only now does the store have the master key's check and the earlier records.
  await recordOrTell(configuration)
  for (const [table, { added, same, other }] of filled)
    writeOutput(`imported ${table} added=${added} same=${same} other=${other}\n`)
  return 0
}

export async function backUp({ config, to }: BackupFlags): Promise<ExitCode> {
  const configuration = await loadOrReport(config)
  if (!configuration) return 1
  const { backUpStores } = await openArchives()
  await recordOrTell(configuration)
  for (const copy of await backUpStores(configuration, to)) writeOutput(`copied ${copy}\n`)
  return 0
}

const openArchives = async (): Promise<Archives> => import('../app/archives.ts')

const isStorage = /^(sqlite:|postgres(ql)?:\/\/)/

function kindsOf(
  { isArchivedKind, allKinds }: Archives,
  names: readonly string[] | undefined,
):
  | { readonly ok: true; readonly chosen: { readonly kinds?: Kinds } }
  | { readonly ok: false; readonly code: ExitCode } {
  if (names === undefined) return { ok: true, chosen: {} }
  const unknown = names.find(name => !isArchivedKind(name))
  if (unknown === undefined) return { ok: true, chosen: { kinds: new Set(names.filter(isArchivedKind)) } }
  writeError(`tessera: unknown kind "${unknown}"; expected one of ${[...allKinds].join(', ')}\n`)
  return { ok: false, code: 2 }
}
