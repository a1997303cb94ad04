/**
 * The one write of a token request, in PostgreSQL: one statement, and so one round trip and one transaction.
 *
 * It runs under READ COMMITTED. What it asks for (`guard`) is read as it was when the statement began. The credential is
 * used up by an update whose condition PostgreSQL looks at again once it has the row's lock, so of many at once one
 * finds it unused; the others, whose reading of the row is older than that, learn `already_used`. Nothing is inserted
 * but where `used` has a row.
 */

import type { CommitOutcome, Stores, Use } from '../../core/stores.ts'
import { authorizationCodec, authorizationRow, insertAuthorization } from './authorizations.ts'
import type { Value } from './columns.ts'
import type { Database } from './database.ts'
import { epochGuard } from './epoch.ts'
import { familyCodec, familyRow, insertFamily } from './families.ts'
import { insertReferenceToken, referenceTokenCodec } from './reference-tokens.ts'

/** What uses a credential up; `$1` is now, and its own parameters begin at `$6`. */
type Spending<Kind extends Use['kind']> = {
  readonly values: (use: Extract<Use, { readonly kind: Kind }>) => readonly Value[]
  /** Answers a row where the credential was used by this. */
  readonly spend: string
  /** A write beside it. */
  readonly also?: string
  /** Whether it could not have been used by anybody. */
  readonly over: string
}

const noUse = { spend: 'select 1 from guard', over: 'false' }
const used = 'exists (select 1 from used)'
const guarded = 'exists (select 1 from guard)'
const living = 'expires_at > $1 and idle_expires_at > $1'
const overFamily = `not exists (select 1 from families where id = $6 and ${living})`

const spendings: { readonly [Kind in Use['kind']]: Spending<Kind> } = {
  authorization_code: {
    values: ({ hash }) => [hash],
    spend: `update codes set used_at = $1
      where hash = $6 and used_at is null and expires_at > $1 and ${guarded} returning 1`,
    over: 'exists (select 1 from codes where hash = $6 and used_at is null and expires_at <= $1)',
  },
  device_code: {
    values: ({ hash }) => [hash],
    spend: `update devices set used_at = $1
      where hash = $6 and used_at is null and expires_at > $1 and status = 'approved' and ${guarded} returning 1`,
    over: `exists (select 1 from devices
      where hash = $6 and used_at is null and (expires_at <= $1 or status <> 'approved'))`,
  },
  assertion: {
    values: ({ hash, expires_at }) => [hash, expires_at],
    spend: `insert into replays (hash, expires_at) select $6::text, $7::bigint where ${guarded}
      on conflict do nothing returning 1`,
    over: 'false',
  },
  refresh_rotation: {
    values: ({ family, generation, idleExpiresAt }) => [family, generation, idleExpiresAt],
    spend: `update families set generation = generation + 1, rotated_at = $1, idle_expires_at = $8
      where id = $6 and generation = $7 and ${living} and ${guarded} returning 1`,
    over: overFamily,
  },
  refresh_retry: {
    values: ({ family, generation, since }) => [family, generation, since],
    spend: `select 1 from families
      where id = $6 and generation = $7 and rotated_at >= $8 and ${living} and ${guarded}`,
    over: overFamily,
  },
  refresh_reuse: {
    values: ({ family, generation, idleExpiresAt }) => [family, generation, idleExpiresAt],
    // Where its end does not slide, nothing is written.
    spend: `select 1 from families where id = $6 and generation = $7 and ${living} and ${guarded}`,
    also: `slid as (
      update families set idle_expires_at = $8
      where id = $6 and generation = $7 and idle_expires_at <> $8 and ${living} and ${guarded})`,
    over: overFamily,
  },
}

/** What of `issue` there is to insert, and whether the user's epoch is asked for: the shape, on which the statement depends. */
type Parts = {
  readonly authorization: boolean
  readonly family: boolean
  readonly referenceToken: boolean
  readonly epoch: boolean
}

export function createCommit({ run }: Database): Stores['commit'] {
  const statements = new Map<string, string>()
  const statementFor = (kind: Use['kind'] | undefined, parts: Parts): string => {
    const shape = [kind, ...Object.entries(parts).filter(([, there]) => there)].join()
    const before = statements.get(shape)
    if (before !== undefined) return before
    const made = writeStatement(kind, parts)
    statements.set(shape, made)
    return made
  }

  return async ({ at, client_id, sub, epoch, authorization: asked, use, issue = {} }) => {
    const { authorization, family, referenceToken } = issue
    const [row] = (
      await run(
        statementFor(use?.kind, {
          authorization: authorization !== undefined,
          family: family !== undefined,
          referenceToken: referenceToken !== undefined,
          epoch: epoch !== undefined,
        }),
        [
          ...[at, client_id, sub ?? null, asked?.id ?? null, asked?.until ?? 0],
          ...(use ? valuesOf(use) : []),
          ...(authorization ? authorizationRow(authorization) : []),
          ...(family ? familyRow(family) : []),
          ...(referenceToken ? referenceTokenCodec.encode(referenceToken) : []),
          ...(epoch === undefined ? [] : [epoch]),
        ],
      )
    ).rows
    return row?.[0] as CommitOutcome
  }
}

const valuesOf = (use: Use): readonly Value[] => (spendings[use.kind] as Spending<Use['kind']>).values(use)

function writeStatement(kind: Use['kind'] | undefined, parts: Parts): string {
  const {
    spend,
    over,
    also,
  }: Pick<Spending<never>, 'spend' | 'over' | 'also'> = kind ? spendings[kind] : noUse
  let next = 6 + (kind ? parametersOf[kind] : 0)
  const from = (count: number): number => {
    next += count
    return next - count
  }
  const writes = [
    `used as (${spend})`,
    ...(also ? [also] : []),
    ...(parts.authorization
      ? [`authorized as (${insertAuthorization(from(authorizationCodec.count + 1), used)})`]
      : []),
    ...(parts.family ? [`founded as (${insertFamily(from(familyCodec.count + 1), used)})`] : []),
    ...(parts.referenceToken
      ? [`issued as (${insertReferenceToken(from(referenceTokenCodec.count), used)})`]
      : []),
    // An authorization outlives all that came from it.
    `extended as (
      update authorizations set expires_at = $5 where id = $4 and expires_at < $5::bigint and ${used})`,
  ]
  const guard = guardOf(parts, parts.epoch ? `$${from(1)}` : undefined)
  return `with ${guard}, ${writes.join(', ')}
    select case
      when not ${guarded} then 'not_standing'
      when ${used} then 'committed'
      when ${over} then 'not_standing'
      else 'already_used' end`
}

const parametersOf = {
  authorization_code: 1,
  device_code: 1,
  assertion: 2,
  refresh_rotation: 3,
  refresh_retry: 3,
  refresh_reuse: 3,
} as const satisfies Record<Use['kind'], number>

/**
 * A row where client, user and authorization stand; a user without a row was never known here: an external one.
 *
 * What is issued for an authorization that is there hangs on it, and falls with it whoever comes first. A new one does
 * not: the user's row is locked until it is written, so that whoever disables the user and then revokes what is theirs
 * finds it.
 */
function guardOf({ authorization }: Parts, epoch: string | undefined): string {
  const sameEpoch = epoch === undefined ? undefined : epochGuard('$3', epoch)
  // The user's own row first, as whoever changes the user locks them.
  const first = sameEpoch ? 'and (select count(*) from owner) >= 0' : ''
  return `
  ${sameEpoch ? `${sameEpoch.part},` : ''}
  users as materialized (
    select kind, stands from standing where kind in ('user', 'stored_user') and id = $3 ${first}
    ${authorization ? 'for share' : ''}),
  guard as materialized (
    select 1
    where coalesce(
        (select stands from standing where kind = 'client' and id = $2),
        (select stands from standing where kind = 'stored_client' and id = $2)) = 1
      and coalesce((select stands from users order by kind desc limit 1), 1) = 1
      and ($4::text is null
        or exists (select 1 from authorizations where id = $4 and revoked_at is null and expires_at > $1))
      ${sameEpoch ? `and ${sameEpoch.condition}` : ''})`
}
