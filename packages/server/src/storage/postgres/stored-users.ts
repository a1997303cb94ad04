/** Stored users in PostgreSQL. Each write also covers the principal. */

import type { Replacement, StoredUsers } from '../../model/ports/stores.ts'
import type { StoredUser } from '../../model/stored-user.ts'
import { fullPage } from '../tables/full-page.ts'
import { isStoredClient } from '../tables/subjects.ts'
import { byKey } from './batching.ts'
import { endAccess } from './browser-sessions.ts'
import { codecs } from './codecs.ts'
import type { Database } from './database.ts'
import { all, change, one } from './statements.ts'
import { storeMessages } from './webhooks.ts'

const codec = codecs.storedUsers

const { names, count, placeholders, parameter, encode, decode, decodeAll } = codec

/** The condition that another user has the name or the verified address as name or verified address. */
const clash = `exists (
    select 1 from stored_users other
    where coalesce(other.tenant, '') = coalesce(${parameter('tenant')}, '') and other.sub <> ${parameter('sub')}
      and (other.username_key = ${parameter('username_key')}
        or (other.email_verified_at is not null and other.email_key = ${parameter('username_key')})))
  or (${parameter('email_verified_at')}::bigint is not null and exists (
    select 1 from stored_users other
    where coalesce(other.tenant, '') = coalesce(${parameter('tenant')}, '') and other.sub <> ${parameter('sub')}
      and (other.username_key = ${parameter('email_key')}
        or (other.email_verified_at is not null and other.email_key = ${parameter('email_key')}))))`

// The principal of a `sub` is never deleted, so that no other user gets the `sub`.
const addUser = `with written as (
    insert into stored_users (${names}) select ${placeholders()}
    where not (${clash})
      and not ${isStoredClient(parameter('sub'))}
      and not exists (select 1 from standing where kind = 'stored_user' and id = ${parameter('sub')})
    on conflict do nothing returning sub, disabled_at),
  principal_written as (
    insert into standing (kind, id, stands)
    select 'stored_user', sub, case when disabled_at is null then 1 else 0 end from written)
  select exists (select 1 from written)`

const replaceUser = `with written as (
    update stored_users set (${names}) = row (${placeholders()})
    where sub = ${parameter('sub')} and version = $${count + 1} and not (${clash}) returning sub, disabled_at),
  principal_written as (
    update standing set stands = case when written.disabled_at is null then 1 else 0 end
    from written
    where kind = 'stored_user' and id = written.sub
      and stands <> case when written.disabled_at is null then 1 else 0 end)
  select exists (select 1 from written)`

/**
 * Returns the locks of a user's name and address, so that two users can't get the same text, one as name and the other
 * as address.
 */
const namesOf = ({ tenant = '', username_key, email_key, email_verified_at }: StoredUser) =>
  [username_key, ...(email_verified_at === undefined ? [] : [email_key ?? ''])].map(
    name => `user name ${JSON.stringify([tenant, name])}`,
  )

/** Returns the lock of whoever adds a user with this `sub` or a client with this `client_id`, so that one of them is added. */
export const subjectLock = (id: string): string => `subject ${id}`

export function createStoredUsers({ run, locked }: Database): StoredUsers {
  const select = `select ${names} from stored_users`
  const find = byKey(run, `${select} where sub = any ($1::text[])`)
  // No tenant has an empty name.
  const byName = one(run, `${select} where coalesce(tenant, '') = $1 and username_key = $2`)
  const byEmail = one(
    run,
    `${select} where coalesce(tenant, '') = $1 and email_key = $2 and email_verified_at is not null`,
  )
  const any = one(run, 'select 1 from stored_users limit 1')
  const countOf = one(run, `select count(*) from stored_users where coalesce(tenant, '') = $1`)
  const upgrade = change(run, 'update stored_users set password = $1 where sub = $2 and password = $3')
  const list = all(run, `${select} where sub > $1 order by sub limit $2`)
  return {
    find: async sub => decode((await find(sub)) ?? []),
    findByName: async (key, tenant) => decode((await byName(tenant ?? '', key)) ?? []),
    findByVerifiedEmail: async (key, tenant) => decode((await byEmail(tenant ?? '', key)) ?? []),
    any: async () => (await any()) !== undefined,
    numberInTenant: async tenant => Number((await countOf(tenant))?.[0] ?? 0),
    list: ({ after = '', limit }) =>
      fullPage(
        limit,
        ([sub] = [after]) => list(String(sub), limit),
        rows => decodeAll(run, rows),
      ),
    add: (user, messages) =>
      locked([...namesOf(user), subjectLock(user.sub)], async write => {
        const [added] = (await write(addUser, encode(user))).rows
        if (added?.[0] !== true) return false
        await storeMessages(write, messages)
        return true
      }),
    replace: (user, ending, messages) =>
      locked(namesOf(user), async (write): Promise<Replacement> => {
        const { sub, version } = user
        const [replaced] = (await write(replaceUser, [...encode(user), version - 1])).rows
        if (replaced?.[0] === true) {
          await storeMessages(write, messages)
          return { outcome: 'replaced', ended: ending ? await endAccess(write, sub, ending) : [] }
        }
        const before = 'select 1 from stored_users where sub = $1 and version = $2'
        return { outcome: (await write(before, [sub, version - 1])).count === 1 ? 'taken' : 'changed' }
      }),
    upgradePassword: async (sub, from, to) => (await upgrade(to, sub, from)) === 1,
  }
}
