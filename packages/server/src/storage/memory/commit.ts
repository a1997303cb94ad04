/** The single write of a token request, in memory: every check precedes the first write, except that of the proof. */

import type { Seconds } from '@tessera/protocol/brand'
import type { RefreshFamily } from '../../model/authorization.ts'
import type { Commit, CommitOutcome, Stores, Use, UsedAssertion } from '../../model/ports/stores.ts'
import { hasNoRow } from '../../model/sealed-client.ts'
import { isOfEpoch } from './sessions.ts'
import type { Tables } from './tables.ts'
import { storeMessages } from './webhooks.ts'

/** Why a credential can't be consumed, or the write that consumes it. */
type Consumption = Exclude<CommitOutcome, 'committed'> | (() => void)

export const createCommit =
  (tables: Tables): Stores['commit'] =>
  // No `await` in here, so that nothing can happen between the checks and the writes.
  async commit => {
    if (!isValid(tables, commit)) return 'revoked'
    if (commit.proof && !useProof(tables, commit.proof)) return 'proof_replayed'
    const consume = commit.use ? consumptionOf(tables, commit.use, commit.at) : () => {}
    if (typeof consume === 'string') return consume
    issue(tables, commit)
    consume()
    extend(tables, commit)
    storeMessages(tables, commit.messages)
    return 'committed'
  }

/** Returns whether the proof was unused, and uses it up. */
function useProof({ usedAssertions }: Tables, { hash, expires_at }: UsedAssertion): boolean {
  if (usedAssertions.has(hash)) return false
  usedAssertions.put({ hash, expires_at })
  return true
}

function isValid(tables: Tables, commit: Commit): boolean {
  const { client_id, sub, epoch, authorization: required, at } = commit
  const { principals, authorizations } = tables
  const client = principals.get('client', client_id) ?? principals.get('stored_client', client_id)
  if (client ? client.stands !== 1 : !hasNoRow(client_id)) return false
  if (sub !== undefined && !isEnabledUser(tables, sub, commit.external)) return false
  if (sub !== undefined && epoch !== undefined && !isOfEpoch(tables, { sub, epoch })) return false
  if (!required) return true
  const authorization = authorizations.get(required.id)
  return (
    authorization !== undefined && authorization.revoked_at === undefined && authorization.expires_at > at
  )
}

/** See `userStatus` and `externalUserStatus` in `storage/tables/user-status.ts`. */
function isEnabledUser({ principals, storedUsers }: Tables, sub: string, external = false): boolean {
  const isInactive = principals.get('inactive_user', sub)?.stands === 1
  if (external) return !isInactive && !storedUsers.has(sub)
  const [configured, stored] = [principals.get('user', sub), principals.get('stored_user', sub)]
  const decides = configured?.stands === 1 || isInactive ? configured : (stored ?? configured)
  return decides?.stands !== 0
}

function consumptionOf(tables: Tables, use: Use, at: Seconds): Consumption {
  const { codes, devices, usedAssertions } = tables
  switch (use.kind) {
    case 'authorization_code': {
      const code = codes.get(use.hash)
      if (!code || code.used_at !== undefined) return 'already_used'
      if (code.expires_at <= at) return 'revoked'
      return () => codes.put({ ...code, used_at: at })
    }
    case 'device_code': {
      const device = devices.get(use.hash)
      if (!device || device.used_at !== undefined) return 'already_used'
      if (device.status !== 'approved' || device.expires_at <= at) return 'revoked'
      return () => devices.put({ ...device, used_at: at })
    }
    case 'assertion':
      if (usedAssertions.has(use.hash)) return 'already_used'
      return () => usedAssertions.put({ hash: use.hash, expires_at: use.expires_at })
    case 'refresh_rotation':
    case 'refresh_retry':
    case 'refresh_reuse':
      return refreshing(tables, use, at)
  }
}

function refreshing(
  { families }: Tables,
  use: Extract<Use, { readonly family: unknown }>,
  at: Seconds,
): Consumption {
  const family = families.get(use.family)
  if (!family || family.expires_at <= at || family.idle_expires_at <= at) return 'revoked'
  if (family.generation !== use.generation) return 'already_used'
  const update = (changes: Partial<RefreshFamily>) => () => families.put({ ...family, ...changes })
  switch (use.kind) {
    case 'refresh_rotation':
      return update({
        generation: family.generation + 1,
        ...(family.cnf === undefined && use.cnf !== undefined && { cnf: use.cnf }),
        idle_expires_at: use.idleExpiresAt,
        rotated_at: at,
      })
    case 'refresh_retry':
      return family.rotated_at < use.since ? 'already_used' : () => {}
    case 'refresh_reuse':
      return update({ idle_expires_at: use.idleExpiresAt })
  }
}

function issue({ authorizations, families, referenceTokens }: Tables, { issue = {} }: Commit): void {
  const { authorization, family, referenceToken } = issue
  if (authorization) authorizations.requireNew(authorization)
  if (family) families.requireNew(family)
  if (referenceToken) referenceTokens.requireNew(referenceToken)
  if (authorization) authorizations.put(authorization)
  if (family) families.put(family)
  if (referenceToken) referenceTokens.put(referenceToken)
}

/** An authorization outlives everything that was issued for it. */
function extend({ authorizations }: Tables, { authorization: required }: Commit): void {
  const authorization = required && authorizations.get(required.id)
  if (!authorization || authorization.expires_at >= required.until) return
  authorizations.put({ ...authorization, expires_at: required.until })
}
