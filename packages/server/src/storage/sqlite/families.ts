/** Refresh families in SQLite: one row for a chain, updated in place by `commit`. */

import type { DatabaseSync } from 'node:sqlite'
import type { RefreshFamilies } from '../../model/ports/stores.ts'
import { authorizationCodec } from './authorizations.ts'
import { codecs, type Row } from './codecs.ts'
import { change, one, reading } from './statements.ts'

export const familyCodec = codecs.families

const { names, placeholders } = familyCodec
const absoluteEnd = names.indexOf('expires_at') + 1
const idleEnd = names.indexOf('idle_expires_at') + 1

export function insertFamily(database: DatabaseSync): (row: Row) => void {
  const insert = change(
    database,
    `insert into families (${names}, clean_at) values (${placeholders}, min(?${absoluteEnd}, ?${idleEnd}))`,
  )
  return row => void insert(...row)
}

export function createFamilies(database: DatabaseSync): RefreshFamilies {
  const find = one(
    database,
    `select ${familyCodec.of('families')}, ${authorizationCodec.of('authorizations')}
    from families join authorizations on authorizations.id = families.authorization_id where families.id = ?`,
  )
  return {
    find: reading(database, id => {
      const row = find(id) ?? []
      const family = familyCodec.decode(row)
      const authorization = authorizationCodec.decode(row, names.length)
      return family && authorization && { family, authorization }
    }),
  }
}
