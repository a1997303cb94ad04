/** Sign-ins that lack their second factor, in PostgreSQL. */

import type { PendingSignIns } from '../../model/ports/stores.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { epochGuard } from './epoch.ts'
import { change, one } from './statements.ts'

const codec = codecs.pendingSignIns

const { part, condition } = epochGuard(codec.parameter('sub'), codec.parameter('epoch'))
const insertPending = `with ${part}
  insert into pending_sign_ins (${codec.names}) select ${codec.placeholders()} where ${condition}`

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
