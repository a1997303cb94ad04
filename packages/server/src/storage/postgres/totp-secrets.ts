/** Secrets of authenticator apps in PostgreSQL (RFC 6238). */

import type { TotpSecrets } from '../../model/ports/stores.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { change, one } from './statements.ts'

const codec = codecs.totpSecrets

export function createTotpSecrets({ run }: Database): TotpSecrets {
  const find = one(run, `select ${codec.names} from totp_secrets where sub = $1`)
  const insert = change(
    run,
    `insert into totp_secrets (${codec.names}) values (${codec.placeholders()}) on conflict do nothing`,
  )
  const raise = change(run, 'update totp_secrets set last_step = $2 where sub = $1 and last_step < $2')
  return {
    find: async sub => codec.decode((await find(sub)) ?? []),
    add: async secret => (await insert(...codec.encode(secret))) === 1,
    use: async (sub, step) => (await raise(sub, step)) === 1,
  }
}
