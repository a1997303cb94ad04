/**
 * Rows with values that the server can't have written, as after a damaged restore or a change by hand: such a row harms
 * only its owner, and the log names it.
 */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { after, test } from 'node:test'
import type { TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import { InvalidStoredValue } from '../../packages/server/src/runtime/ports.ts'
import { codecs as postgresCodecs } from '../../packages/server/src/storage/postgres/codecs.ts'
import { codecs as sqliteCodecs } from '../../packages/server/src/storage/sqlite/codecs.ts'
import { openSqliteTenantStores } from '../../packages/server/src/storage/sqlite/stores.ts'
import { fullPage } from '../../packages/server/src/storage/tables/full-page.ts'
import { createInvalidValueLog } from '../../packages/server/src/storage/tables/invalid-values.ts'
import type { ColumnKind } from '../../packages/server/src/storage/tables/table.ts'
import { allTables } from '../../packages/server/src/storage/tables/tables.ts'
import { tokensOf } from '../support/accounts.ts'
import { adminWorld, startAdmin } from '../support/admin.ts'
import { createBrowser } from '../support/browser.ts'
import { logoutWorld, signInAt } from '../support/logout-world.ts'
import { createTestServer } from '../support/tessera.ts'

const huge = 2n ** 60n

/** Values that a database accepts in a column of each kind. */
const invalid = {
  text: [],
  bytes: [],
  integer: [huge, 2 ** 60],
  list: ['', '["a"', 'null', '5', '{}', '[1]'],
  object: ['', '{"a":[1', 'null', '"x"', '[]'],
  flag: ['', 'null', '1', '{}'],
} as const satisfies Record<ColumnKind, readonly unknown[]>

const valid = {
  text: 'text',
  integer: 1,
  bytes: new Uint8Array(1),
  list: '["a"]',
  object: '{}',
  flag: 'true',
}

test('rows: a value of another kind is refused with its column and row, and a list omits the row, in every table', () => {
  let checked = 0
  for (const [name, { name: table, columns }] of allTables) {
    const kinds = Object.entries<ColumnKind>(columns)
    const row = kinds.map(([, kind]) => valid[kind])
    for (const [index, [column, kind]] of kinds.entries())
      for (const value of invalid[kind])
        for (const codec of [sqliteCodecs[name], postgresCodecs[name]]) {
          const damaged = row.with(index, value as never)
          const isOfColumn = ({ fields }: InvalidStoredValue): boolean =>
            fields.value === `${table}.${column}`
          assert.throws(
            () => codec.decode(damaged),
            error => error instanceof InvalidStoredValue && isOfColumn(error),
            `${table}.${column} = ${value}`,
          )
          const logged: unknown[] = []
          const source = {}
          const log = { error: (event: string, fields: object) => logged.push({ event, ...fields }) }
          createInvalidValueLog(log as never)(source)
          for (let reading = 0; reading < 2; reading++)
            assert.equal(codec.decodeAll(source, [row, damaged, row]).length, 2)
          assert.equal(logged.length, 1)
          assert.match(JSON.stringify(logged), new RegExp(`stored_value_invalid.*"${table}\\.${column}"`))
          checked++
        }
  }
  assert.ok(checked > 500, String(checked))
})

test('rows: a page is full although rows are omitted from it, so that it is not taken for the last one', async () => {
  const rows = Array.from({ length: 10 }, (_, id) => [id])
  const read = ([last] = [-1] as readonly unknown[]) =>
    rows.filter(([id = 0]) => id > Number(last)).slice(0, 3)
  const page = (omitted: (id: unknown) => boolean) =>
    fullPage(3, read, found => found.flatMap(([id]) => (omitted(id) ? [] : [id])))
  assert.deepEqual(await page(() => false), [0, 1, 2])
  assert.deepEqual(await page(id => Number(id) < 5), [5, 6, 7])
  assert.deepEqual(await page(id => id !== 9), [9])
  assert.deepEqual(await page(() => true), [])
})

async function openFile() {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-rows-'))
  after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'tessera.db')
  const open = (): Promise<TenantStores> => openSqliteTenantStores({ file })
  return {
    open,
    edit(sql: string, ...values: readonly SQLInputValue[]) {
      const database = new DatabaseSync(file)
      const { changes } = database.prepare(sql).run(...values)
      database.close()
      assert.equal(Number(changes), 1, sql)
    },
  }
}

const world = {
  ...adminWorld,
  clients: [
    ...adminWorld.clients,
    {
      ...{
        client_id: 'direct',
        client_secrets: [{ value: 's' }],
        grant_types: ['password', 'refresh_token'],
      },
      scope: 'openid email api1 offline_access',
    },
  ],
}
const password = 'seven purple kettles'
const userOf = (username: string) => ({ username, email: `${username}@example.com`, claims: {}, password })

test('rows: damaged users, clients, resources and keys harm neither others nor a start', async () => {
  const { open, edit } = await openFile()
  const first = await startAdmin(world, { tenantStores: await open() })
  const { sub: ann } = (await first.call('POST', '/users', userOf('ann'))).json
  const { sub: ben } = (await first.call('POST', '/users', userOf('ben'))).json
  const secrets = { client_secrets: [{ value: 'a-secret-that-is-long-enough' }] }
  for (const id of ['bad', 'good', 'needy'])
    await first.call('PUT', `/clients/${id}`, {
      ...secrets,
      grant_types: ['client_credentials'],
      scope: 'api1',
    })
  await first.call('PUT', '/api-scopes/bad', { display_name: 'Bad' })
  const [{ kid = '' } = {}] = first.server.keys.list()
  await first.server.close()

  edit(`update stored_users set claims = '{"a":' where username = 'ann'`)
  edit(`insert into identity_links values ('corp', 'ben at corp', ?, null, ?)`, ben, huge)
  edit(`update entries set entry = 'null' where id = 'bad' and kind = 'clients'`)
  edit(`update entries set needs = '[' where id = 'needy'`)
  edit(`update entries set kind = 'nonsense' where kind = 'api_scopes'`)
  edit('update keys set sealed = ? where kid = ?', Buffer.alloc(200), kid)

  const { server, call } = await startAdmin(world, { tenantStores: await open() })
  assert.equal((await tokensOf(server, 'ben', password)).status, 200)
  const ofAnn = await tokensOf(server, 'ann', password)
  assert.deepEqual([ofAnn.status, ofAnn.json.error], [500, 'server_error'])
  const usernames = (await call('GET', '/users')).json.items.map(
    (user: { username: string }) => user.username,
  )
  assert.deepEqual([usernames.includes('ann'), usernames.includes('ben')], [false, true])
  assert.equal((await call('GET', '/clients')).status, 200)
  // Nothing is withheld from a person because it is damaged.
  const dataOfBen = await call('GET', `/users/${ben}/personal-data`)
  assert.equal(dataOfBen.body.includes('ben at corp'), true, dataOfBen.body)
  const dataOfAnn = await call('GET', `/users/${ann}/personal-data`)
  assert.equal(dataOfAnn.body.includes('ann@example.com'), true, dataOfAnn.body)
  const remove = (headers?: Record<string, string>) => call('DELETE', `/users/${ann}`, undefined, headers)
  assert.equal((await remove()).status, 428)
  assert.equal((await remove({ 'if-match': '"1"' })).status, 412)
  assert.equal((await remove({ 'if-match': '*' })).status, 204)
  assert.equal((await call('GET', `/users/${ann}`)).status, 404)
  const machine = { client: ['good', 'a-secret-that-is-long-enough'] } as const
  assert.equal((await server.token({ grant_type: 'client_credentials', scope: 'api1' }, machine)).status, 200)
  assert.equal(
    server.keys.list().some(key => key.kid === kid),
    false,
  )
  const { keys } = (await server.send('GET', '/.well-known/openid-configuration/jwks')).json
  assert.deepEqual([keys.length > 0, keys.some((key: { kid: string }) => key.kid === kid)], [true, false])
  const events = new Set(server.logged.map(({ event }) => event))
  for (const event of ['stored_value_invalid', 'entry_invalid', 'key_damaged'])
    assert.ok(events.has(event), event)
})

test('rows: a damaged session or authorization does not keep sessions from ending, nor their clients from being told', async () => {
  const { open, edit } = await openFile()
  const posts: string[] = []
  const server = await createTestServer(
    { ...logoutWorld, sessions: { end_on_expiry: true } },
    {
      tenantStores: await open(),
      outbound: async url => {
        posts.push(String(url))
        return { ok: true, status: 200, headers: {}, body: '' }
      },
    },
  )
  for (const client of ['web', 'shop', 'wiki']) await signInAt(server, createBrowser(server), [client])
  const [one, two, three] = await server.stores.sessions.ofUser('1')
  assert.ok(one && two && three)
  edit(`update sessions set claims = '{' where sid = ?`, one.sid)
  edit('update sessions set created_at = ? where sid = ?', huge, three.sid)
  edit(`update authorizations set scope = '[' where sid = ?`, two.sid)
  server.clock.advance(60 * 86_400)
  await server.runLogouts()
  assert.deepEqual(await server.stores.sessions.ofUser('1'), [])
  assert.deepEqual([...new Set(posts)].toSorted(), ['https://shop.example/back', 'https://wiki.example/back'])
})
