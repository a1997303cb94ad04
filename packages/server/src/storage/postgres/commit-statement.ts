/**
 * The one write of a token request, in PostgreSQL, for many of one shape: one statement, and so one round trip and one
 * transaction. Its parameters are the columns of `given`, each an array with a value for each commit.
 *
 * It runs under READ COMMITTED. What a commit asks for (`guard`) is read as it was when the statement began. A credential
 * is used up by an update whose condition PostgreSQL looks at again once it has the row's lock, so of many at once one
 * finds it unused; the others, whose reading of the row is older than that, learn `already_used`. Nothing is inserted
 * but from a row of `used`.
 */

import type { Commit, Use } from '../../model/ports/stores.ts'
import { authorizationCodec, authorizationRow } from './authorizations.ts'
import type { Scalar, Typed } from './codecs.ts'
import { quoted } from './connection.ts'
import { epochGuard } from './epoch.ts'
import { familyCodec, familyRow } from './families.ts'
import { referenceTokenCodec } from './reference-tokens.ts'

/** What commits of one statement have in common. */
export type Shape = {
  readonly use: Use['kind'] | undefined
  readonly issue: readonly (keyof typeof tables)[]
  /** Whether the user's epoch is asked for. */
  readonly epoch: boolean
}

export type Statement = {
  /** Answers the outcome of each, by its place from 1 on. */
  readonly text: string
  /** Those of one commit, in the order of the parameters. */
  readonly valuesOf: (commit: Commit) => readonly Scalar[]
}

/** What uses a credential up. */
type Spending<Kind extends Use['kind']> = {
  /** Its columns of `given`. */
  readonly columns: readonly Typed[]
  readonly values: (use: Extract<Use, { readonly kind: Kind }>) => readonly Scalar[]
  /** The rows of `guard` whose credential was used by this. */
  readonly used: string
  /** Another write before or after it. */
  readonly before?: string
  readonly after?: string
  /** Whether one of `given` could not have been used by anybody. */
  readonly over: string
}

/** `at`, and how long the statement has waited since then: what is stored is the time at which the row's lock was had. */
const atLast = 'guard.at + floor(extract(epoch from clock_timestamp() - statement_timestamp()))::bigint'

const livingFor = (row: string) => `families.expires_at > ${row}.at and families.idle_expires_at > ${row}.at`
const sameFamily = `families.id = guard.family and families.generation = guard.generation and ${livingFor('guard')}`
const overFamily = `(select true from families where id = given.family and ${livingFor('given')}) is null`

const spendings: { readonly [Kind in Use['kind']]: Spending<Kind> } = {
  authorization_code: {
    columns: [['hash', 'text']],
    values: ({ hash }) => [hash],
    used: `update codes set used_at = ${atLast} from guard
      where codes.hash = guard.hash
        and codes.used_at is null and codes.expires_at > guard.at returning guard.*`,
    over: '(select true from codes where hash = given.hash and used_at is null and expires_at <= given.at)',
  },
  device_code: {
    columns: [['hash', 'text']],
    values: ({ hash }) => [hash],
    used: `update devices set used_at = ${atLast} from guard
      where devices.hash = guard.hash
        and devices.used_at is null and devices.expires_at > guard.at and devices.status = 'approved'
      returning guard.*`,
    over: `(select true from devices
      where hash = given.hash and used_at is null and (expires_at <= given.at or status <> 'approved'))`,
  },
  assertion: {
    columns: [
      ['hash', 'text'],
      ['marked_until', 'bigint'],
    ],
    values: ({ hash, expires_at }) => [hash, expires_at],
    before: `marked as (
      insert into replays (hash, expires_at) select hash, marked_until from guard order by hash
      on conflict do nothing returning hash)`,
    used: 'select guard.* from guard where hash in (select hash from marked)',
    over: 'false',
  },
  refresh_rotation: {
    columns: [
      ['family', 'text'],
      ['generation', 'bigint'],
      ['idle_until', 'bigint'],
    ],
    values: ({ family, generation, idleExpiresAt }) => [family, generation, idleExpiresAt],
    used: `update families
      set generation = families.generation + 1, rotated_at = ${atLast}, idle_expires_at = guard.idle_until
      from guard where ${sameFamily} returning guard.*`,
    over: overFamily,
  },
  refresh_retry: {
    columns: [
      ['family', 'text'],
      ['generation', 'bigint'],
      ['since', 'bigint'],
    ],
    values: ({ family, generation, since }) => [family, generation, since],
    used: `select guard.* from guard, families where ${sameFamily} and families.rotated_at >= guard.since`,
    over: overFamily,
  },
  refresh_reuse: {
    columns: [
      ['family', 'text'],
      ['generation', 'bigint'],
      ['idle_until', 'bigint'],
    ],
    values: ({ family, generation, idleExpiresAt }) => [family, generation, idleExpiresAt],
    // Where its end does not slide, nothing is written.
    used: `select guard.* from guard, families where ${sameFamily}`,
    after: `slid as (
      update families set idle_expires_at = guard.idle_until from guard
      where ${sameFamily} and families.idle_expires_at <> guard.idle_until)`,
    over: overFamily,
  },
}

type Table<Row> = {
  readonly name: string
  readonly columns: readonly Typed[]
  readonly values: (row: Row) => readonly Scalar[]
}
const cleanedAt: Typed = ['clean_at', 'bigint']

/** What can be issued, and where it goes. */
const tables = {
  authorization: {
    name: 'authorizations',
    columns: [...authorizationCodec.typed, cleanedAt],
    values: authorizationRow,
  },
  family: { name: 'families', columns: [...familyCodec.typed, cleanedAt], values: familyRow },
  referenceToken: {
    name: 'reference_tokens',
    columns: referenceTokenCodec.typed,
    values: referenceTokenCodec.encode,
  },
} as const satisfies {
  readonly [Part in keyof Required<Issue>]: Table<NonNullable<Issue[Part]>>
}
type Issue = NonNullable<Commit['issue']>

const parts = Object.keys(tables) as (keyof typeof tables)[]

export const shapeOf = ({ use, issue = {}, epoch }: Commit): Shape => ({
  use: use?.kind,
  issue: parts.filter(part => issue[part] !== undefined),
  epoch: epoch !== undefined,
})

export function writeStatement(shape: Shape): Statement {
  const spending = shape.use && (spendings[shape.use] as Spending<Use['kind']>)
  const issued = shape.issue.map(part => ({ part, ...(tables[part] as Table<unknown>) }))
  const columns: readonly Typed[] = [
    ...asked,
    ...(shape.epoch ? [['epoch', 'bigint'] as const] : []),
    ...(spending?.columns ?? []),
    ...issued.flatMap(({ name, columns }) =>
      columns.map(([column, type]) => [`${name}.${column}`, type] as const),
    ),
  ]
  const names = columns.map(([name]) => quoted(name)).join(', ')
  const arrays = columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ')
  // The same everywhere, so that no two statements wait for each other.
  const inOrder = spending ? ` order by ${spending.columns[0]?.[0]} collate "C"` : ''
  const ctes = [
    `given as materialized (
      select * from unnest(${arrays}) with ordinality as given (${names}, place)${inOrder})`,
    ...guardsOf(shape),
    spending?.before,
    `used as (${spending?.used ?? 'select * from guard'})`,
    spending?.after,
    ...issued.map(({ part, name, columns }) => `${quoted(part)} as (${insertOf(name, columns)})`),
    // An authorization outlives all that came from it.
    `extended as (
      update authorizations set expires_at = used.until from used
      where authorizations.id = used.authorization_id and authorizations.expires_at < used.until)`,
  ]
  return {
    text: `with ${ctes.filter(cte => cte !== undefined).join(',\n')}
      select place, case
        when place not in (select place from guard) then 'revoked'
        when place in (select place from used) then 'committed'
        when ${spending?.over ?? false} then 'revoked'
        else 'already_used' end
      from given`,
    valuesOf: ({ at, client_id, sub, epoch, authorization, use, issue = {} }) => [
      ...[at, client_id, sub ?? null, authorization?.id ?? null, authorization?.until ?? 0],
      ...(epoch === undefined ? [] : [epoch]),
      ...(use && spending ? spending.values(use) : []),
      ...issued.flatMap(({ part, values }) => values(issue[part])),
    ],
  }
}

const asked: readonly Typed[] = [
  ['at', 'bigint'],
  ['client_id', 'text'],
  ['sub', 'text'],
  ['authorization_id', 'text'],
  ['until', 'bigint'],
]

function insertOf(table: string, columns: readonly Typed[]): string {
  const names = columns.map(([name]) => name).join(', ')
  const values = columns.map(([name]) => quoted(`${table}.${name}`)).join(', ')
  return `insert into ${table} (${names}) select ${values} from used`
}

/**
 * Those whose client, user and authorization stand; a user without a row was never known here: an external one.
 *
 * What is issued for an authorization that is there hangs on it, and falls with it whoever comes first. A new one does
 * not: the user's row is locked until it is written, so that whoever disables the user and then revokes what is theirs
 * finds it.
 */
function guardsOf({ issue, epoch }: Shape): readonly string[] {
  const subs = 'array (select sub from given)'
  const sameEpoch = epoch ? epochGuard('given.sub', 'given.epoch', subs) : undefined
  // The user's own row first, as whoever changes the user locks them.
  const first = sameEpoch ? 'and (select count(*) from owner) >= 0' : ''
  const locked = issue.includes('authorization')
  const stands = (kind: string, id: string) =>
    `(select stands from standing where kind = '${kind}' and id = given.${id})`
  const users = `users as materialized (
    select kind, id, stands from standing
    where kind in ('user', 'stored_user') and id = any (${subs}) ${first} order by kind, id for share)`
  const userStands = locked
    ? '(select stands from users where users.id = given.sub order by kind desc limit 1)'
    : `${stands('user', 'sub')}, ${stands('stored_user', 'sub')}`
  const guard = `guard as materialized (
    select given.* from given
    where coalesce(${stands('client', 'client_id')}, ${stands('stored_client', 'client_id')}) = 1
      and coalesce(${userStands}, 1) = 1
      and (authorization_id is null or (
        select true from authorizations
        where id = given.authorization_id and revoked_at is null and expires_at > given.at))
      ${sameEpoch ? `and ${sameEpoch.condition}` : ''})`
  return [...(sameEpoch ? [sameEpoch.part] : []), ...(locked ? [users] : []), guard]
}
