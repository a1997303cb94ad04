/** The table of configuration entries that are made while the server runs. */

import type { ClientNeeds, ClientRow, StoredEntry } from '../../model/entry.ts'
import { InvalidStoredValue } from '../../runtime/ports.ts'
import { reportInvalidValue } from './invalid-values.ts'
import { kindProblems, readJson } from './json-columns.ts'
import { tableFor } from './table.ts'

export const entryTables = {
  entries: tableFor<StoredEntry>()({
    name: 'entries',
    columns: {
      kind: 'text',
      id: 'text',
      version: 'integer',
      entry: 'object',
      needs: 'object',
      enabled: 'integer',
      revision: 'integer',
      created_at: 'integer',
      updated_at: 'integer',
    },
    key: ['kind', 'id'],
    archive: { kind: 'entries' },
  }),
}

/** Reads id, version and needs of clients. Omits and reports those with invalid needs. */
export const indexedClients = (source: object, rows: readonly (readonly unknown[])[]): readonly ClientRow[] =>
  rows.flatMap(([id, version, needs]) => {
    const row = { id: String(id), version: Number(version) }
    if (needs === null) return [row]
    const read = readJson(needs, 'object') as ClientNeeds | undefined
    if (read) return [{ ...row, needs: read }]
    const key = `kind=clients id=${row.id}`
    reportInvalidValue(source, new InvalidStoredValue('entries.needs', kindProblems.object, key))
    return []
  })

/** The setting that counts the writes of entries. */
export const revisionSetting = 'entries_revision'
