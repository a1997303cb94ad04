/** Exports, imports, moves and backs up the configured stores, for the command line. */

import type { Configuration, Storage } from '../configuration/configuration.ts'
import { masterKeyCheck, unlock } from '../keys/master-key.ts'
import { rootKeysSetting } from '../keys/root-key-set.ts'
import { silentLog } from '../runtime/ports.ts'
import {
  type ArchivedKind,
  type Archives,
  allKinds,
  checkedKinds,
  importBegun,
  keyText,
  kindOf,
  rowError,
  unsealedKinds,
} from '../storage/tables/archive.ts'
import { type Filled, fill, ImportRefused } from '../storage/transfer/fill.ts'
import type { Header } from '../storage/transfer/format.ts'
import { readExport, verifyExport } from '../storage/transfer/read.ts'
import { type Report, type Sections, sectionsOf } from '../storage/transfer/sections.ts'
import { type Written, writeExport } from '../storage/transfer/write.ts'
import { requireSchema, requireTables } from './store-inspection.ts'

export { allKinds, isArchivedKind } from '../storage/tables/archive.ts'

const rotatedMeanwhile =
  'the master key was rotated meanwhile, so that the secrets of tenants may need other root keys than the copy contains; run the command again'

type Carrying = {
  /** Omitted: all kinds. */
  readonly kinds?: ReadonlySet<ArchivedKind>
  readonly report: Report
}

/** Exports the stores to a new file. Servers may keep running. Rejects if the file exists. */
export async function exportStores(
  { storage }: Configuration,
  file: string,
  { kinds = allKinds, report }: Carrying,
): Promise<Written> {
  return withSource(storage, async archives => {
    const header = {
      created_at: Math.floor(Date.now() / 1000),
      ...(await masterKeyOf(archives)),
    }
    return writeExport(file, header, unlessRotated(archives, kinds, header), report)
  })
}

/** Returns the rows as {@link sectionsOf} does, and then throws if the header lacks a root key that may have sealed some. */
async function* unlessRotated(
  archives: Archives,
  kinds: ReadonlySet<ArchivedKind>,
  { root_keys: rootKeys }: Import['masterKey'],
): Sections {
  yield* sectionsOf(archives, kinds)
  if ((await masterKeyOf(archives)).root_keys !== rootKeys) throw new Error(rotatedMeanwhile)
}

/** Fills the stores from an export. @throws ImportRefused or MalformedExport before anything was written. */
export async function importFile(
  configuration: Configuration,
  file: string,
  { kinds, ...carrying }: Carrying,
): Promise<Filled> {
  const { header, tables, tenants, counts } = await verifyExport(file)
  const held = new Set([...tables].map(requireKind))
  const chosen = kinds ?? held
  for (const kind of chosen) {
    if (!held.has(kind)) throw new ImportRefused(`the file contains no ${kind}`)
  }
  return into(
    configuration,
    { masterKey: header, tenants, sections: readExport(file, counts) },
    { ...carrying, kinds: chosen },
  )
}

/** Fills the stores from another store. No server may use that store meanwhile, or its writes are lost. */
export const importStore = async (
  configuration: Configuration,
  from: Storage,
  { kinds = allKinds, ...carrying }: Carrying,
): Promise<Filled> =>
  withSource(from, async archives => {
    const [masterKey, tenants] = [await masterKeyOf(archives), await archives.tenants()]
    await requireValidTexts(archives, kinds)
    return into(
      configuration,
      { masterKey, tenants, sections: sectionsOf(archives, kinds) },
      { ...carrying, kinds },
    )
  })

/** Checks texts of the source as `verifyExport` checks those of a file, before anything is written. */
async function requireValidTexts(archives: Archives, kinds: ReadonlySet<ArchivedKind>): Promise<void> {
  const checked = new Set([...kinds].filter(kind => checkedKinds.has(kind)))
  for await (const { tenant, table, rows } of sectionsOf(archives, checked))
    for await (const batch of rows)
      for (const row of batch) {
        const error = rowError(table, row)
        if (error === undefined) continue
        const whose = tenant === undefined ? '' : ` of tenant ${tenant}`
        throw new ImportRefused(`the row ${keyText(table, row)}${whose} is invalid: ${error}`)
      }
}

type Import = {
  readonly masterKey: Pick<Header, 'master_key_check' | 'root_keys'>
  readonly tenants: Iterable<string>
  readonly sections: Sections
}

async function into(
  configuration: Configuration,
  { masterKey, tenants, sections }: Import,
  { kinds, report }: Required<Carrying>,
): Promise<Filled> {
  for (const tenant of tenants) {
    if (!configuration.tenantIssuers.has(tenant))
      throw new ImportRefused(`the configuration has no tenant ${JSON.stringify(tenant)} with its own issuer`)
  }
  return withArchives(configuration.storage, async archives => {
    const isSealed = [...kinds].some(kind => !unsealedKinds.has(kind))
    const settings = isSealed ? await requireMasterKey(configuration, masterKey, archives) : {}
    return fill(archives, chosenOf(sections, kinds), { kinds, settings, report })
  })
}

async function* chosenOf(sections: Sections, kinds: ReadonlySet<ArchivedKind>): Sections {
  for await (const section of sections) if (kinds.has(requireKind(section.table.name))) yield section
}

/**
 * Checks that sealed values can be opened here, and that the stores were not created with another key. Returns the settings
 * that open them: the root keys of a rotated master key.
 */
async function requireMasterKey(
  { masterKey: configured, previousMasterKey: previous, storage }: Configuration,
  { master_key_check: check, root_keys: rootKeys }: Import['masterKey'],
  archives: Archives,
): Promise<Readonly<Record<string, string>>> {
  if (check === null) return {}
  const target = await archives.target()
  try {
    const own = await target.setting(masterKeyCheck)
    const ownRootKeys = await target.setting(rootKeysSetting)
    if ((own !== undefined && own !== check) || (ownRootKeys !== undefined && ownRootKeys !== rootKeys))
      throw new ImportRefused(
        'the target was created with a different master key, or has other root keys, than the import; expected a new store, or the same keys',
      )
    const clock = { now: () => Math.floor(Date.now() / 1000) }
    const get = async (name: string) => (name === rootKeysSetting ? rootKeys : check)
    const settings = { get, initialise: async () => check }
    await unlock({ configured, previous, storage, settings, clock, log: silentLog })
    return rootKeys === undefined ? {} : { [rootKeysSetting]: rootKeys }
  } finally {
    await target.close()
  }
}

function requireKind(table: string): ArchivedKind {
  const kind = kindOf(table)
  if (kind) return kind
  throw new ImportRefused(`unknown table ${JSON.stringify(table)}; was this exported by a newer version?`)
}

/** Returns what a master key is checked against. Rejects if an import into the store is unfinished. */
async function masterKeyOf(archives: Archives): Promise<Import['masterKey']> {
  const source = await archives.source()
  try {
    if ((await source.setting(importBegun)) !== undefined)
      throw new Error('an import into this database is incomplete: run it again')
    const root_keys = await source.setting(rootKeysSetting)
    return {
      master_key_check: (await source.setting(masterKeyCheck)) ?? null,
      ...(root_keys !== undefined && { root_keys }),
    }
  } finally {
    await source.close()
  }
}

async function withArchives<Answer>(
  storage: Storage,
  use: (archives: Archives) => Promise<Answer>,
): Promise<Answer> {
  const archives = await openArchivesOf(storage)
  try {
    return await use(archives)
  } finally {
    await archives.close()
  }
}

/** Rejects unless each store has the schema of this version, because reading neither creates nor migrates one. */
const withSource = <Answer>(
  storage: Storage,
  use: (archives: Archives) => Promise<Answer>,
): Promise<Answer> =>
  withArchives(storage, async archives => {
    if (storage.kind !== 'memory')
      for (const tenant of [undefined, ...(await archives.tenants())]) await requireSchema(storage, tenant)
    return use(archives)
  })

async function openArchivesOf(storage: Storage): Promise<Archives> {
  if (storage.kind === 'memory')
    throw new Error('"memory:" stores nothing that could be exported; use sqlite: or postgres:')
  if (storage.kind === 'postgres')
    return (await import('../storage/postgres/archive.ts')).createPostgresArchives(storage)
  return (await import('../storage/sqlite/archive.ts')).createSqliteArchives(storage.file)
}

/**
 * Copies the files of an SQLite store into a folder. Servers may keep running. Returns the paths of the copies. Rejects, and
 * keeps none, if the master key is rotated meanwhile.
 */
export async function backUpStores({ storage }: Configuration, folder: string): Promise<readonly string[]> {
  if (storage.kind !== 'sqlite')
    throw new Error(
      'tessera backup works with SQLite only; use pg_dump for PostgreSQL (docs/guides/backup.md)',
    )
  await requireTables(storage)
  const { backUp } = await import('../storage/sqlite/backup.ts')
  return backUp(storage.file, folder, { name: rootKeysSetting, changed: rotatedMeanwhile })
}
