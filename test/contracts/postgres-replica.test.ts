/** A streaming standby beside PostgreSQL for reads of registered clients: a real one, whose replay can be paused. */

import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { RegisteredClients, TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import type { Database, Pool } from '../../packages/server/src/storage/postgres/database.ts'
import { followReplica } from '../../packages/server/src/storage/postgres/replica.ts'
import { openPostgresTenantStores } from '../../packages/server/src/storage/postgres/stores.ts'
import { type Standby, startPostgres } from '../support/postgres.ts'
import { textsOf } from '../support/repository.ts'
import { until } from '../support/until.ts'
import { sampleRegisteredClient } from './stores/registered-clients.ts'
import { newHash, sampleCommit, sampleReferenceToken } from './stores/samples.ts'

const server = await startPostgres()
const standby: Standby = await server.standby()
after(async () => {
  await standby.remove()
  await server.drop()
  await server.remove()
})

const opened: TenantStores[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(tenantStores => tenantStores.close()))
  await atStandby('select pg_wal_replay_resume()')
})

const sql = async (url: string, text: string) => {
  const connection = await openConnection({ url })
  const { rows } = await connection.run(text, [])
  await connection.close()
  return rows
}
const atStandby = (text: string) => sql(standby.at(server.address), text)

async function open(url: string, replica = standby.at(url)) {
  const events: string[] = []
  const note = (event: string) => void events.push(event)
  const log = { ...silentLog, warn: note, info: note }
  const tenantStores = await openPostgresTenantStores({ url, replica, log })
  opened.push(tenantStores)
  const { registeredClients: clients } = tenantStores.main
  return {
    ...tenantStores.main,
    clients,
    replica: clients.replica ?? assert.fail('it reads no replica'),
    events,
  }
}

/**
 * Changes a row without notifying any node while the standby is paused, until a response shows that the standby was
 * read.
 */
async function heldAndRead(url: string, copy: Pick<RegisteredClients, 'find'>, id: string): Promise<number> {
  for (let version = 2; ; version++) {
    await atStandby('select pg_wal_replay_resume()')
    await setTimeout(1000)
    await atStandby('select pg_wal_replay_pause()')
    await until(
      'the standby pauses',
      async () => (await atStandby('select pg_get_wal_replay_pause_state()'))[0]?.[0] === 'paused',
    )
    await sql(url, `update tessera.registered_clients set version = ${version} where client_id = '${id}'`)
    if ((await copy.find(id))?.version !== version) return version
  }
}

test('replica: only registered clients are read from it', () => {
  const readers = [...textsOf('packages/server/src/**/*.ts')]
    .filter(([, text]) => /\breplica\??\.(?:query|runOf)\b/.test(text))
    .map(([file]) => file)
  assert.deepEqual(readers, ['packages/server/src/storage/postgres/registered-clients.ts'])
})

test('replica: registered clients are read from it, unless it is too far behind', async () => {
  const url = await server.database()
  const { clients, replica: copy, events } = await open(url)
  const client = sampleRegisteredClient()
  await clients.add(client, 10)
  const version = await heldAndRead(url, copy, client.client_id)
  assert.equal((await clients.find(client.client_id))?.version, version)
  await until(
    'the standby has the version',
    async () => (await copy.find(client.client_id))?.version === version,
  )
  await until('the replica is not used', () => events.includes('database_replica_disconnected'))
  await atStandby('select pg_wal_replay_resume()')
  await until('the replica is used', () => events.includes('database_replica_connected'))
})

test('replica: an added, changed or removed client takes effect immediately, however far the replica is behind', async () => {
  const url = await server.database()
  const [one, other] = [await open(url), await open(url)]
  const client = sampleRegisteredClient()
  const { client_id } = client
  await one.clients.add(client, 10)
  await heldAndRead(url, one.replica, client_id)
  const added = sampleRegisteredClient()
  await one.clients.add(added, 10)
  assert.deepEqual(await one.replica.find(added.client_id), added)
  assert.deepEqual(await other.replica.find(added.client_id), added)
  const { version } = (await one.clients.find(client_id)) ?? assert.fail()
  const changed = { ...client, version: version + 1, client_secret_hash: newHash() }
  assert.equal(await one.clients.replace(changed), true)
  assert.deepEqual(await one.replica.find(client_id), changed)
  await until(
    'the other node has the next version',
    async () => (await other.replica.find(client_id))?.version === version + 1,
  )
  assert.equal(await one.clients.remove(client_id), true)
  assert.equal(await one.replica.find(client_id), undefined)
  // A client that another node still finds gets nothing: the write checks the primary.
  const token = sampleReferenceToken()
  const issue = sampleCommit({ client_id, sub: undefined, issue: { referenceToken: token } })
  assert.equal(await other.commit(issue), 'revoked')
  await until(
    'the other node has the removal',
    async () => (await other.replica.find(client_id)) === undefined,
  )
})

test('replica: while it is unreachable the primary is read, and this is logged once', async () => {
  const url = await server.database()
  const { clients, replica: copy, events } = await open(url)
  const client = sampleRegisteredClient()
  await clients.add(client, 10)
  await heldAndRead(url, copy, client.client_id)
  await atStandby('select pg_wal_replay_resume()')
  await standby.stop()
  try {
    for (let time = 0; time < 20; time++) assert.ok(await copy.find(client.client_id))
    await until('the replica is not used', () => events.includes('database_replica_disconnected'))
    for (let time = 0; time < 20; time++) assert.ok(await copy.find(client.client_id))
  } finally {
    await standby.start()
  }
  await until('the replica is used', () => events.includes('database_replica_connected'))
  const said = events.filter(event => event.startsWith('database_replica'))
  for (const [index, event] of said.entries())
    assert.equal(event, index % 2 === 0 ? 'database_replica_disconnected' : 'database_replica_connected')
  await heldAndRead(url, copy, client.client_id)
})

test('replica: a database that is not a standby is not used', async () => {
  const [url, elsewhere] = [await server.database(), await server.database()]
  await open(elsewhere)
  const { clients, replica: copy, events } = await open(url, elsewhere)
  await until('the replica is not used', () => events.includes('database_replica_disconnected'))
  const client = sampleRegisteredClient()
  await clients.add(client, 10)
  assert.deepEqual(await copy.find(client.client_id), client)
})

test('replica: a standby of another cluster is not used, however far ahead it is', async t => {
  const elsewhere = await startPostgres({ unrelated: true })
  let foreign: Standby | undefined
  t.after(async () => {
    await foreign?.remove()
    await elsewhere.remove()
  })
  foreign = await elsewhere.standby()
  const url = await server.database()
  const replica = foreign.at(elsewhere.address)
  await open(url)
  const [[far] = []] = await sql(server.address, `select (pg_current_wal_lsn() + 67108864)::text`)
  await until('the other cluster is far ahead', async () => {
    await sql(
      elsewhere.address,
      `select pg_switch_wal()::text from pg_logical_emit_message(false, 'test', 'x')`,
    )
    const ahead = await sql(replica, `select pg_last_wal_replay_lsn() > '${far}'::pg_lsn`)
    return ahead[0]?.[0] === true
  })
  const { clients, replica: copy, events } = await open(url, replica)
  await until('the replica is not used', () => events.includes('database_replica_disconnected'))
  const client = sampleRegisteredClient()
  await clients.add(client, 10)
  assert.deepEqual(await copy.find(client.client_id), client)
})

test('replica: one that stops answering costs a request one second before the primary is asked', async t => {
  const answers = async () => ({ rows: [[true]], count: 1 })
  const primary = { schema: 'tessera', run: async () => ({ rows: [['0/0', '1']], count: 1 }) }
  const pool = { of: () => ({ schema: 'tessera', run: answers }), close: async () => {} }
  const replica = followReplica(primary as unknown as Database, pool as unknown as Pool)
  t.after(() => replica.close())
  const asks = (there: () => Promise<string>) =>
    replica.query(
      there,
      async () => 'primary',
      look => look(),
    )
  await until('the standby is used', async () => (await asks(async () => 'standby')) === 'standby')
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const asked = asks(() => new Promise(() => {}))
  t.mock.timers.tick(1000)
  assert.equal(await asked, 'primary')
})
