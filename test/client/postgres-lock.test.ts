/** The lock by PostgreSQL that the docstring of `Lock` shows. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Lock } from '@tessera/client'
import pg from 'pg'
import { providePostgres } from '../support/postgres.ts'
import { readText } from '../support/repository.ts'
import { until } from '../support/until.ts'

let pools: pg.Pool[] = []
after(() => Promise.all(pools.map(pool => pool.end())))
const postgres = providePostgres()
before(async () => {
  const connectionString = await (await postgres()).database()
  // Idle connections end with the database.
  pools = [1, 2].map(() => new pg.Pool({ connectionString, max: 2 }).on('error', () => undefined))
})

/** Returns the function in the docstring. */
function exampleLock(pool: pg.Pool): Lock {
  const [, example = ''] =
    /```ts\n([\s\S]*?)\n \* ```/.exec(readText('packages/client/src/session/lock.ts')) ?? []
  const program = example.replace(/^ \* ?/gm, '').replace('const lock: Lock =', 'return')
  return new Function('pool', program)(pool)
}

test('lock by PostgreSQL: work in several processes runs one after another, also if it fails', async () => {
  const locks = pools.map(exampleLock)
  let running = 0
  const results = await Promise.allSettled(
    [0, 1, 2, 3].map(number =>
      locks[number % 2]!('a', async () => {
        running += 1
        assert.equal(running, 1)
        await new Promise(resolve => setTimeout(resolve, 10))
        running -= 1
        if (number === 1) throw new Error('failed')
      }),
    ),
  )
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  )
})

test('lock by PostgreSQL: the database releases it when the connection of its owner ends', async () => {
  const [first, second] = pools.map(exampleLock) as [Lock, Lock]
  let isHeld = false
  const working = Promise.withResolvers<void>()
  const lost = first('a', async () => {
    isHeld = true
    await working.promise
  })
  await until('the lock is held', () => isHeld)
  assert.equal(await second('b', async () => 'another name'), 'another name')
  const waiting = second('a', async () => 'free')
  // Tests in other databases of this server hold locks, too.
  const sessions = `select pid from pg_locks where locktype = 'advisory' and granted
    and database = (select oid from pg_database where datname = current_database())`
  const { rows } = await pools[1]!.query(sessions)
  assert.equal(rows.length, 1)
  await pools[1]!.query('select pg_terminate_backend($1)', [rows[0].pid])
  assert.equal(await waiting, 'free')
  working.resolve()
  await lost
})
