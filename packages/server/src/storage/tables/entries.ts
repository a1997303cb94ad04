/** The table of configuration entries that are made while the server runs. */

import type { StoredEntry } from '../../model/entry.ts'
import { tableFor } from './table.ts'

export const entryTables = {
  entries: tableFor<StoredEntry>()({
    name: 'entries',
    columns: {
      kind: 'text',
      id: 'text',
      version: 'integer',
      entry: 'json',
      needs: 'json',
      enabled: 'integer',
      revision: 'integer',
      created_at: 'integer',
      updated_at: 'integer',
    },
    key: ['kind', 'id'],
    archive: { kind: 'entries' },
  }),
}

/** The setting that counts the writes of entries. */
export const revisionSetting = 'entries_revision'
