/** The one write of a token request, in memory: every guard first, then the writes. */

import type { Seconds } from '@tessera/protocol/brand'
import type { RefreshFamily } from '../../model/authorization.ts'
import type { Commit, CommitOutcome, Stores, Use } from '../../model/ports/stores.ts'
import { isOfEpoch } from './epoch.ts'
import { requireNew, type Tables } from './tables.ts'

/** Why a credential can't be used up, or the write that uses it up. */
type Spending = Exclude<CommitOutcome, 'committed'> | (() => void)

export const createCommit =
  (tables: Tables): Stores['commit'] =>
  // No `await` in here: nothing comes between the guards and the writes.
  async commit => {
    if (!stands(tables, commit)) return 'revoked'
    const spend = commit.use ? spending(tables, commit.use, commit.at) : () => {}
    if (typeof spend === 'string') return spend
    issue(tables, commit)
    spend()
    extend(tables, commit)
    return 'committed'
  }

function stands(tables: Tables, commit: Commit): boolean {
  const { clients, storedClients, users, storedUsers, authorizations } = tables
  const { client_id, sub, epoch } = commit
  if ((clients.get(client_id) ?? storedClients.get(client_id)) !== true) return false
  if (sub !== undefined && (users.get(sub) ?? storedUsers.get(sub)) === false) return false
  if (sub !== undefined && epoch !== undefined && !isOfEpoch(tables, { sub, epoch })) return false
  if (!commit.authorization) return true
  const authorization = authorizations.get(commit.authorization.id)
  return (
    authorization !== undefined &&
    authorization.revoked_at === undefined &&
    authorization.expires_at > commit.at
  )
}

function spending(tables: Tables, use: Use, at: Seconds): Spending {
  switch (use.kind) {
    case 'authorization_code': {
      const code = tables.codes.get(use.hash)
      if (!code || code.used_at !== undefined) return 'already_used'
      if (code.expires_at <= at) return 'revoked'
      return () => tables.codes.set(use.hash, { ...code, used_at: at })
    }
    case 'device_code': {
      const device = tables.devices.get(use.hash)
      if (!device || device.used_at !== undefined) return 'already_used'
      if (device.status !== 'approved' || device.expires_at <= at) return 'revoked'
      return () => tables.devices.set(use.hash, { ...device, used_at: at })
    }
    case 'assertion':
      if (tables.usedAssertions.has(use.hash)) return 'already_used'
      return () => tables.usedAssertions.set(use.hash, { hash: use.hash, expires_at: use.expires_at })
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
): Spending {
  const family = families.get(use.family)
  if (!family || family.expires_at <= at || family.idle_expires_at <= at) return 'revoked'
  if (family.generation !== use.generation) return 'already_used'
  const update = (changes: Partial<RefreshFamily>) => () => families.set(family.id, { ...family, ...changes })
  switch (use.kind) {
    case 'refresh_rotation':
      return update({
        generation: family.generation + 1,
        idle_expires_at: use.idleExpiresAt,
        rotated_at: at,
      })
    case 'refresh_retry':
      return family.rotated_at < use.since ? 'already_used' : () => {}
    case 'refresh_reuse':
      return update({ idle_expires_at: use.idleExpiresAt })
  }
}

function issue(tables: Tables, { issue }: Commit): void {
  if (!issue) return
  const { authorization, family, referenceToken } = issue
  if (authorization) requireNew(tables.authorizations, authorization.id)
  if (family) requireNew(tables.families, family.id)
  if (referenceToken) requireNew(tables.referenceTokens, referenceToken.hash)
  if (authorization) tables.authorizations.set(authorization.id, authorization)
  if (family) tables.families.set(family.id, family)
  if (referenceToken) tables.referenceTokens.set(referenceToken.hash, referenceToken)
}

/** An authorization outlives all that came from it. */
function extend({ authorizations }: Tables, { authorization: asked }: Commit): void {
  const authorization = asked && authorizations.get(asked.id)
  if (!authorization || authorization.expires_at >= asked.until) return
  authorizations.set(asked.id, { ...authorization, expires_at: asked.until })
}
