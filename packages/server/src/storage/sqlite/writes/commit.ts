/**
 * The single write of a token request: every check precedes the first write, so that a refused commit writes nothing
 * but the use of its proof.
 */

import type { DatabaseSync } from 'node:sqlite'
import type { Seconds } from '@tessera/protocol/brand'
import type { CommitOutcome, Use, UsedAssertion } from '../../../model/ports/stores.ts'
import { externalUserStatus, userStatus } from '../../tables/user-status.ts'
import type { Row } from '../codecs.ts'
import { change, one } from '../statements.ts'
import {
  insertAuthorization,
  insertFamily,
  insertReferenceToken,
  insertUsedAssertion,
} from './authorizations.ts'
import type { Writes } from './operation.ts'
import { createEpochGuard } from './sessions.ts'
import { storeMessages } from './webhooks.ts'

/** The conditions of the commit: client, user, epoch, the authorization with its new expiry, and `Commit.external`. */
type Guards = readonly [
  client: string,
  sub: string | null,
  epoch: number | null,
  authorization: string | null,
  until: number,
  external: boolean,
]
export type Issued = readonly [authorization: Row | null, family: Row | null, referenceToken: Row | null]

export const commitWrites = {
  commit(database) {
    const guard = createGuard(database)
    const consume = createConsume(database)
    const insert = createInsert(database)
    const store = storeMessages(database)
    const extend = change(database, 'update authorizations set expires_at = ? where id = ?')
    const addProof = insertUsedAssertion(database)

    return (
      at: Seconds,
      guards: Guards,
      proof: UsedAssertion | null,
      use: Use | null,
      issued: Issued | null,
      messages: readonly Row[] | null,
    ): CommitOutcome => {
      const authorizationEnd = guard(guards, at)
      if (authorizationEnd === undefined) return 'revoked'
      if (proof && !addProof(proof.hash, proof.expires_at)) return 'proof_replayed'
      const outcome = use ? consume(use, at) : 'committed'
      if (outcome !== 'committed') return outcome
      if (issued) insert(issued)
      if (messages) store(messages)
      // An authorization outlives everything that was issued for it.
      const [, , , authorization, until] = guards
      if (authorization !== null && authorizationEnd < until) extend(until, authorization)
      return 'committed'
    }
  },
} as const satisfies Writes

/** Returns the expiry of the authorization (0 if none is required), or undefined if a requirement is not met. */
function createGuard(database: DatabaseSync): (guards: Guards, at: Seconds) => number | undefined {
  const findStatus = one(
    database,
    `select
      coalesce(
        (select stands from standing where kind = 'client' and id = ?1),
        (select stands from standing where kind = 'stored_client' and id = ?1),
        substr(?1, 1, 8) in ('https://', 'sealed1.')),
      case when ?4 then ${externalUserStatus('?2')} else ${userStatus('?2')} end,
      (select expires_at from authorizations where id = ?3 and revoked_at is null)`,
  )
  const isOfEpoch = createEpochGuard(database)
  return ([client, sub, epoch, authorization, , external], at) => {
    const [clientStatus, userStatus, end] = findStatus(client, sub, authorization, external ? 1 : 0) ?? []
    if (clientStatus !== 1 || userStatus !== 1) return undefined
    if (epoch !== null && !isOfEpoch(sub, epoch)) return undefined
    if (authorization === null) return 0
    return typeof end === 'number' && end > at ? end : undefined
  }
}

/** Consumes the credential with a compare-and-set. If that fails, reads the row to determine the reason. */
function createConsume(database: DatabaseSync): (use: Use, at: Seconds) => CommitOutcome {
  const living = 'expires_at > ?1 and idle_expires_at > ?1'
  const useCode = change(
    database,
    'update codes set used_at = ?1 where hash = ?2 and used_at is null and expires_at > ?1',
  )
  const useDevice = change(
    database,
    `update devices set used_at = ?1
    where hash = ?2 and used_at is null and expires_at > ?1 and status = 'approved'`,
  )
  const rotate = change(
    database,
    `update families set generation = generation + 1, rotated_at = ?1, idle_expires_at = ?4
    where id = ?2 and generation = ?3 and ${living}`,
  )
  const bind = change(database, 'update families set cnf = ? where id = ? and cnf is null')
  const slide = change(database, 'update families set idle_expires_at = ? where id = ?')
  const unusedCode = one(database, 'select 1 from codes where hash = ? and used_at is null')
  const unusedDevice = one(database, 'select 1 from devices where hash = ? and used_at is null')
  const livingFamily = one(
    database,
    `select generation, rotated_at, idle_expires_at from families where id = ?2 and ${living}`,
  )
  const addUsedAssertion = insertUsedAssertion(database)

  return (use, at) => {
    switch (use.kind) {
      case 'authorization_code':
        if (useCode(at, use.hash) === 1) return 'committed'
        return unusedCode(use.hash) ? 'revoked' : 'already_used'
      case 'device_code':
        if (useDevice(at, use.hash) === 1) return 'committed'
        return unusedDevice(use.hash) ? 'revoked' : 'already_used'
      case 'assertion':
        return addUsedAssertion(use.hash, use.expires_at) ? 'committed' : 'already_used'
      case 'refresh_rotation':
        if (rotate(at, use.family, use.generation, use.idleExpiresAt) === 1) {
          if (use.cnf) bind(JSON.stringify(use.cnf), use.family)
          return 'committed'
        }
        return livingFamily(at, use.family) ? 'already_used' : 'revoked'
      case 'refresh_retry':
      case 'refresh_reuse': {
        const family = livingFamily(at, use.family)
        if (!family) return 'revoked'
        const [generation, rotatedAt, idleExpiresAt] = family
        if (generation !== use.generation) return 'already_used'
        if (use.kind === 'refresh_retry') return Number(rotatedAt) >= use.since ? 'committed' : 'already_used'
        if (idleExpiresAt !== use.idleExpiresAt) slide(use.idleExpiresAt, use.family)
        return 'committed'
      }
    }
  }
}

function createInsert(database: DatabaseSync): (issued: Issued) => void {
  const authorize = insertAuthorization(database)
  const found = insertFamily(database)
  const issueReferenceToken = insertReferenceToken(database)
  return ([authorization, family, referenceToken]) => {
    if (authorization) authorize(authorization)
    if (family) found(family)
    if (referenceToken) issueReferenceToken(referenceToken)
  }
}
