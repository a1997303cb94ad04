/** Recovery codes in PostgreSQL. */

import type { RecoveryCodes } from '../../model/ports/stores.ts'
import type { Database } from './database.ts'
import { factorsOf } from './second-factors.ts'
import { change, one } from './statements.ts'

export function createRecoveryCodes({ run, locked }: Database): RecoveryCodes {
  const count = one(run, 'select count(*) from recovery_codes where sub = $1')
  const use = change(run, 'delete from recovery_codes where sub = $1 and hash = $2')
  return {
    count: async sub => Number((await count(sub))?.[0]),
    // Of two who replace them at once, the codes of one stay.
    replace: (sub, hashes) =>
      locked([factorsOf(sub)], async write => {
        await write('delete from recovery_codes where sub = $1', [sub])
        await write('insert into recovery_codes (sub, hash) select $1, unnest($2::text[])', [sub, hashes])
      }),
    use: async (sub, hash) => (await use(sub, hash)) === 1,
  }
}
