/** Refresh families in PostgreSQL: one row for a chain, updated in place by `commit`. */

import type { RefreshFamily } from '../../core/authorization.ts'
import type { RefreshFamilies } from '../../core/stores.ts'
import { authorizationCodec } from './authorizations.ts'
import { createCodec } from './columns.ts'
import type { Database } from './database.ts'
import { one } from './statements.ts'

export const familyCodec = createCodec<RefreshFamily>({
  id: 'text',
  authorization_id: 'text',
  client_id: 'text',
  generation: 'integer',
  scope: 'json',
  access_claims: 'json',
  cnf: 'json',
  created_at: 'integer',
  expires_at: 'integer',
  idle_expires_at: 'integer',
  rotated_at: 'integer',
})

const { names, count, marks } = familyCodec

/** An insert of a row's parameters, from this number on, where the condition holds. */
export const insertFamily = (from: number, where: string): string =>
  `insert into families (${names}, clean_at) select ${marks(from)}, $${from + count}::bigint where ${where}`

/** The parameters of that insert. */
export const familyRow = (family: RefreshFamily) => [
  ...familyCodec.encode(family),
  Math.min(family.expires_at, family.idle_expires_at),
]

export function createFamilies({ run }: Database): RefreshFamilies {
  const find = one(
    run,
    `select ${familyCodec.of('families')}, ${authorizationCodec.of('authorizations')}
    from families join authorizations on authorizations.id = families.authorization_id where families.id = $1`,
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
