/** Sign-ins that lack their second factor, in PostgreSQL. */

import type { PendingSignIn } from '../../model/factor.ts'
import type { PendingSignIns } from '../../model/ports/stores.ts'
import { createCodec } from './columns.ts'
import type { Database } from './database.ts'
import { epochGuard } from './epoch.ts'
import { change, one } from './statements.ts'

const codec = createCodec<PendingSignIn>({
  hash: 'text',
  sub: 'text',
  tenant: 'text',
  idp: 'text',
  amr: 'json',
  acr: 'text',
  auth_time: 'integer',
  claims: 'json',
  upstream: 'text',
  epoch: 'integer',
  created_at: 'integer',
  expires_at: 'integer',
})

const { part, condition } = epochGuard(codec.mark('sub'), codec.mark('epoch'))
const insertPending = `with ${part}
  insert into pending_sign_ins (${codec.names}) select ${codec.marks()} where ${condition}`

export function createPendingSignIns({ run }: Database): PendingSignIns {
  const insert = change(run, insertPending)
  const find = one(run, `select ${codec.names} from pending_sign_ins where hash = $1`)
  const take = change(run, 'delete from pending_sign_ins where hash = $1')
  return {
    create: async pending => (await insert(...codec.encode(pending))) === 1,
    find: async hash => codec.decode((await find(hash)) ?? []),
    take: async hash => (await take(hash)) === 1,
  }
}
