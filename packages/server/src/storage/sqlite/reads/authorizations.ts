/**
 * The ports of authorizations, of the codes, families and tokens that belong to them, and of `commit`, for the main
 * thread.
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Seconds } from '@tessera/protocol/brand'
import type {
  AuthorizationCodes,
  AuthorizationStores,
  Authorizations,
  Commit,
  DeviceAuthorizations,
  PushedRequests,
  ReferenceTokens,
  RefreshFamilies,
  RevokedTokens,
  Stores,
  UsedAssertions,
} from '../../../model/ports/stores.ts'
import { accessOfRow } from '../../tables/authorizations.ts'
import { codecs } from '../codecs.ts'
import { all, one, reading } from '../statements.ts'
import type { authorizationWrites } from '../writes/authorizations.ts'
import type { commitWrites, Issued } from '../writes/commit.ts'
import type { Calls } from '../writes/operation.ts'
import { messageRows } from './webhooks.ts'

type Write = Calls<typeof authorizationWrites>

export const createAuthorizationStores = (database: DatabaseSync, write: Write): AuthorizationStores => ({
  authorizations: createAuthorizations(database, write),
  codes: createCodes(database, write),
  devices: createDevices(database, write),
  families: createFamilies(database),
  referenceTokens: createReferenceTokens(database, write),
  revokedTokens: createRevokedTokens(database, write),
  usedAssertions: createUsedAssertions(database, write),
  pushedRequests: createPushedRequests(database, write),
})

export const createCommit =
  (write: Calls<typeof commitWrites>): Stores['commit'] =>
  ({ at, client_id, sub, epoch, external = false, authorization, proof, use, issue, messages }) =>
    write.commit(
      at,
      [client_id, sub ?? null, epoch ?? null, authorization?.id ?? null, authorization?.until ?? 0, external],
      proof ?? null,
      use ?? null,
      issue ? issuedRows(issue) : null,
      messageRows(messages),
    )

const issuedRows = ({ authorization, family, referenceToken }: NonNullable<Commit['issue']>): Issued => [
  authorization ? codecs.authorizations.encode(authorization) : null,
  family ? codecs.families.encode(family) : null,
  referenceToken ? codecs.referenceTokens.encode(referenceToken) : null,
]

function createAuthorizations(database: DatabaseSync, write: Write): Authorizations {
  const active = 'sub = ?1 and revoked_at is null and expires_at > ?2 and client_id > ?3'
  const access = all(
    database,
    `select client_id, tenant, sign_in_tenant, scope, resources, min(created_at), max(created_at), max(max(created_at, coalesce(
      (select max(rotated_at) from families where authorization_id = authorizations.id), 0)))
    from authorizations where ${active} and client_id in (
      select distinct client_id from authorizations where ${active} order by client_id limit ?4)
    group by client_id, tenant, sign_in_tenant, scope, resources order by client_id`,
  )
  const find = one(database, `select ${codecs.authorizations.names} from authorizations where id = ?`)
  return {
    find: reading(database, id => codecs.authorizations.decode(find(id) ?? [])),
    accessOf: reading(database, (sub, at, { after = '', limit }) =>
      access(sub, at, after, limit).map(accessOfRow),
    ),
    revoke: (id, at) => write.revokeAuthorization(id, at),
    trim: (sub, keep, most) => write.trimAuthorizations(sub, keep, most),
  }
}

function createCodes(database: DatabaseSync, write: Write): AuthorizationCodes {
  const find = one(
    database,
    `select ${codecs.codes.of('codes')}, ${codecs.authorizations.of('authorizations')}
    from codes join authorizations on authorizations.id = codes.authorization_id where codes.hash = ?`,
  )
  return {
    issue: (authorization, code, { referenceToken, use } = {}) =>
      write.issueCode(
        codecs.authorizations.encode(authorization),
        codecs.codes.encode(code),
        referenceToken ? codecs.referenceTokens.encode(referenceToken) : null,
        use ?? null,
      ),
    find: reading(database, hash => {
      const row = find(hash) ?? []
      const code = codecs.codes.decode(row)
      const authorization = codecs.authorizations.decode(row, codecs.codes.names.length)
      return code && authorization && { code, authorization }
    }),
    burn: (hash, at) => write.burnCode(hash, at),
    discard: write.discardCode,
  }
}

function createDevices(database: DatabaseSync, write: Write): DeviceAuthorizations {
  const find = one(
    database,
    `select ${codecs.devices.of('devices')}, ${codecs.authorizations.of('authorizations')}, ${codecs.families.of('families')}
    from devices left join authorizations on authorizations.id = devices.authorization_id
    left join families on devices.used_at is not null and families.authorization_id = devices.authorization_id
    where devices.hash = ?`,
  )
  const findByUserCode = one(database, `select ${codecs.devices.names} from devices where user_code_hash = ?`)
  return {
    issue: device => write.issueDevice(codecs.devices.encode(device)),
    find: reading(database, hash => {
      const row = find(hash) ?? []
      const device = codecs.devices.decode(row)
      const { length } = codecs.devices.names
      const authorization = codecs.authorizations.decode(row, length)
      const family = codecs.families.decode(row, length + codecs.authorizations.names.length)
      return device && { device, ...(authorization && { authorization }), ...(family && { family }) }
    }),
    findByUserCode: reading(database, hash => codecs.devices.decode(findByUserCode(hash) ?? [])),
    recordPoll: (hash, at, slowDown) =>
      slowDown ? write.pollDevice(hash, null, 5) : write.pollDevice(hash, at, 0),
    approve: (userCode, authorization, at, sid) =>
      write.approveDevice(userCode, authorization.id, codecs.authorizations.encode(authorization), at, sid),
    deny: (userCode, at) => write.denyDevice(userCode, at),
  }
}

function createFamilies(database: DatabaseSync): RefreshFamilies {
  const find = one(
    database,
    `select ${codecs.families.of('families')}, ${codecs.authorizations.of('authorizations')}
    from families join authorizations on authorizations.id = families.authorization_id where families.id = ?`,
  )
  return {
    find: reading(database, id => {
      const row = find(id) ?? []
      const family = codecs.families.decode(row)
      const authorization = codecs.authorizations.decode(row, codecs.families.names.length)
      return family && authorization && { family, authorization }
    }),
  }
}

function createReferenceTokens(database: DatabaseSync, write: Write): ReferenceTokens {
  const find = one(database, `select ${codecs.referenceTokens.names} from reference_tokens where hash = ?`)
  return {
    find: reading(database, hash => codecs.referenceTokens.decode(find(hash) ?? [])),
    revoke: hash => write.revokeReferenceToken(hash),
    trim: (authorization, keep, most) => write.trimReferenceTokens(authorization, keep, most),
  }
}

function createRevokedTokens(database: DatabaseSync, write: Write): RevokedTokens {
  const find = one(database, 'select 1 from revoked_tokens where jti = ?')
  return {
    has: reading(database, jti => find(jti) !== undefined),
    add: (jti, expiresAt) => write.addRevokedToken(jti, expiresAt),
  }
}

function createUsedAssertions(database: DatabaseSync, write: Write): UsedAssertions {
  const find = one(database, 'select expires_at from replays where hash = ?')
  return {
    add: ({ hash, expires_at }) => write.addUsedAssertion(hash, expires_at),
    has: reading(database, hash => find(hash) !== undefined),
    prolong: async ({ hash, expires_at }) => void (await write.prolongUsedAssertion(hash, expires_at)),
    until: reading(database, hash => find(hash)?.[0] as Seconds | undefined),
  }
}

function createPushedRequests(database: DatabaseSync, write: Write): PushedRequests {
  const find = one(
    database,
    `select parameters, exists (select 1 from replays where replays.hash = pushed_requests.hash)
    from pushed_requests where hash = ? and client_id = ? and expires_at > ?`,
  )
  return {
    add: (request, use) => write.addPushedRequest(codecs.pushedRequests.encode(request), use ?? null),
    find: reading(database, (hash, clientId, at) => {
      const row = find(hash, clientId, at)
      return row && { parameters: String(row[0]), used: row[1] === 1 }
    }),
  }
}
