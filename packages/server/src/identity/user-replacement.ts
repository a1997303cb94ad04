/** Replaces everything that an operator decides about a stored user, in one write. */

import { ok, type Result, refuse } from '@tessera/protocol/result'
import { changesBetween } from '../model/audit-record.ts'
import type { EventData, PreparedEvent } from '../model/events.ts'
import { withMemberships } from '../model/membership.ts'
import { identityKey, type StoredUser } from '../model/stored-user.ts'
import type { RecordClaims } from '../model/user-claims.ts'
import { type AccountPorts, accessEnding, claimsRefusal, detailsOf, isUsername } from './accounts.ts'

type UserRecord = RecordClaims & {
  readonly username: string
  readonly email?: string | undefined
  readonly emailVerified: boolean
  readonly active: boolean
}

/**
 * Replaces the record of the user, if the stored user is still this version. Disabling ends their access in the same
 * write. Refuses `invalid_request` with `username_malformed`, `username_taken`, `claim_not_allowed`, `membership_malformed`,
 * `account_taken` or `account_changed`.
 * @param dryRun checks everything and stores nothing.
 */
export type ReplaceUser = (
  user: StoredUser,
  record: UserRecord,
  dryRun: boolean,
) => Promise<Result<StoredUser>>

type UserReplacementPorts = Pick<
  AccountPorts,
  'stores' | 'users' | 'endingWithin' | 'settings' | 'clock' | 'log' | 'events'
>

export function createUserReplacement({
  stores: { storedUsers },
  users,
  endingWithin,
  settings,
  clock,
  log,
  events,
}: UserReplacementPorts): ReplaceUser {
  const refused = (reason: string, { sub }: StoredUser) => refuse('invalid_request', reason, { log: { sub } })

  async function conflictOf(user: StoredUser, record: UserRecord) {
    const { username, email, emailVerified } = record
    if (!isUsername(username)) return refused('username_malformed', user)
    const refusal = claimsRefusal(record, user.sub)
    if (refusal) return refusal
    if (username !== user.username && (await users.isNameTaken(username, user.tenant, user.sub)))
      return refused('username_taken', user)
    return email !== undefined && emailVerified && (await users.isNameTaken(email, user.tenant, user.sub))
      ? refused('account_taken', user)
      : undefined
  }

  function nextOf(
    user: StoredUser,
    { username, email, emailVerified, claims, groups, roles, active }: UserRecord,
  ): StoredUser {
    const {
      email: _,
      email_key: _key,
      email_verified_at: verifiedAt,
      disabled_at: disabledAt,
      ...rest
    } = user
    const isSameAddress = email !== undefined && user.email === email
    const ends = !active && disabledAt === undefined
    return {
      ...rest,
      version: user.version + 1,
      epoch: user.epoch + (ends ? 1 : 0),
      username,
      username_key: identityKey(username),
      ...(email !== undefined && { email, email_key: identityKey(email) }),
      ...(email !== undefined &&
        emailVerified && { email_verified_at: (isSameAddress ? verifiedAt : undefined) ?? clock.now() }),
      claims: withMemberships(claims, { groups, roles }),
      ...(!active && { disabled_at: disabledAt ?? clock.now() }),
    }
  }

  return async (user, record, dryRun) => {
    const conflict = await conflictOf(user, record)
    if (conflict) return conflict
    const next = nextOf(user, record)
    if (dryRun) return ok(next)
    const ends = next.epoch > user.epoch
    const prepared = eventsOf(user, next).map(([type, data]) =>
      type === 'user.updated'
        ? events.prepare(type, data, changesBetween(detailsOf(user), detailsOf(next), data.changed))
        : events.prepare(type, data),
    )
    const replaced = await storedUsers.replace(
      next,
      ends ? accessEnding(endingWithin, settings) : undefined,
      messagesOf(prepared),
    )
    if (replaced.outcome !== 'replaced')
      return refused(replaced.outcome === 'taken' ? 'account_taken' : 'account_changed', user)
    for (const { happened } of prepared) happened()
    if (ends) endingWithin.ended(replaced.ended, 'disabled')
    log.info('user_replaced', { sub: user.sub })
    return ok(next)
  }
}

type ChangeEvent =
  | ['user.updated', EventData['user.updated']]
  | ['user.disabled', EventData['user.disabled']]
  | ['user.enabled', EventData['user.enabled']]

function eventsOf(before: StoredUser, after: StoredUser): readonly ChangeEvent[] {
  const { sub } = after
  const differs = {
    username: before.username !== after.username,
    email: before.email !== after.email || before.email_verified_at !== after.email_verified_at,
    claims: JSON.stringify(before.claims) !== JSON.stringify(after.claims),
  }
  const changed = (['username', 'email', 'claims'] as const).filter(name => differs[name])
  const was = before.disabled_at === undefined
  const is = after.disabled_at === undefined
  return [
    ...(changed.length > 0 ? [['user.updated', { sub, changed }] satisfies ChangeEvent] : []),
    ...(was === is ? [] : [[is ? 'user.enabled' : 'user.disabled', { sub }] satisfies ChangeEvent]),
  ]
}

const messagesOf = (prepared: readonly PreparedEvent[]) => {
  const messages = prepared.flatMap(event => event.messages ?? [])
  return messages.length === 0 ? undefined : messages
}
