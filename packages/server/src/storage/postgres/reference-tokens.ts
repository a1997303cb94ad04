/** Reference tokens in PostgreSQL; a revoked one is deleted. */

import type { ReferenceTokens } from '../../model/ports/stores.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { byKey } from './gathering.ts'
import { change } from './statements.ts'

export const referenceTokenCodec = codecs.referenceTokens

const { names, placeholders, decode } = referenceTokenCodec

/** An insert of a row's parameters, from this number on, where the condition holds. */
export const insertReferenceToken = (from: number, where = 'true'): string =>
  `insert into reference_tokens (${names}) select ${placeholders(from)} where ${where}`

export function createReferenceTokens({ run }: Database): ReferenceTokens {
  const find = byKey(run, `select ${names} from reference_tokens where hash = any ($1::text[])`)
  const revoke = change(run, 'delete from reference_tokens where hash = $1')
  return {
    find: async hash => decode((await find(hash)) ?? []),
    revoke: async hash => void (await revoke(hash)),
  }
}
