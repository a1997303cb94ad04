/** Secrets of authenticator apps in PostgreSQL (RFC 6238). */

import type { TotpSecret } from '../../model/factor.ts'
import type { TotpSecrets } from '../../model/ports/stores.ts'
import { createCodec } from './columns.ts'
import type { Database } from './database.ts'
import { change, one } from './statements.ts'

const codec = createCodec<TotpSecret>({
  sub: 'text',
  sealed: 'bytes',
  last_step: 'integer',
  created_at: 'integer',
})

export function createTotpSecrets({ run }: Database): TotpSecrets {
  const find = one(run, `select ${codec.names} from totp_secrets where sub = $1`)
  const insert = change(
    run,
    `insert into totp_secrets (${codec.names}) values (${codec.marks()}) on conflict do nothing`,
  )
  const raise = change(run, 'update totp_secrets set last_step = $2 where sub = $1 and last_step < $2')
  return {
    find: async sub => codec.decode((await find(sub)) ?? []),
    add: async secret => (await insert(...codec.encode(secret))) === 1,
    use: async (sub, step) => (await raise(sub, step)) === 1,
  }
}
