/**
 * The single write of a token request in PostgreSQL, for many commits of the same shape: one statement, and therefore
 * one round trip and one transaction. Its parameters are the columns of `input`, each an array with a value for each
 * commit. The rendered text of each shape is in test/contracts/sql.
 *
 * It runs under READ COMMITTED. `valid` checks the requirements of a commit as of the start of the statement. A
 * credential is consumed by an update whose condition PostgreSQL checks again once it has the row's lock, so only one
 * of several concurrent statements finds it unused. The others have an older snapshot and return `already_used`. Every
 * insert selects from `consumed`. A proof is used up before its credential, by the insert of its hash.
 */

import type { Commit, Use } from '../../model/ports/stores.ts'
import { externalUserStatus, userKinds, userStatus } from '../tables/user-status.ts'
import { codecs, type Scalar, type Typed } from './codecs.ts'
import { quoted } from './connection.ts'
import { epochGuard } from './epoch.ts'
import { authorizationRow, familyRow } from './inserts.ts'
import { insertMessages, messagesText } from './webhooks.ts'

/** The properties that commits of one statement share. */
export type Shape = {
  readonly use: Use['kind'] | undefined
  readonly issue: readonly (keyof typeof tables)[]
  /** Whether the commits require the user's epoch. */
  readonly epoch: boolean
  /** Whether the users were found elsewhere: see `Commit.external`. */
  readonly external: boolean
  /** Whether the commits use up a proof. */
  readonly proof: boolean
  /** Whether the commits store events for webhooks. */
  readonly messages: boolean
}

export type Statement = {
  /** Returns the outcome of each commit, by its position, starting at 1. */
  readonly text: string
  /** Returns the values of one commit, in the order of the parameters. */
  readonly valuesOf: (commit: Commit) => readonly Scalar[]
}

/** How one kind of credential is consumed. */
type Consumption<Kind extends Use['kind']> = {
  /** Its columns of `input`. */
  readonly columns: readonly Typed[]
  readonly values: (use: Extract<Use, { readonly kind: Kind }>) => readonly Scalar[]
  /** Selects the rows of `valid` whose credential this statement consumed. */
  readonly consumed: string
  /** Another write before or after it. */
  readonly before?: string
  readonly after?: string
  /** The condition under which the credential of a row of `input` can't be consumed at all. */
  readonly unusable: string
}

/**
 * `at` plus the time that the statement has waited, so that the stored time is the one at which it acquired the row's
 * lock.
 */
const lockedAt = 'valid.at + floor(extract(epoch from clock_timestamp() - statement_timestamp()))::bigint'

const livingFor = (row: string) => `families.expires_at > ${row}.at and families.idle_expires_at > ${row}.at`
const sameFamily = `families.id = valid.family and families.generation = valid.generation
    and ${livingFor('valid')}`
const unusableFamily = `(select true from families
      where id = input.family and ${livingFor('input')}) is null`

const consumptions: { readonly [Kind in Use['kind']]: Consumption<Kind> } = {
  authorization_code: {
    columns: [['hash', 'text']],
    values: ({ hash }) => [hash],
    consumed: `update codes set used_at = ${lockedAt}
  from valid
  where codes.hash = valid.hash and codes.used_at is null and codes.expires_at > valid.at
  returning valid.*`,
    unusable:
      '(select true from codes where hash = input.hash and used_at is null and expires_at <= input.at)',
  },
  device_code: {
    columns: [['hash', 'text']],
    values: ({ hash }) => [hash],
    consumed: `update devices set used_at = ${lockedAt}
  from valid
  where devices.hash = valid.hash and devices.used_at is null and devices.expires_at > valid.at
    and devices.status = 'approved'
  returning valid.*`,
    unusable: `(select true from devices
    where hash = input.hash and used_at is null and (expires_at <= input.at or status <> 'approved'))`,
  },
  assertion: {
    columns: [
      ['hash', 'text'],
      ['used_until', 'bigint'],
    ],
    values: ({ hash, expires_at }) => [hash, expires_at],
    before: `first_use as (
  insert into replays (hash, expires_at)
  select hash, used_until from valid order by hash
  on conflict do nothing
  returning hash
)`,
    consumed: 'select valid.* from valid where hash in (select hash from first_use)',
    unusable: 'false',
  },
  refresh_rotation: {
    columns: [
      ['family', 'text'],
      ['generation', 'bigint'],
      ['idle_until', 'bigint'],
      ['cnf', 'text'],
    ],
    values: ({ family, generation, idleExpiresAt, cnf }) => [
      family,
      generation,
      idleExpiresAt,
      cnf === undefined ? null : JSON.stringify(cnf),
    ],
    consumed: `update families
  set generation = families.generation + 1, idle_expires_at = valid.idle_until,
    cnf = coalesce(families.cnf, valid.cnf), rotated_at = ${lockedAt}
  from valid
  where ${sameFamily}
  returning valid.*`,
    unusable: unusableFamily,
  },
  refresh_retry: {
    columns: [
      ['family', 'text'],
      ['generation', 'bigint'],
      ['since', 'bigint'],
    ],
    values: ({ family, generation, since }) => [family, generation, since],
    consumed: `select valid.* from valid, families
  where ${sameFamily}
    and families.rotated_at >= valid.since`,
    unusable: unusableFamily,
  },
  refresh_reuse: {
    columns: [
      ['family', 'text'],
      ['generation', 'bigint'],
      ['idle_until', 'bigint'],
    ],
    values: ({ family, generation, idleExpiresAt }) => [family, generation, idleExpiresAt],
    // Writes nothing if the idle lifetime is not extended.
    consumed: `select valid.* from valid, families
  where ${sameFamily}`,
    after: `extended as (
  update families set idle_expires_at = valid.idle_until
  from valid
  where ${sameFamily}
    and families.idle_expires_at <> valid.idle_until
)`,
    unusable: unusableFamily,
  },
}

type Table<Row> = {
  readonly name: string
  readonly columns: readonly Typed[]
  readonly values: (row: Row) => readonly Scalar[]
}
const cleanAt: Typed = ['clean_at', 'bigint']

/** Rows that can be issued, and the table that stores them. */
const tables = {
  authorization: {
    name: 'authorizations',
    columns: [...codecs.authorizations.typed, cleanAt],
    values: authorizationRow,
  },
  family: { name: 'families', columns: [...codecs.families.typed, cleanAt], values: familyRow },
  referenceToken: {
    name: 'reference_tokens',
    columns: codecs.referenceTokens.typed,
    values: codecs.referenceTokens.encode,
  },
} as const satisfies {
  readonly [Part in keyof Required<Issue>]: Table<NonNullable<Issue[Part]>>
}
type Issue = NonNullable<Commit['issue']>

const parts = Object.keys(tables) as (keyof typeof tables)[]

export const shapeOf = ({ use, issue = {}, epoch, external = false, proof, messages }: Commit): Shape => ({
  use: use?.kind,
  issue: parts.filter(part => issue[part] !== undefined),
  epoch: epoch !== undefined,
  external,
  proof: proof !== undefined,
  messages: messages !== undefined,
})

export function writeStatement(shape: Shape): Statement {
  const consumption = shape.use && (consumptions[shape.use] as Consumption<Use['kind']>)
  const issued = shape.issue.map(part => ({ part, ...(tables[part] as Table<unknown>) }))
  const columns: readonly Typed[] = [
    ...required,
    ...(shape.epoch ? [['epoch', 'bigint'] as const] : []),
    ...(shape.proof ? proofColumns : []),
    ...(consumption?.columns ?? []),
    ...issued.flatMap(({ name, columns }) =>
      columns.map(([column, type]) => [`${name}.${column}`, type] as const),
    ),
    ...(shape.messages ? [['messages', 'text'] as const] : []),
  ]
  const ctes = [
    inputOf(columns, consumption?.columns[0]?.[0]),
    ...checksOf(shape),
    consumption?.before,
    `consumed as (
  ${consumption?.consumed ?? 'select * from valid'}
)`,
    consumption?.after,
    ...issued.map(({ part, name, columns }) => insertOf(part, name, columns)),
    shape.messages
      ? `announced as (
  ${insertMessages('consumed.messages', 'consumed')}
)`
      : undefined,
    // An authorization outlives everything that was issued for it.
    `authorization_extended as (
  update authorizations set expires_at = consumed.until
  from consumed
  where authorizations.id = consumed.authorization_id and authorizations.expires_at < consumed.until
)`,
  ]
  return {
    text: `with ${ctes.filter(cte => cte !== undefined).join(', ')}
select place, case
    when place not in (select place from ${shape.proof ? 'permitted' : 'valid'}) then 'revoked'${
      shape.proof ? `\n    when place not in (select place from valid) then 'proof_replayed'` : ''
    }
    when place in (select place from consumed) then 'committed'
    when ${consumption?.unusable ?? false} then 'revoked'
    else 'already_used'
  end
from input`,
    valuesOf: ({ at, client_id, sub, epoch, authorization, proof, use, issue = {}, messages }) => [
      at,
      client_id,
      sub ?? null,
      authorization?.id ?? null,
      authorization?.until ?? 0,
      ...(epoch === undefined ? [] : [epoch]),
      ...(proof === undefined ? [] : [proof.hash, proof.expires_at]),
      ...(use && consumption ? consumption.values(use) : []),
      ...issued.flatMap(({ part, values }) => values(issue[part])),
      ...(shape.messages ? [messagesText(messages)] : []),
    ],
  }
}

/** The columns of `input` that every shape has. */
const required: readonly Typed[] = [
  ['at', 'bigint'],
  ['client_id', 'text'],
  ['sub', 'text'],
  ['authorization_id', 'text'],
  ['until', 'bigint'],
]

const proofColumns: readonly Typed[] = [
  ['proof', 'text'],
  ['proof_until', 'bigint'],
]

/**
 * Uses up the proofs of permitted commits. Of two concurrent uses, the second waits here until the first commits or
 * rolls back.
 */
const proofUse = [
  `first_proof as (
  insert into replays (hash, expires_at)
  select proof, proof_until from permitted order by proof
  on conflict do nothing
  returning hash
)`,
  `valid as materialized (
  select permitted.* from permitted where proof in (select hash from first_proof)
)`,
] as const

/**
 * @param key the key of the credential. All statements use its order, so that no two statements wait for each other.
 */
function inputOf(columns: readonly Typed[], key: string | undefined): string {
  const arrays = columns.map(([, type], index) => `$${index + 1}::${type}[]`)
  const names = columns.map(([name]) => quoted(name))
  return `input as materialized (
  select * from unnest(${wrapped(arrays)}
  ) with ordinality as input (${wrapped([...names, 'place'])}
  )${key === undefined ? '' : ` order by ${key} collate "C"`}
)`
}

function insertOf(part: string, table: string, columns: readonly Typed[]): string {
  return `${quoted(part)} as (
  insert into ${table} (${wrapped(columns.map(([name]) => name))}
  ) select${wrapped(columns.map(([name]) => quoted(`${table}.${name}`)))}
  from consumed
)`
}

/** Returns items in indented lines of a readable length. */
function wrapped(items: readonly string[]): string {
  const lines: string[] = []
  for (const item of items) {
    const last = lines.at(-1)
    if (last === undefined || last.length + item.length > 100) lines.push(item)
    else lines[lines.length - 1] = `${last}, ${item}`
  }
  return lines.map((line, index) => `\n    ${line}${index < lines.length - 1 ? ',' : ''}`).join('')
}

/**
 * Selects the commits whose client and user are enabled and whose authorization is valid.
 *
 * A token for an existing authorization is revoked with that authorization, whichever write comes first. For a new
 * authorization, the user's row stays locked until the authorization is written, so that a transaction which disables
 * the user and then revokes the user's authorizations finds it.
 */
function checksOf({ issue, epoch, external, proof }: Shape): readonly string[] {
  const subs = 'array (select sub from input)'
  const sameEpoch = epoch ? epochGuard('input.sub', 'input.epoch', subs) : undefined
  // Locks the user's row first, in the same order as writes that change the user.
  const first = sameEpoch ? '\n    and (select count(*) from owner) >= 0' : ''
  // Only the row of a stored user is locked, and an external one has none.
  const locked = issue.includes('authorization') && !external
  const client = (kind: string) =>
    `(select stands from standing where kind = '${kind}' and id = input.client_id)`
  const users = `users as materialized (
  select kind, id, stands from standing
  where kind in (${userKinds.map(kind => `'${kind}'`).join(', ')}) and id = any (${subs})${first}
  order by kind, id for share
)`
  const user = external
    ? externalUserStatus('input.sub')
    : userStatus('input.sub', locked ? 'users' : 'standing')
  const checked = `${proof ? 'permitted' : 'valid'} as materialized (
  select input.* from input
  where coalesce(
      ${client('client')},
      ${client('stored_client')},
      case when left(input.client_id, 8) in ('https://', 'sealed1.') then 1 end) = 1
    and ${user} = 1
    and (authorization_id is null or (
      select true from authorizations
      where id = input.authorization_id and revoked_at is null and expires_at > input.at))${
        sameEpoch ? `\n    and ${sameEpoch.condition}` : ''
      }
)`
  return [
    ...(sameEpoch ? [sameEpoch.part] : []),
    ...(locked ? [users] : []),
    checked,
    ...(proof ? proofUse : []),
  ]
}
