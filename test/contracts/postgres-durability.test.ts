/** `synchronous_commit = off` is overridden, and settings that may lose acknowledged commits are logged. */

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import { openPool } from '../../packages/server/src/storage/postgres/database.ts'
import { openPostgresTenantStores } from '../../packages/server/src/storage/postgres/stores.ts'
import { startPostgres } from '../support/postgres.ts'

const server = await startPostgres()
after(() => server.remove())

const sql = async (url: string, text: string): Promise<void> => {
  const connection = await openConnection({ url })
  await connection.run(text, [])
  await connection.close()
}

/** The events that a start with this database logs as warnings. */
async function warningsAt(url: string): Promise<readonly string[]> {
  const events: string[] = []
  const tenantStores = await openPostgresTenantStores({
    url,
    log: { ...silentLog, warn: event => void events.push(event) },
  })
  await tenantStores.close()
  return events
}

async function commitsAt(url: string): Promise<unknown> {
  const pool = openPool({ url })
  try {
    return (await pool.of('tessera').run("select current_setting('synchronous_commit')", [])).rows[0]?.[0]
  } finally {
    await pool.close()
  }
}

test("postgres: a commit is on disk before it is acknowledged, regardless of the database's default", async () => {
  const url = await server.database()
  const name = new URL(url).pathname.slice(1)
  assert.deepEqual(await warningsAt(url), [])
  for (const [configured, used, warnings] of [
    ['off', 'on', ['database_commits_unsafe']],
    ['on', 'on', []],
    ['remote_apply', 'remote_apply', []],
    ['local', 'local', []],
  ] as const) {
    await sql(url, `alter database ${name} set synchronous_commit = '${configured}'`)
    assert.equal(await commitsAt(url), used)
    assert.deepEqual(await warningsAt(url), warnings, configured)
  }
})

test('postgres: a standby whose promotion may lose acknowledged commits is logged', async () => {
  const url = await server.database()
  const standby = await server.standby()
  try {
    assert.deepEqual(await warningsAt(url), ['database_standby_asynchronous'])
  } finally {
    await standby.remove()
  }
})
