/** Authorizations, and the codes, families and tokens that belong to them, in PostgreSQL. */

import type {
  AuthorizationStores,
  Authorizations,
  PushedRequests,
  ReferenceTokens,
  RefreshFamilies,
  RevokedTokens,
  UsedAssertions,
} from '../../model/ports/stores.ts'
import { accessOfRow } from '../tables/authorizations.ts'
import { byKey } from './batching.ts'
import { codecs } from './codecs.ts'
import { createCodes } from './codes.ts'
import type { Database } from './database.ts'
import { createDevices } from './devices.ts'
import { skipLocked } from './due-rows.ts'
import { all, change, one } from './statements.ts'

export const createAuthorizationStores = (database: Database): AuthorizationStores => ({
  authorizations: createAuthorizations(database),
  codes: createCodes(database),
  devices: createDevices(database),
  families: createFamilies(database),
  referenceTokens: createReferenceTokens(database),
  revokedTokens: createRevokedTokens(database),
  usedAssertions: createUsedAssertions(database),
  pushedRequests: createPushedRequests(database),
})

function createAuthorizations({ run }: Database): Authorizations {
  const find = byKey(
    run,
    `select ${codecs.authorizations.names} from authorizations where id = any ($1::text[])`,
  )
  const active = 'sub = $1 and revoked_at is null and expires_at > $2 and client_id > $3'
  const access = all(
    run,
    `select client_id, tenant, sign_in_tenant, scope, resources, min(created_at), max(created_at), max(greatest(created_at,
      (select max(rotated_at) from families where authorization_id = authorizations.id)))
    from authorizations where ${active} and client_id in (
      select distinct client_id from authorizations where ${active} order by client_id limit $4::bigint)
    group by client_id, tenant, sign_in_tenant, scope, resources order by client_id`,
  )
  const revoke = change(run, 'update authorizations set revoked_at = $2 where id = $1 and revoked_at is null')
  // Finds rows first and locks them afterwards: `for update` would also lock the rows that `offset` skips, which are kept.
  // Skips authorizations that a request is extending. A refresh locks its family before its authorization, so that waiting
  // for a family with the authorization locked would be a deadlock.
  const trim = change(
    run,
    `with found as materialized (
      select id from authorizations where sub = $1 order by expires_at desc, id desc limit $3::bigint offset $2::bigint),
    unused as materialized (
      select id from families where authorization_id = any (array(select id from found)) order by id ${skipLocked}),
    surplus as materialized (
      select id from authorizations where id = any (array(select id from found))
        and not exists (select from codes where authorization_id = authorizations.id and used_at is null)
        and not exists (select from families where authorization_id = authorizations.id
          and id <> all (array(select id from unused)))
      order by id ${skipLocked}),
    of_codes as (delete from codes where authorization_id in (select id from surplus)),
    of_families as (delete from families where authorization_id in (select id from surplus)),
    of_tokens as (delete from reference_tokens where authorization_id in (select id from surplus))
    delete from authorizations where id in (select id from surplus)`,
  )
  return {
    find: async id => codecs.authorizations.decode((await find(id)) ?? []),
    accessOf: async (sub, at, { after = '', limit }) =>
      (await access(sub, at, after, limit)).map(accessOfRow),
    revoke: async (id, at) => (await revoke(id, at)) === 1,
    trim: (sub, keep, most) => trim(sub, keep, most),
  }
}

function createFamilies({ run }: Database): RefreshFamilies {
  const find = byKey(
    run,
    `select ${codecs.families.of('families')}, ${codecs.authorizations.of('authorizations')}
    from families join authorizations on authorizations.id = families.authorization_id
    where families.id = any ($1::text[])`,
  )
  return {
    async find(id) {
      const row = (await find(id)) ?? []
      const family = codecs.families.decode(row)
      const authorization = codecs.authorizations.decode(row, codecs.families.count)
      return family && authorization && { family, authorization }
    },
  }
}

function createReferenceTokens({ run }: Database): ReferenceTokens {
  const find = byKey(
    run,
    `select ${codecs.referenceTokens.names} from reference_tokens where hash = any ($1::text[])`,
  )
  const revoke = change(run, 'delete from reference_tokens where hash = $1')
  // Finds rows first, as for authorizations.
  const trim = change(
    run,
    `with found as materialized (
      select hash from reference_tokens where authorization_id = $1
      order by expires_at desc, hash limit $3::bigint offset $2::bigint),
    surplus as materialized (
      select hash from reference_tokens where hash = any (array(select hash from found)) order by hash ${skipLocked})
    delete from reference_tokens where hash in (select hash from surplus)`,
  )
  return {
    find: async hash => codecs.referenceTokens.decode((await find(hash)) ?? []),
    revoke: async hash => void (await revoke(hash)),
    trim: (authorization, keep, most) => trim(authorization, keep, most),
  }
}

function createRevokedTokens({ run }: Database): RevokedTokens {
  const find = byKey(run, 'select jti from revoked_tokens where jti = any ($1::text[])')
  const add = change(
    run,
    `insert into revoked_tokens (jti, expires_at) values ($1, $2)
    on conflict (jti) do update set expires_at = excluded.expires_at`,
  )
  return {
    has: async jti => (await find(jti)) !== undefined,
    add: async (jti, expiresAt) => void (await add(jti, expiresAt)),
  }
}

function createUsedAssertions({ run }: Database): UsedAssertions {
  const use = change(run, 'insert into replays (hash, expires_at) values ($1, $2) on conflict do nothing')
  const find = one(run, 'select expires_at from replays where hash = $1')
  const prolong = change(
    run,
    `insert into replays (hash, expires_at) values ($1, $2)
    on conflict (hash) do update set expires_at = greatest(excluded.expires_at, replays.expires_at + 1)`,
  )
  return {
    add: async ({ hash, expires_at }) => (await use(hash, expires_at)) === 1,
    has: async hash => (await find(hash)) !== undefined,
    prolong: async ({ hash, expires_at }) => void (await prolong(hash, expires_at)),
    async until(hash) {
      const [until] = (await find(hash)) ?? []
      return until === undefined ? undefined : Number(until)
    },
  }
}

function createPushedRequests({ run }: Database): PushedRequests {
  const { names, count, placeholders, encode } = codecs.pushedRequests
  const insert = `insert into pushed_requests (${names}) select ${placeholders()}`
  const add = change(run, insert)
  // Of two concurrent uses, the second waits here until the first commits or rolls back.
  const addOnce = change(
    run,
    `with used as (insert into replays (hash, expires_at) values ($${count + 1}, $${count + 2})
      on conflict do nothing returning 1)
    ${insert} where exists (select from used)`,
  )
  const find = one(
    run,
    `select parameters, exists (select 1 from replays where replays.hash = pushed_requests.hash)
    from pushed_requests where hash = $1 and client_id = $2 and expires_at > $3`,
  )
  return {
    add: async (request, use) =>
      (await (use ? addOnce(...encode(request), use.hash, use.expires_at) : add(...encode(request)))) === 1,
    async find(hash, clientId, at) {
      const row = await find(hash, clientId, at)
      return row && { parameters: String(row[0]), used: row[1] === true }
    },
  }
}
