/** Reference tokens in SQLite; a revoked one is deleted. */

import type { DatabaseSync } from 'node:sqlite'
import type { ReferenceTokens } from '../../model/ports/stores.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import { codecs, type Row } from './codecs.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

export const referenceTokenCodec = codecs.referenceTokens

const { names, placeholders } = referenceTokenCodec

export function insertReferenceToken(database: DatabaseSync): (row: Row) => void {
  const insert = change(database, `insert into reference_tokens (${names}) values (${placeholders})`)
  return row => void insert(...row)
}

export const referenceTokenWrites = {
  revokeReferenceToken(database) {
    const revoke = change(database, 'delete from reference_tokens where hash = ?')
    return (hash: TokenHash): void => void revoke(hash)
  },
} as const satisfies Writes

export function createReferenceTokens(
  database: DatabaseSync,
  write: Calls<typeof referenceTokenWrites>,
): ReferenceTokens {
  const find = one(database, `select ${names} from reference_tokens where hash = ?`)
  return {
    find: reading(database, hash => referenceTokenCodec.decode(find(hash) ?? [])),
    revoke: hash => write.revokeReferenceToken(hash),
  }
}
