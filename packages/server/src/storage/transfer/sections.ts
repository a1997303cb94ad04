/** Reads the tables of each store in batches of rows, for export and import. */

import {
  type ArchivedKind,
  type ArchivedRow,
  type ArchivedTable,
  type ArchiveSource,
  type Archives,
  tablesOf,
} from '../tables/archive.ts'

type Section = {
  /** Undefined: the server's own issuer. */
  readonly tenant: string | undefined
  readonly table: ArchivedTable
  /** The number of rows. */
  readonly count: number
  readonly rows: AsyncIterable<readonly ArchivedRow[]>
}

export type Sections = AsyncIterable<Section>

/** Called after each batch of rows. */
export type Report = (progress: {
  readonly tenant: string | undefined
  readonly table: string
  readonly done: number
  readonly of: number
}) => void

/** Returns the rows of these kinds from every issuer. */
export async function* sectionsOf(archives: Archives, kinds: ReadonlySet<ArchivedKind>): Sections {
  for (const tenant of [undefined, ...(await archives.tenants())]) {
    const source = await archives.source(tenant)
    try {
      yield* sectionsOfStore(source, tenant, kinds)
    } finally {
      await source.close()
    }
  }
}

async function* sectionsOfStore(
  source: ArchiveSource,
  tenant: string | undefined,
  kinds: ReadonlySet<ArchivedKind>,
): Sections {
  const tables = new Map((await source.tables()).map(table => [table.name, table]))
  for (const name of tablesOf(kinds)) {
    const table = tables.get(name)
    if (table) yield { tenant, table, count: await source.count(name), rows: source.read(table) }
  }
}
