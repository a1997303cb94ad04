/** Writes of authorizations, and of the codes, families and tokens that belong to them. */

import type { DatabaseSync } from 'node:sqlite'
import type { AuthorizationId } from '../../../model/authorization.ts'
import type { UsedAssertion } from '../../../model/ports/stores.ts'
import type { TokenHash } from '../../../runtime/ports.ts'
import { codecs, type Row } from '../codecs.ts'
import { all, change, one } from '../statements.ts'
import type { Writes } from './operation.ts'

const authorizationEnd = codecs.authorizations.names.indexOf('expires_at') + 1
const codeEnd = codecs.codes.names.indexOf('expires_at') + 1
const familyEnd = codecs.families.names.indexOf('expires_at') + 1
const familyIdleEnd = codecs.families.names.indexOf('idle_expires_at') + 1

export function insertAuthorization(database: DatabaseSync): (row: Row) => void {
  const insert = change(
    database,
    `insert into authorizations (${codecs.authorizations.names}, clean_at) values (${codecs.authorizations.placeholders}, ?${authorizationEnd})`,
  )
  return row => void insert(...row)
}

export function insertFamily(database: DatabaseSync): (row: Row) => void {
  const insert = change(
    database,
    `insert into families (${codecs.families.names}, clean_at) values (${codecs.families.placeholders}, min(?${familyEnd}, ?${familyIdleEnd}))`,
  )
  return row => void insert(...row)
}

export function insertReferenceToken(database: DatabaseSync): (row: Row) => void {
  const insert = change(
    database,
    `insert into reference_tokens (${codecs.referenceTokens.names}) values (${codecs.referenceTokens.placeholders})`,
  )
  return row => void insert(...row)
}

export function insertUsedAssertion(database: DatabaseSync): (hash: TokenHash, expiresAt: number) => boolean {
  const insert = change(
    database,
    'insert into replays (hash, expires_at) values (?, ?) on conflict do nothing',
  )
  return (hash, expiresAt) => insert(hash, expiresAt) === 1
}

function prolongUsedAssertion(database: DatabaseSync): (hash: TokenHash, expiresAt: number) => void {
  const prolong = change(
    database,
    `insert into replays (hash, expires_at) values (?, ?)
    on conflict (hash) do update set expires_at = max(excluded.expires_at, replays.expires_at + 1)`,
  )
  return (hash, expiresAt) => void prolong(hash, expiresAt)
}

const pendingDevice = `user_code_hash = ? and status = 'pending' and expires_at > ?`

export const authorizationWrites = {
  revokeAuthorization(database) {
    const revoke = change(
      database,
      'update authorizations set revoked_at = ? where id = ? and revoked_at is null',
    )
    return (id: AuthorizationId, at: number): boolean => revoke(at, id) === 1
  },
  trimAuthorizations(database) {
    const surplus = all(
      database,
      `select id from (
        select id from authorizations where sub = ? order by expires_at desc, id desc limit ? offset ?) as found
      where not exists (select 1 from codes where authorization_id = found.id and used_at is null)`,
    )
    const deletions = [
      'codes where authorization_id',
      'families where authorization_id',
      'reference_tokens where authorization_id',
      'authorizations where id',
    ].map(condition => change(database, `delete from ${condition} = ?`))
    return (sub: string, keep: number, most: number): number => {
      const ids = surplus(sub, most, keep).flat()
      for (const id of ids) for (const remove of deletions) remove(id as string)
      return ids.length
    }
  },
  issueCode(database) {
    const authorize = insertAuthorization(database)
    const insert = change(
      database,
      `insert into codes (${codecs.codes.names}, clean_at) values (${codecs.codes.placeholders}, ?${codeEnd})`,
    )
    const issueReferenceToken = insertReferenceToken(database)
    const recordUse = insertUsedAssertion(database)
    return (
      authorization: Row,
      code: Row,
      referenceToken: Row | null,
      use: UsedAssertion | null,
    ): boolean => {
      if (use && !recordUse(use.hash, use.expires_at)) return false
      authorize(authorization)
      insert(...code)
      if (referenceToken) issueReferenceToken(referenceToken)
      return true
    }
  },
  burnCode(database) {
    const burn = change(database, 'update codes set used_at = ? where hash = ? and used_at is null')
    return (hash: TokenHash, at: number): boolean => burn(at, hash) === 1
  },
  discardCode(database) {
    const remove = one(
      database,
      'delete from codes where hash = ? and used_at is null returning authorization_id, expires_at',
    )
    // An authorization that expires later has tokens that were issued together with the code.
    const end = change(database, 'delete from authorizations where id = ? and expires_at <= ?')
    return (hash: TokenHash): void => {
      const [authorization, expiresAt] = remove(hash) ?? []
      if (authorization !== undefined && expiresAt !== undefined) end(authorization, expiresAt)
    }
  },
  issueDevice(database) {
    const insert = change(
      database,
      `insert into devices (${codecs.devices.names}) values (${codecs.devices.placeholders}) on conflict (user_code_hash) do nothing`,
    )
    return (device: Row): boolean => insert(...device) === 1
  },
  pollDevice(database) {
    // RFC 8628 §3.5: each `slow_down` lengthens the interval by 5 seconds.
    const poll = change(
      database,
      'update devices set last_polled_at = coalesce(?, last_polled_at), interval = interval + ? where hash = ?',
    )
    return (hash: TokenHash, at: number | null, longer: 0 | 5): void => void poll(at, longer, hash)
  },
  approveDevice(database) {
    const authorize = insertAuthorization(database)
    const approve = change(
      database,
      `update devices set status = 'approved', authorization_id = ? where ${pendingDevice}`,
    )
    const findSession = one(database, 'select 1 from sessions where sid = ?')
    return (
      userCode: TokenHash,
      id: AuthorizationId,
      authorization: Row,
      at: number,
      sid: string,
    ): boolean => {
      if (!findSession(sid) || approve(id, userCode, at) === 0) return false
      authorize(authorization)
      return true
    }
  },
  denyDevice(database) {
    const deny = change(database, `update devices set status = 'denied' where ${pendingDevice}`)
    return (userCode: TokenHash, at: number): boolean => deny(userCode, at) === 1
  },
  revokeReferenceToken(database) {
    const revoke = change(database, 'delete from reference_tokens where hash = ?')
    return (hash: TokenHash): void => void revoke(hash)
  },
  trimReferenceTokens(database) {
    const trim = change(
      database,
      `delete from reference_tokens where hash in (
        select hash from reference_tokens where authorization_id = ?
        order by expires_at desc, hash limit ? offset ?)`,
    )
    return (authorization: AuthorizationId, keep: number, most: number): number =>
      trim(authorization, most, keep)
  },
  addRevokedToken(database) {
    const add = change(
      database,
      `insert into revoked_tokens (jti, expires_at) values (?, ?)
      on conflict do update set expires_at = excluded.expires_at`,
    )
    return (jti: string, expiresAt: number): void => void add(jti, expiresAt)
  },
  addPushedRequest(database) {
    const insert = change(
      database,
      `insert into pushed_requests (${codecs.pushedRequests.names}) values (${codecs.pushedRequests.placeholders})`,
    )
    const recordUse = insertUsedAssertion(database)
    return (request: Row, use: UsedAssertion | null): boolean => {
      if (use && !recordUse(use.hash, use.expires_at)) return false
      insert(...request)
      return true
    }
  },
  addUsedAssertion: insertUsedAssertion,
  prolongUsedAssertion,
} as const satisfies Writes
