/** `tessera import`: from an export or a store, or from files of another server (docs/guides/migrating.md). */

import { importerNames, importerOf } from '../migration/importers.ts'
import type { Importer, Migration, SourceFile } from '../migration/migrate.ts'
import { writeError, writeOutput } from '../operations/output/standard-output.ts'
import type { ExitCode, ImportFlags } from './command.ts'

export async function importFiles(files: readonly string[], flags: ImportFlags): Promise<ExitCode> {
  const importer = importerOf(flags.from)
  const misused = importer ? misuseOf(files, flags) : misuseOfArchive(files, flags)
  if (misused !== undefined) return report(misused, 2)
  if (!importer) return (await import('./transfer.ts')).importFrom({ ...flags, config: flags.config! })
  const migration = await read(files, importer)
  if (!migration) return 1
  const { reportJson, reportText, summaryText } = await import('../migration/report-text.ts')
  const isJson = flags.report === 'json'
  writeOutput(isJson ? reportJson(migration) : reportText(migration))
  const tell = (text: string) => (isJson ? writeError : writeOutput)(text)
  tell(`\n${summaryText(migration)}`)
  if (flags.output !== undefined && !(await write(flags.output, migration))) return 1
  if (flags.output !== undefined) tell(`wrote ${flags.output}\n`)
  if (flags.config !== undefined)
    return (await import('./import-users.ts')).importUsers(
      migration.users,
      { config: flags.config, tenant: flags.tenant },
      flags.apply ?? false,
      tell,
    )
  if (flags.output === undefined)
    tell('nothing was written; --output FILE writes the configuration, --config FILE --apply adds users\n')
  return 0
}

function misuseOf(
  files: readonly string[],
  { from, kind, apply, config, report, tenant }: ImportFlags,
): string | undefined {
  if (files.length === 0) return `--from ${from} needs a file; see docs/guides/migrating.md`
  if (kind) return `--kind does not apply to --from ${from}`
  if (apply && config === undefined) return '--apply needs --config FILE, whose store gets the users'
  if (tenant !== undefined && config === undefined)
    return '--tenant needs --config FILE, which contains the tenant or its store'
  if (report !== undefined && report !== 'text' && report !== 'json') return 'expected --report text or json'
}

function misuseOfArchive(files: readonly string[], flags: ImportFlags): string | undefined {
  const names = importerNames.join(', ')
  if (files.length > 0) return `--from ${flags.from} is not one of ${names}, so no other files are expected`
  const other = (['report', 'output', 'apply', 'tenant'] as const).find(name => flags[name] !== undefined)
  if (other !== undefined) return `--${other} is only for --from ${names}`
  if (flags.config === undefined) return 'expected --config FILE, the configuration whose stores are filled'
}

async function read(names: readonly string[], importer: Importer): Promise<Migration | undefined> {
  const { readSourceFile } = await import('../migration/source-file.ts')
  const { migrate } = await import('../migration/migrate.ts')
  const files: SourceFile[] = []
  for (const name of names) {
    const outcome = await readSourceFile(name, importer)
    if (!outcome.ok) {
      report(`${name}: ${outcome.problem}`)
      return undefined
    }
    files.push(outcome.file)
  }
  return migrate(importer, files, Math.floor(Date.now() / 1000))
}

/** Creates a file that only its owner can read. Returns false if it exists, or can't be written completely. */
async function write(file: string, { configuration }: Migration): Promise<boolean> {
  const { rmSync, writeFileSync } = await import('node:fs')
  try {
    writeFileSync(file, `${JSON.stringify(configuration, null, 2)}\n`, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') rmSync(file, { force: true })
    report(code === 'EEXIST' ? `${file} exists; choose another name` : `${file} can't be written (${code})`)
    return false
  }
}

function report(problem: string, code: ExitCode = 1): ExitCode {
  writeError(`tessera: ${problem}\n`)
  return code
}
