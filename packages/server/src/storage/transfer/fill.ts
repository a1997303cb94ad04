/** Fills stores with the rows of an export or of another store. */

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

export type Filled = ReadonlyMap<string, Added>

const without = (kinds: ReadonlySet<ArchivedKind>): ReadonlySet<ArchivedKind> =>
  new Set([...allKinds].filter(kind => !kinds.has(kind)))

/**
 * Fills the stores of `archives`. Rows of addable kinds may be added to stores in use. Other kinds require stores that
 * were never used, or that an earlier import left unfinished. Such stores are emptied and filled from the start, and no
 * server starts on them until they are complete.
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
    if (!adding) await begin(main, targets)
    for (const [name, value] of Object.entries(settings)) await main.set(name, value)
    const filled = await addAll(archives, targets, sections, { adding, report })
    if (!adding) await main.set(importBegun, undefined)
    return filled
  } finally {
    for (const target of targets.values()) await target.close()
  }
}

async function begin(
  main: ArchiveTarget,
  targets: ReadonlyMap<string | undefined, ArchiveTarget>,
): Promise<void> {
  const used = tablesOf(without(initialKinds))
  if ((await main.setting(importBegun)) === undefined) {
    for (const [tenant, target] of targets) {
      if (!(await target.holdsAny(used))) continue
      const whose = tenant === undefined ? 'the database' : `the database of tenant ${tenant}`
      throw new ImportRefused(
        `${whose} is in use: import into an empty one, or select kinds that can be added to it with --kind (${[...addableKinds].join(', ')})`,
      )
    }
  }
  await main.set(importBegun, 'yes')
  // Deletes keys and settings of an earlier start, which would belong to another installation.
  for (const target of targets.values()) await target.empty([...used, tables.principals.name])
}

async function addAll(
  archives: Archives,
  targets: Map<string | undefined, ArchiveTarget>,
  sections: Sections,
  { adding, report }: { readonly adding: boolean; readonly report: Report },
): Promise<Filled> {
  const filled = new Map<string, Added>()
  for await (const { tenant, table, count, rows } of sections) {
    const target = targets.get(tenant) ?? (await archives.target(tenant))
    targets.set(tenant, target)
    let done = 0
    for await (const batch of rows) {
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
    if (!adding && done !== count) throw new Error(`${table.name} has ${done} rows, expected ${count}`)
  }
  return filled
}
