/** Secrets of authenticator apps in SQLite (RFC 6238). */

import type { DatabaseSync } from 'node:sqlite'
import type { TotpSecrets } from '../../model/ports/stores.ts'
import { codecs, type Row } from './codecs.ts'
import { change, one, reading } from './statements.ts'
import type { Calls, Writes } from './writing.ts'

const codec = codecs.totpSecrets

export const totpSecretWrites = {
  addTotpSecret(database) {
    const insert = change(
      database,
      `insert into totp_secrets (${codec.names}) values (${codec.placeholders}) on conflict do nothing`,
    )
    return (secret: Row): boolean => insert(...secret) === 1
  },
  useTotpStep(database) {
    const raise = change(database, 'update totp_secrets set last_step = ?2 where sub = ?1 and last_step < ?2')
    return (sub: string, step: number): boolean => raise(sub, step) === 1
  },
} as const satisfies Writes

export function createTotpSecrets(
  database: DatabaseSync,
  write: Calls<typeof totpSecretWrites>,
): TotpSecrets {
  const find = one(database, `select ${codec.names} from totp_secrets where sub = ?`)
  return {
    find: reading(database, sub => codec.decode(find(sub) ?? [])),
    add: secret => write.addTotpSecret(codec.encode(secret)),
    use: (sub, step) => write.useTotpStep(sub, step),
  }
}
