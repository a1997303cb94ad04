/** Fills stores with the rows of an export or of another store. */

import { randomUUID } from 'node:crypto'
import {
  type Added,
  type ArchivedKind,
  type Archives,
  type ArchiveTarget,
  addableKinds,
  allKinds,
  importBegun,
  initialKinds,
  tablesOf,
} from '../tables/archive.ts'
import { tables } from '../tables/tables.ts'
import type { Report, Sections } from './sections.ts'

/** Tells the operator why nothing was imported. */
export class ImportRefused extends Error {}

const overtaken =
  'another import into this database has begun meanwhile; wait until it has ended, or stop it and run this one again'

export type Filled = ReadonlyMap<string, Added>

const without = (kinds: ReadonlySet<ArchivedKind>): ReadonlySet<ArchivedKind> =>
  new Set([...allKinds].filter(kind => !kinds.has(kind)))

/**
 * Fills the stores of `archives`. Rows of addable kinds may be added to stores in use. Other kinds require stores that
 * were never used, or that an earlier import left unfinished. Such stores are emptied and filled from the start, and no
 * server starts on them until they are complete. Of two imports at the same time, the later one takes the stores over, and the
 * earlier one rejects.
 * @param settings are written before the rows.
 * @throws ImportRefused before anything was written.
 */
export async function fill(
  archives: Archives,
  sections: Sections,
  {
    kinds,
    settings = {},
    report,
  }: {
    readonly kinds: ReadonlySet<ArchivedKind>
    readonly settings?: Readonly<Record<string, string>>
    readonly report: Report
  },
): Promise<Filled> {
  const adding = [...kinds].every(kind => addableKinds.has(kind))
  const main = await archives.target()
  const targets = new Map<string | undefined, ArchiveTarget>([[undefined, main]])
  try {
    for (const tenant of await archives.tenants()) targets.set(tenant, await archives.target(tenant))
    const requireOwn = adding ? undefined : await begin(main, targets)
    for (const [name, value] of Object.entries(settings)) await main.set(name, value)
    const filled = await addAll(archives, targets, sections, { requireOwn, report })
    if (requireOwn) {
      await requireOwn()
      await main.set(importBegun, undefined)
    }
    return filled
  } finally {
    for (const target of targets.values()) await target.close()
  }
}

/** Rejects if another import has taken the stores over. */
type RequireOwn = () => Promise<void>

/** The tables that a complete import empties first. */
const emptied: ReadonlySet<string> = new Set(tablesOf(without(initialKinds)))

async function begin(
  main: ArchiveTarget,
  targets: ReadonlyMap<string | undefined, ArchiveTarget>,
): Promise<RequireOwn> {
  if ((await main.setting(importBegun)) === undefined) {
    for (const [tenant, target] of targets) {
      if (!(await target.holdsAny([...emptied]))) continue
      const whose = tenant === undefined ? 'the database' : `the database of tenant ${tenant}`
      throw new ImportRefused(
        `${whose} is in use: import into an empty one, or select kinds that can be added to it with --kind (${[...addableKinds].join(', ')})`,
      )
    }
  }
  const own = randomUUID()
  await main.set(importBegun, own)
  // Deletes keys and settings of an earlier start, which would belong to another installation.
  for (const target of targets.values()) await target.empty([...emptied, tables.principals.name])
  return async () => {
    if ((await main.setting(importBegun)) !== own) throw new Error(overtaken)
  }
}

async function addAll(
  archives: Archives,
  targets: Map<string | undefined, ArchiveTarget>,
  sections: Sections,
  { requireOwn, report }: { readonly requireOwn: RequireOwn | undefined; readonly report: Report },
): Promise<Filled> {
  const filled = new Map<string, Added>()
  for await (const { tenant, table, count, rows } of sections) {
    const target = targets.get(tenant) ?? (await archives.target(tenant))
    targets.set(tenant, target)
    let done = 0
    for await (const batch of rows) {
      await requireOwn?.()
      const added = await target.add(table, batch)
      const before = filled.get(table.name) ?? { added: 0, same: 0, other: 0 }
      filled.set(table.name, {
        added: before.added + added.added,
        same: before.same + added.same,
        other: before.other + added.other,
      })
      done += batch.length
      report({ tenant, table: table.name, done, of: count })
    }
    if (!requireOwn) continue
    if (done !== count) throw new Error(`${table.name} has ${done} rows, expected ${count}`)
    await requireCount(archives, { tenant, table: table.name, count })
  }
  return filled
}

/** Rows of an import that was overtaken may have come between the check and the write. The mark stays then. */
async function requireCount(
  archives: Archives,
  {
    tenant,
    table,
    count,
  }: { readonly tenant: string | undefined; readonly table: string; readonly count: number },
): Promise<void> {
  if (!emptied.has(table)) return
  const source = await archives.source(tenant)
  try {
    const found = await source.count(table)
    if (found !== count) throw new Error(`${table} has ${found} rows instead of ${count}: ${overtaken}`)
  } finally {
    await source.close()
  }
}
