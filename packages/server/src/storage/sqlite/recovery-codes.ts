/** Recovery codes in SQLite. */

import type { DatabaseSync } from 'node:sqlite'
import type { RecoveryCodes } from '../../model/ports/stores.ts'
import type { TokenHash } from '../../runtime/ports.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

export const recoveryCodeWrites = {
  replaceRecoveryCodes(database) {
    const remove = change(database, 'delete from recovery_codes where sub = ?')
    const insert = change(database, 'insert into recovery_codes (sub, hash) values (?, ?)')
    return (sub: string, hashes: readonly TokenHash[]): void => {
      remove(sub)
      for (const hash of hashes) insert(sub, hash)
    }
  },
  useRecoveryCode(database) {
    const use = change(database, 'delete from recovery_codes where sub = ? and hash = ?')
    return (sub: string, hash: TokenHash): boolean => use(sub, hash) === 1
  },
} as const satisfies Writes

export function createRecoveryCodes(
  database: DatabaseSync,
  write: Calls<typeof recoveryCodeWrites>,
): RecoveryCodes {
  const count = one(database, 'select count(*) from recovery_codes where sub = ?')
  return {
    count: reading(database, sub => Number(count(sub)?.[0])),
    replace: (sub, hashes) => write.replaceRecoveryCodes(sub, hashes),
    use: (sub, hash) => write.useRecoveryCode(sub, hash),
  }
}
