/** Device authorizations in PostgreSQL (RFC 8628). */

import type { DeviceAuthorizations } from '../../model/ports/stores.ts'
import { byKey } from './batching.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { authorizationRow, insertAuthorization } from './inserts.ts'
import { change, one } from './statements.ts'

const codec = codecs.devices

const pending = `user_code_hash = $1 and status = 'pending' and expires_at > $2`

export function createDevices({ run }: Database): DeviceAuthorizations {
  const { names, count, placeholders } = codec
  const insert = change(
    run,
    `insert into devices (${names}) values (${placeholders()}) on conflict (user_code_hash) do nothing`,
  )
  const find = byKey(
    run,
    `select ${codec.of('devices')}, ${codecs.authorizations.of('authorizations')}, ${codecs.families.of('families')}
    from devices left join authorizations on authorizations.id = devices.authorization_id
    left join families on devices.used_at is not null and families.authorization_id = devices.authorization_id
    where devices.hash = any ($1::text[])`,
  )
  const findByUserCode = one(run, `select ${names} from devices where user_code_hash = $1`)
  // RFC 8628 §3.5: each `slow_down` lengthens the interval by 5 seconds.
  const poll = change(
    run,
    `update devices set last_polled_at = coalesce($2::bigint, last_polled_at), interval = interval + $3::bigint
    where hash = $1`,
  )
  const approve = one(
    run,
    // A transaction that ends the session waits for this lock and then sees what was written.
    `with approver as materialized (
      select 1 from sessions where sid = $${codecs.authorizations.count + 5} for share),
    approved as (
      update devices set status = 'approved', authorization_id = $3
      where ${pending} and exists (select 1 from approver) returning 1),
    authorized as (${insertAuthorization(4, 'exists (select 1 from approved)')})
    select exists (select 1 from approved)`,
  )
  const deny = change(run, `update devices set status = 'denied' where ${pending}`)
  return {
    issue: async device => (await insert(...codec.encode(device))) === 1,
    async find(hash) {
      const row = (await find(hash)) ?? []
      const device = codec.decode(row)
      const authorization = codecs.authorizations.decode(row, count)
      const family = codecs.families.decode(row, count + codecs.authorizations.count)
      return device && { device, ...(authorization && { authorization }), ...(family && { family }) }
    },
    findByUserCode: async hash => codec.decode((await findByUserCode(hash)) ?? []),
    recordPoll: async (hash, at, slowDown) =>
      void (await (slowDown ? poll(hash, null, 5) : poll(hash, at, 0))),
    approve: async (userCode, authorization, at, sid) =>
      (await approve(userCode, at, authorization.id, ...authorizationRow(authorization), sid))?.[0] === true,
    deny: async (userCode, at) => (await deny(userCode, at)) === 1,
  }
}
