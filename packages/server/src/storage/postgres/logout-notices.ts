/** Logout tokens that are to be delivered, in PostgreSQL. */

import type { LogoutNotices } from '../../model/ports/stores.ts'
import { among, dueRows, free } from './batches.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { all, change, one } from './statements.ts'

const codec = codecs.logoutNotices

const key = 'sid, client_id'

export function createLogoutNotices({ run }: Database): LogoutNotices {
  // What another node is claiming is passed over.
  const claim = all(
    run,
    `with due as materialized (${dueRows('logout_notices', { key, due: 'due_at', limit: '$3', where: 'client_id <> all ($4::text[])' })} ${free})
    update logout_notices set attempts = attempts + 1, due_at = $2 where ${among(key, 'due')}
    returning ${codec.names}`,
  )
  const postpone = change(run, 'update logout_notices set due_at = $3 where sid = $1 and client_id = $2')
  const remove = change(run, 'delete from logout_notices where sid = $1 and client_id = $2')
  const due = one(run, 'select 1 from logout_notices where due_at <= $1 order by due_at limit 1')
  return {
    claim: async (at, until, limit, but = []) =>
      (await claim(at, until, limit, but)).flatMap(row => codec.decode(row) ?? []),
    postpone: async ({ sid, client_id }, dueAt) => void (await postpone(sid, client_id, dueAt)),
    remove: async ({ sid, client_id }) => void (await remove(sid, client_id)),
    anyDue: async at => (await due(at)) !== undefined,
  }
}
