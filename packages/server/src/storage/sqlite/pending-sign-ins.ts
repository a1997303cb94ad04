/** Sign-ins that lack their second factor, in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { PendingSignIns } from '../../model/ports/stores.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import { codecs, type Row } from './codecs.ts'
import { createEpochGuard } from './epoch.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.pendingSignIns

const [subAt, epochAt] = [codec.names.indexOf('sub'), codec.names.indexOf('epoch')]

export const pendingSignInWrites = {
  createPendingSignIn(database) {
    const stands = createEpochGuard(database)
    const insert = change(
      database,
      `insert into pending_sign_ins (${codec.names}) values (${codec.placeholders})`,
    )
    return (pending: Row): boolean => stands(pending[subAt]!, pending[epochAt]!) && insert(...pending) === 1
  },
  takePendingSignIn(database) {
    const take = change(database, 'delete from pending_sign_ins where hash = ?')
    return (hash: TokenHash): boolean => take(hash) === 1
  },
} as const satisfies Writes

export function createPendingSignIns(
  database: DatabaseSync,
  write: Calls<typeof pendingSignInWrites>,
): PendingSignIns {
  const find = one(database, `select ${codec.names} from pending_sign_ins where hash = ?`)
  return {
    create: pending => write.createPendingSignIn(codec.encode(pending)),
    find: reading(database, hash => codec.decode(find(hash) ?? [])),
    take: hash => write.takePendingSignIn(hash),
  }
}
