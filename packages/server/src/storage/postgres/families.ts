/** Refresh families in PostgreSQL: one row for a chain, updated in place by `commit`. */

import type { RefreshFamily } from '../../model/authorization.ts'
import type { RefreshFamilies } from '../../model/ports/stores.ts'
import { authorizationCodec } from './authorizations.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { byKey } from './gathering.ts'

export const familyCodec = codecs.families

const { count } = familyCodec

/** What a row is inserted with: its own columns, and `clean_at`. */
export const familyRow = (family: RefreshFamily) => [
  ...familyCodec.encode(family),
  Math.min(family.expires_at, family.idle_expires_at),
]

export function createFamilies({ run }: Database): RefreshFamilies {
  const find = byKey(
    run,
    `select ${familyCodec.of('families')}, ${authorizationCodec.of('authorizations')}
    from families join authorizations on authorizations.id = families.authorization_id
    where families.id = any ($1::text[])`,
  )
  return {
    async find(id) {
      const row = (await find(id)) ?? []
      const family = familyCodec.decode(row)
      const authorization = authorizationCodec.decode(row, count)
      return family && authorization && { family, authorization }
    },
  }
}
