/**
 * Tables with many rows: the query plans of hot statements, what updates leave behind, and which requests wait for
 * clean-up.
 */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { connected } from '../../bench/src/postgres/plans/connection.ts'
import { explain, modes } from '../../bench/src/postgres/plans/explain.ts'
import { fillTables, livingKey, filledAt as now } from '../../bench/src/postgres/plans/fill.ts'
import { hotWork } from '../../bench/src/postgres/plans/hot-work.ts'
import { faultsOf } from '../../bench/src/postgres/plans/plan.ts'
import { takePlans } from '../../bench/src/postgres/plans/take.ts'
import { createCleanUp } from '../../packages/server/src/storage/postgres/clean-up.ts'
import { ask } from '../../packages/server/src/storage/postgres/connection.ts'
import type { Database } from '../../packages/server/src/storage/postgres/database.ts'
import { mainSchema } from '../../packages/server/src/storage/postgres/names.ts'
import { openPostgresTenantStores } from '../../packages/server/src/storage/postgres/stores.ts'
import { provideOwnPostgres } from '../support/postgres.ts'
import { day } from './stores/samples.ts'

// Its own server: a transaction open in any database of a server keeps old rows, and then updates are not
// heap-only.
const postgres = provideOwnPostgres()
let filled = ''
before(async () => {
  filled = await (await postgres()).database()
  await fillTables(filled)
})
/** The address of a database with the same rows. */
const copy = async (): Promise<string> =>
  (await postgres()).database(`template ${new URL(filled).pathname.slice(1)}`)

test('postgres: every hot statement finds its rows by an index, and neither scans nor sorts a table', async () => {
  const faults: string[] = []
  let explained = 0
  for (const { name, statements } of await takePlans(await copy()))
    for (const { text, plans } of statements) {
      explained += 1
      for (const [index, plan] of plans.entries())
        for (const fault of faultsOf(plan)) faults.push(`${name} ${fault}, ${modes[index]?.name}:\n${text}`)
    }
  assert.deepEqual(faults, [])
  assert.ok(explained > hotWork.length, `only ${explained} statements`)
})

test('postgres: a plan made while the tables were empty also finds its rows by an index', async () => {
  const url = await (await postgres()).database()
  await (await openPostgresTenantStores({ url })).close()
  const faults = (await takePlans(url)).flatMap(({ name, statements }) =>
    // As the pool sets it.
    statements.flatMap(({ plans }) =>
      plans.slice(0, 2).flatMap(plan => faultsOf(plan).map(fault => `${name} ${fault}`)),
    ),
  )
  assert.deepEqual(faults, [])
})

test('postgres: the check detects statements that scan or sort a table', () =>
  connected(filled, async client => {
    const sweep = 'select hash from codes where clean_at <= $1 order by clean_at limit 500'
    for (const [text, values, fault] of [
      ['select * from codes where hash = $1', ['x'], undefined],
      [sweep, [now], undefined],
      ['select * from codes where redirect_uri = $1', ['x'], 'reads all of codes'],
      ['select count(*) from codes where clean_at <= $1', [now], 'rows by codes_clean_at'],
      ['select hash from codes where clean_at <= $1 order by redirect_uri', [now], 'sorts'],
      [`delete from codes where hash in (${sweep})`, [now], 'reads all of codes'],
    ] as const) {
      const { plans } = await explain(client, { text, values, alone: false })
      const faults = plans.flatMap(plan => faultsOf(plan))
      if (fault === undefined) assert.deepEqual(faults, [])
      else assert.ok(faults.join().includes(fault), `${text}: ${faults}`)
    }
  }))

test('postgres: columns that change with each use of a row are in no index: all such updates are heap-only', async () => {
  const url = await copy()
  const { main: stores, close } = await openPostgresTenantStores({ url })
  const keys = Array.from({ length: 40 }, (_, index) => livingKey(index))
  const again = 5
  for (const key of keys) {
    for (let time = 1; time <= again; time++) {
      const idleExpiresAt = now + day + time
      const rotation = {
        kind: 'refresh_rotation',
        family: key as never,
        generation: time,
        idleExpiresAt,
      } as const
      const asked = { id: key as never, until: now + 2 * day + time }
      const outcome = await stores.commit({
        at: now,
        client_id: key,
        sub: key,
        authorization: asked,
        use: rotation,
      })
      assert.equal(outcome, 'committed')
      await stores.sessions.touch(key as never, { last_seen_at: now + time, idle_expires_at: idleExpiresAt })
      assert.equal(await stores.attempts.count([{ hash: key as never, most: 100, span: day }], now), 0)
      await stores.attempts.forgive([key as never])
      await stores.devices.recordPoll(key as never, now + time, true)
    }
    assert.equal(await stores.codes.burn(key as never, now), true)
    await stores.authorizations.revoke(key as never, now)
  }
  await close()
  const updates = await connected(url, async client => {
    const { rows } = await client.query(
      'select relname as table, n_tup_upd as all, n_tup_hot_upd as heap_only from pg_stat_user_tables where n_tup_upd > 0 order by 1',
    )
    return Object.fromEntries(rows.map(row => [row.table, [Number(row.all), Number(row.heap_only)]]))
  })
  const [each, once] = [keys.length * again, keys.length]
  assert.deepEqual(updates, {
    attempts: [2 * each, 2 * each],
    authorizations: [each + once, each + once],
    codes: [once, once],
    devices: [each, each],
    families: [each, each],
    sessions: [each, each],
  })
})

test('postgres: during clean-up of every table, no request for live rows waits for it', async () => {
  const url = await copy()
  const { main: stores, close } = await openPostgresTenantStores({ url })
  await connected(url, async client => {
    // It ends when all requests have been made: a clean-up can't be slower.
    await client.query('begin; set local enable_seqscan = off')
    const run: Database['run'] = (text, values) => ask(client, text, values)
    const cleanUp = createCleanUp({ schema: mainSchema, run, locked: (_, work) => work(run) })
    assert.ok((await cleanUp(now)) > 100_000)
    for (const [index, { name, ask }] of hotWork.entries())
      await assert.doesNotReject(async () => ask(stores, livingKey(index)), name)
    const durable = async () => (await client.query('show synchronous_commit')).rows[0].synchronous_commit
    assert.equal(await durable(), 'off')
    await client.query('rollback')
    assert.equal(await durable(), 'on')
  })
  await close()
})
