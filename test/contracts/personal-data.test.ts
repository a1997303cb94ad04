/**
 * Personal data: every table and column is classified, and each store exports and deletes all rows of a person and no
 * row of another.
 */

import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import type { JsonObject } from '@tessera/protocol/result'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { keptSections } from '../../packages/server/src/model/person.ts'
import type { ErasureOptions, Stores } from '../../packages/server/src/model/ports/stores.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { emptyTables, type MemoryTable } from '../../packages/server/src/storage/memory/tables.ts'
import { migrations } from '../../packages/server/src/storage/sqlite/schema.ts'
import { statements } from '../../packages/server/src/storage/sqlite/writes/persons.ts'
import { personParameters } from '../../packages/server/src/storage/tables/person-parameters.ts'
import { personalData, personalTables } from '../../packages/server/src/storage/tables/personal.ts'
import { type ColumnKind, isJson } from '../../packages/server/src/storage/tables/table.ts'
import {
  allTables,
  cascadingTables,
  type TableName,
} from '../../packages/server/src/storage/tables/tables.ts'
import { readText } from '../support/repository.ts'
import { contentOf, databases, type OpenedArchives } from './archives/databases.ts'
import { accessEnding, erasureOf } from './stores/access.ts'
import {
  enablePrincipals,
  newHash,
  now,
  sampleAuthorization,
  sampleCode,
  sampleCommit,
  sampleSession,
  sampleUser,
} from './stores/samples.ts'

type Columns = Readonly<Record<string, readonly string[]>>
type Personal = { readonly owner: string; readonly columns?: Readonly<Record<string, string>> }

/** Columns for clean-up and for order, which no row's item has. */
const bookkeeping: ReadonlySet<string> = new Set(['clean_at', 'place'])

/** Returns the tables and columns of a schema that are not classified. */
const unclassified = (schema: Columns, classified: Readonly<Record<string, Personal>>): readonly string[] =>
  Object.entries(schema).flatMap(([table, columns]) => {
    const personal = Object.hasOwn(classified, table) ? classified[table] : undefined
    if (!personal) return [table]
    if (personal.owner === 'nobody') return []
    return columns
      .filter(column => !bookkeeping.has(column) && !Object.hasOwn(personal.columns ?? {}, column))
      .map(column => `${table}.${column}`)
  })

const classified: Readonly<Record<string, Personal>> = Object.fromEntries(
  allTables.map(([name, table]) => [table.name, personalData[name] as Personal]),
)

for (const { name, open } of databases)
  test(`personal data, ${name}: every table and column of the database is classified`, async () => {
    const { archives, end } = await open()
    const source = await archives.source()
    const tables = await source.tables()
    const schema: Columns = Object.fromEntries(
      tables.map(table => [table.name, Object.keys(table.columns)] as const),
    )
    await source.close()
    await end()
    assert.ok(Object.keys(schema).length > 25)
    assert.deepEqual(unclassified(schema, classified), [])
    const grown = { ...schema, diaries: ['sub'], sessions: [...(schema.sessions ?? []), 'shoe_size'] }
    assert.deepEqual(unclassified(grown, classified).toSorted(), ['diaries', 'sessions.shoe_size'])
  })

test('personal data: tables with a subject belong to it, and the kept ones are named', () => {
  // Rows of earlier versions have no subject, so sessions at providers are found in other ways too.
  for (const [name, { columns }] of allTables)
    if ('sub' in columns && name !== 'upstreamSessions') assert.equal(personalData[name].owner, 'sub', name)
  const kept = personalTables.flatMap(({ section, kept: why }) => (why === undefined ? [] : [section]))
  assert.deepEqual(new Set(kept), keptSections)
})

test('personal data: the guide has a row for each section', () => {
  const guide = readText('docs/guides/personal-data.md')
  const documented = [...guide.matchAll(/^\| `(\w+)` \|/gm)].map(([, section]) => section)
  assert.deepEqual(documented.toSorted(), personalTables.map(({ section }) => section).toSorted())
})

/** A text that all texts of the person contain. */
type Person = { readonly mark: string; readonly sub: string }
const ann: Person = { mark: 'Ann-Sentinel', sub: 'Ann-Sentinel-sub' }
const ben: Person = { mark: 'Ben-Sentinel', sub: 'Ben-Sentinel-sub' }

/** Columns by which rows belong together. */
function linkOf({ sub, mark }: Person, table: string, column: string): string | null | undefined {
  if (column === 'sub') return sub
  if (column === 'authorization_id' || (table === 'authorizations' && column === 'id'))
    // The token of another subject, for which the person acts.
    return table === 'reference_tokens' ? null : `authorization ${mark}`
  if (table === 'logout_notices' && column === 'sid') return `earlier ${mark}`
  if (column === 'sid' || column === 'linking_sid') return `sid ${mark}`
  if (column === 'upstream' || (table === 'upstream_sessions' && column === 'id')) return `upstream ${mark}`
  if (column === 'used_by') return hashHandle(sub)
  // Both have accounts at one provider.
  if (column === 'provider') return 'corp'
  // Rows of clients remain.
  if (table === 'registered_clients' && column !== 'metadata') return `client ${mark.slice(0, 3)}`
  return undefined
}

function sampleOf(person: Person, table: string, column: string, kind: ColumnKind): unknown {
  if (column === 'seq') return person.mark === ann.mark ? 1 : 2
  if (kind === 'integer') return now + column.length
  const link = linkOf(person, table, column)
  if (link !== undefined) return link
  const text = `${table}.${column} of ${person.mark}`
  if (kind === 'list') return [text]
  if (kind === 'flag') return true
  if (kind === 'object')
    return table === 'registered_clients'
      ? {}
      : { sub: 'another', note: text, act: { sub: person.sub, note: '\u0000"ä' } }
  return kind === 'bytes' ? Buffer.from(text) : text
}

/** Those of a stored user are written with the user. */
const filled = personalTables.filter(({ owner }) => owner !== 'principal')

const itemOf = (person: Person, [, { name, columns }]: (typeof allTables)[number]) =>
  Object.fromEntries(
    Object.entries(columns).map(([column, kind]) => [column, sampleOf(person, name, column, kind)]),
  )

/** Rows that a store can't attribute. */
const attributedTo = (person: Person): ErasureOptions['attributed'] => ({
  mails: [String(sampleOf(person, 'waiting_mails', 'id', 'text'))],
  events: [String(sampleOf(person, 'webhook_messages', 'event_id', 'text'))],
  counters: [sampleOf(person, 'attempts', 'hash', 'text') as never],
})

type Rows = Readonly<Record<string, readonly string[]>>

type World = {
  readonly stores: Stores
  readonly fill: (person: Person) => Promise<void>
  /** Every row that contains this text, by table. */
  readonly rowsWith: (text: string) => Promise<Rows>
  readonly end: () => Promise<void>
}

const textOf = (row: readonly unknown[]): string =>
  row
    .map(value => (value instanceof Uint8Array ? Buffer.from(value).toString() : JSON.stringify(value)))
    .join(' ')

const withRows = (found: readonly (readonly [string, readonly string[]])[], text: string): Rows =>
  Object.fromEntries(
    found.flatMap(([table, rows]) => {
      const own = rows.filter(row => row.includes(text)).toSorted()
      return own.length > 0 ? [[table, own]] : []
    }),
  )

function memoryWorld(): World {
  const tables = emptyTables()
  const tableOf = (name: TableName) => tables[name] as unknown as MemoryTable<Record<string, unknown>>
  return {
    stores: createMemoryStores(tables),
    async fill(person) {
      for (const { name, table } of filled) tableOf(name).put(present(itemOf(person, [name, table])))
      tables.principals.put({ kind: 'stored_user', id: person.sub, stands: 1 })
    },
    rowsWith: async text =>
      withRows(
        allTables.map(([key, { name }]) => [
          name,
          [...tableOf(key).values()].map(row => textOf(Object.values(row))),
        ]),
        text,
      ),
    end: async () => {},
  }
}

const present = (item: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(item).filter(([, value]) => value !== null))

async function databaseWorld(opened: OpenedArchives): Promise<World> {
  const { archives } = opened
  const tenantStores = await opened.stores()
  return {
    stores: tenantStores.main,
    async fill(person) {
      const target = await archives.target()
      for (const table of await target.tables()) {
        const declared = filled.find(one => one.table.name === table.name)
        if (!declared) continue
        const item = itemOf(person, [declared.name, declared.table])
        const row = Object.keys(table.columns).map(column => {
          const value = item[column] === undefined ? now : item[column]
          return isJson(declared.table.columns[column]) ? JSON.stringify(value) : value
        })
        await target.add(table, [row as never])
      }
      await target.close()
    },
    async rowsWith(text) {
      return withRows(
        Object.entries(await contentOf(archives)).map(([table, rows]) => [table, rows.map(textOf)]),
        text,
      )
    },
    async end() {
      await tenantStores.close()
      await opened.end()
    },
  }
}

const worlds: Readonly<Record<string, () => Promise<World>>> = {
  memory: async () => memoryWorld(),
  ...Object.fromEntries(
    databases.map(({ name, open }) => [name, async () => databaseWorld(await open())] as const),
  ),
}

const expectedRow = (person: Person, { table, columns }: (typeof personalTables)[number]) => {
  const values = present(
    Object.fromEntries(
      Object.entries(table.columns).map(([column, kind]) => [
        column,
        sampleOf(person, table.name, column, kind as ColumnKind),
      ]),
    ),
  )
  const shown = Object.entries(values).flatMap(([column, value]) => {
    if (columns[column] === 'data') return [[column, value]]
    return columns[column] === 'time' ? [[column, new Date(Number(value) * 1000).toISOString()]] : []
  })
  const withheld = Object.keys(values).filter(column => columns[column] === 'secret')
  return { ...Object.fromEntries(shown), ...(withheld.length > 0 && { withheld }) }
}

for (const [name, open] of Object.entries(worlds))
  describe(`personal data, ${name}`, () => {
    test('all rows of a person are exported, without secrets and without rows of others', async () => {
      const { stores, fill, end } = await open()
      for (const person of [ann, ben]) await fill(person)
      const rows = await stores.persons.rows(ann.sub, attributedTo(ann))
      const principal = { kind: 'stored_user', id: ann.sub, stands: 0 }
      assert.deepEqual(rows, {
        ...Object.fromEntries(filled.map(table => [table.section, [expectedRow(ann, table)]])),
        principals: [{ ...principal, stands: rows.principals?.[0]?.stands }],
      })
      const text = JSON.stringify(rows)
      assert.ok(!text.includes(ben.mark))
      for (const { table, columns } of filled)
        for (const column of Object.keys(columns).filter(one => columns[one] === 'secret'))
          assert.ok(!text.includes(`${table.name}.${column} of`), `${table.name}.${column}`)
      assert.deepEqual(await stores.persons.rows('nobody', { mails: [], events: [], counters: [] }), {})
      await end()
    })

    test('a deleted person is gone from every table, and rows of others are unchanged', async () => {
      const { stores, fill, rowsWith, end } = await open()
      for (const person of [ann, ben]) await fill(person)
      const others = await rowsWith(ben.mark)
      const named = Object.keys(await rowsWith(ann.mark))
      for (const { table, owner } of personalTables)
        if (owner !== 'last_user') assert.ok(named.includes(table.name), table.name)
      assert.deepEqual(Object.keys(await rowsWith(hashHandle(ann.sub))), ['registered_clients'])
      const options = { ...erasureOf(ann.sub), attributed: attributedTo(ann) }
      const ended = await stores.persons.erase(ann.sub, options)
      assert.deepEqual(
        ended?.map(({ session, clients }) => [session.sid, clients.length]),
        [[`sid ${ann.mark}`, 1]],
      )
      const kept = ['audit_records', 'erasures', 'logout_notices', 'standing']
      assert.deepEqual(Object.keys(await rowsWith(ann.mark)).toSorted(), kept)
      assert.deepEqual(await rowsWith(hashHandle(ann.sub)), {})
      assert.deepEqual(await rowsWith(ben.mark), others)
      // These remain for a time.
      const notices = await stores.logoutNotices.claim(now + 1000, now + 2000, 100)
      for (const notice of notices.filter(({ sub }) => sub === ann.sub))
        await stores.logoutNotices.remove(notice)
      assert.equal((await stores.persons.erasures()).length, 2)
      await stores.persons.finish(ann.sub)
      assert.deepEqual(Object.keys(await rowsWith(ann.mark)).toSorted(), ['audit_records', 'standing'])
      await end()
    })

    test('a person without a record is deleted, and may return; a stored user only once', async () => {
      const { stores, rowsWith, end } = await open()
      const { persons, sessions, consents } = stores
      await sessions.create(sampleSession({ sub: ann.sub }))
      await consents.save({ sub: ann.sub, client_id: 'web', scope: ['openid'], created_at: now })
      assert.equal(await persons.erase(ann.sub, erasureOf(ann.sub)), undefined)
      assert.equal((await sessions.ofUser(ann.sub)).length, 1)
      const outside = { ...erasureOf(ann.sub), stored: false }
      assert.equal((await persons.erase(ann.sub, outside))?.length, 1)
      assert.deepEqual(Object.keys(await rowsWith(ann.sub)), ['erasures'])
      assert.equal(await sessions.create(sampleSession({ sub: ann.sub })), true)
      await end()
    })

    test('of requests at the same time as a deletion, none leaves a row behind once it is finished', async () => {
      const { stores, rowsWith, end } = await open()
      await enablePrincipals(stores)
      const user = sampleUser({ sub: ann.sub, username: ann.mark, username_key: newHash() })
      const { sub } = user
      await stores.storedUsers.add(user)
      const request = async () => {
        const authorization = sampleAuthorization({ sub })
        const referenceToken = {
          ...{ hash: newHash(), client_id: 'web', authorization_id: authorization.id },
          ...{ claims: { sub }, expires_at: now + 600 },
        }
        await Promise.all([
          stores.sessions.create(sampleSession({ sub, epoch: 0 })),
          stores.commit(sampleCommit({ sub, epoch: 0, issue: { authorization, referenceToken } })),
          stores.codes.issue(...issued(sub)),
          stores.consents.save({ sub, client_id: newHash(), scope: ['openid'], created_at: now }),
          stores.recoveryCodes.replace(sub, [newHash()]),
        ])
      }
      const early = Array.from({ length: 4 }, request)
      const erased = stores.persons.erase(sub, erasureOf(sub))
      const late = Array.from({ length: 4 }, request)
      await Promise.all([...early, ...late])
      assert.ok(await erased)
      assert.deepEqual(await stores.sessions.ofUser(sub), [])
      // The job after the requests.
      await stores.persons.erase(sub, { ...erasureOf(sub), stored: false })
      await stores.persons.finish(sub)
      assert.deepEqual(Object.keys(await rowsWith(ann.mark)), ['standing'])
      await end()
    })

    test('a sign-in after a deletion is remembered until the deletion is finished, also when its session has ended', async () => {
      const { stores, end } = await open()
      const { sessions, persons } = stores
      const sub = `fed_${newHash()}`
      const returnedAt = async () => (await persons.erasures()).find(one => one.sub === sub)?.returned_at
      await persons.erase(sub, { ...erasureOf(sub), stored: false })
      const { erased_at } = erasureOf(sub).erasure
      // A request that began before the deletion.
      await sessions.create(sampleSession({ sub, auth_time: erased_at }))
      assert.equal(await returnedAt(), undefined)
      // The provider may state an earlier time.
      const session = sampleSession({ sub, auth_time: erased_at - 500, signed_in_at: erased_at + 2 })
      await sessions.create(session)
      assert.equal(await returnedAt(), erased_at + 2)
      const renewed = { ...session, hash: newHash(), signed_in_at: erased_at + 9 }
      assert.equal(await sessions.renew(session.hash, renewed), true)
      await sessions.end(session.sid, { at: now, revokes: 'all', notices_until: now + 600 })
      assert.equal(await returnedAt(), erased_at + 2)
      // A second deletion.
      const { erasure } = erasureOf(sub)
      const again = { ...erasure, erased_at: erased_at + 20 }
      await persons.erase(sub, { ...erasureOf(sub), erasure: again, stored: false })
      assert.equal(await returnedAt(), undefined)
      const last = sampleSession({ sub, auth_time: erased_at })
      await sessions.create(last)
      const later = { ...last, hash: newHash(), auth_time: erased_at + 21 }
      assert.equal(await sessions.renew(last.hash, later), true)
      assert.equal(await returnedAt(), erased_at + 21)
      await end()
    })

    test("a client's own tokens are kept when a person with the name of the client is deleted", async () => {
      const { stores, end } = await open()
      await enablePrincipals(stores)
      const token = (name: string, claims: JsonObject) => ({
        ...{ hash: hashHandle(name), client_id: 'web', claims, expires_at: now + 600 },
      })
      const tokens = [
        token('own', { sub: ann.sub }),
        token('delegated', { sub: 'another', act: { sub: 'web', act: { sub: ann.sub } } }),
        token('of others', { sub: 'another', act: { sub: ben.sub } }),
      ]
      for (const referenceToken of tokens)
        assert.equal(
          await stores.commit({ ...{ at: now, client_id: 'web' }, issue: { referenceToken } }),
          'committed',
        )
      const attributed = { mails: [], events: [], counters: [] }
      assert.equal((await stores.persons.rows(ann.sub, attributed)).reference_tokens?.length, 1)
      await stores.persons.erase(ann.sub, { ...erasureOf(ann.sub), stored: false })
      const found = await Promise.all(tokens.map(({ hash }) => stores.referenceTokens.find(hash)))
      assert.deepEqual(
        found.map(one => one !== undefined),
        [true, false, true],
      )
      await end()
    })

    test("the end of a user's access deletes only rows that are declared to end with it", async () => {
      const { stores, fill, rowsWith, end } = await open()
      await fill(ann)
      const user = (await stores.storedUsers.find(ann.sub))!
      const next = { ...user, version: user.version + 1, epoch: user.epoch + 1 }
      await stores.storedUsers.replace(next, accessEnding())
      const left = new Set(Object.keys(await rowsWith(ann.mark)))
      const gone = filled.flatMap(({ table, owner }) =>
        left.has(table.name) || owner === 'last_user' ? [] : [table.name],
      )
      const ending = ['sessions', 'session_clients', ...cascadingTables.map(([, table]) => table.name)]
      assert.deepEqual(gone.toSorted(), ending.toSorted())
      await end()
    })
  })

function issued(sub: string) {
  const authorization = sampleAuthorization({ sub })
  return [authorization, sampleCode(authorization)] as const
}

test('personal data, sqlite: a deletion reads no table as a whole that grows with the users', () => {
  const database = new DatabaseSync(':memory:')
  for (const migration of migrations) database.exec(migration)
  const scanned = [...statements.first, ...statements.rest].flatMap(sql => {
    const plan = database.prepare(`explain query plan ${sql}`).all(...personParameters(ann.sub))
    return plan.map(({ detail }) => String(detail)).filter(detail => /^SCAN (?!person|CONSTANT)/.test(detail))
  })
  database.close()
  // Requests at providers and devices are kept for minutes; the index contains only tokens with several subjects.
  assert.deepEqual(scanned, [
    'SCAN upstream_requests',
    'SCAN devices',
    'SCAN reference_tokens USING INDEX reference_tokens_subjects',
  ])
})
