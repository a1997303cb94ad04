/** Commands that only say what they would change write nothing: neither a store, nor a schema, nor a key. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import { testFolder } from '../support/folder.ts'
import { providePostgres } from '../support/postgres.ts'
import { masterKey } from '../support/tessera.ts'
import { tessera } from './shared-process.ts'

const postgres = providePostgres()
const tables = fileURLToPath(new URL('../migration/fixtures/identityserver4-tables.json', import.meta.url))
const entry = JSON.stringify({ client_id: 'new', grant_types: ['client_credentials'] })
const withSecret = JSON.stringify({ ...JSON.parse(entry), client_secrets: [{ value: 'a-secret-for-tests' }] })

const configuration = (storage: string) =>
  JSON.stringify({
    ...{ storage, accounts: {}, clients: [] },
    tenants: [{ name: 'acme', issuer: 'path', accounts: {}, clients: [] }],
  })

/** Each dry run of the command line, with and without a tenant, and what it reads. */
const commandsWith = (config: string): readonly (readonly [words: readonly string[], input: string])[] =>
  [[], ['--tenant', 'acme']].flatMap(tenant => [
    [['import', '--from', 'identityserver', tables, '--config', config, ...tenant], ''],
    [['clients', 'add', '--dry-run', '--config', config, ...tenant], withSecret],
    [['users', 'add', '--username', 'new', '--no-password', '--dry-run', '--config', config, ...tenant], ''],
    [['users', 'delete', '--user', 'nobody', '--dry-run', '--config', config, ...tenant], ''],
  ])

const isDone = [
  /users: would be added 2/,
  /would be added id="new"/,
  /would be added sub=/,
  /no such user in the store/,
]

test('dry run: a store that does not exist counts as empty, and is not created', async () => {
  const folder = testFolder()
  const file = await folder.write('tessera.json', configuration('sqlite:./new.db'))
  for (const [index, [words, input]] of commandsWith(file).entries()) {
    const { stdout, stderr } = await tessera(words, input)
    assert.match(stdout + stderr, isDone[index % 4]!, words.join(' '))
    assert.deepEqual(readdirSync(folder.at('.')), ['tessera.json'], words.join(' '))
  }
  const unknown = await tessera([
    'import',
    '--from',
    'identityserver',
    tables,
    '--config',
    file,
    '--tenant',
    'x',
  ])
  assert.match(unknown.stderr, /no tenant "x"/)
  assert.deepEqual(readdirSync(folder.at('.')), ['tessera.json'])
})

test('dry run: a database has the same rows afterwards, and one of another version is refused', async () => {
  const folder = testFolder()
  const file = await folder.write('tessera.json', configuration('sqlite:./used.db'))
  const database = folder.at('used.db')
  assert.equal((await tessera(['keys', 'rotate', '--config', file])).code, 0)
  const rows = () => rowsIn(database)
  const before = rows()
  for (const [index, [words, input]] of commandsWith(file).entries()) {
    const { stdout, stderr } = await tessera(words, input)
    assert.match(stdout + stderr, isDone[index % 4]!, words.join(' '))
    assert.equal(rows(), before, words.join(' '))
  }
  assert.ok(!readdirSync(folder.at('.')).includes('used.db.tenants'))

  const opened = new DatabaseSync(database)
  opened.exec('pragma user_version = 3')
  opened.close()
  for (const [words, input] of commandsWith(file)) {
    const { code, stderr } = await tessera(words, input)
    assert.equal(code, 1)
    assert.match(stderr, /the store has schema 3, and this command reads \d+; run tessera migrate first/)
  }
})

test('dry run: in PostgreSQL, no schema is created', async () => {
  const folder = testFolder()
  const { database } = await postgres()
  // A new one: a used one keeps its schema.
  const url = await database('template template0')
  await folder.write('master.key', masterKey)
  const text = { ...JSON.parse(configuration(url)), master_key_file: './master.key' }
  const file = await folder.write('tessera.json', JSON.stringify(text))
  for (const [index, [words, input]] of commandsWith(file).entries()) {
    const { stdout, stderr } = await tessera(words, input)
    assert.match(stdout + stderr, isDone[index % 4]!, words.join(' '))
  }
  const connection = await openConnection({ url })
  const { rows } = await connection.run("select nspname from pg_namespace where nspname like 'tessera%'", [])
  await connection.close()
  assert.deepEqual(rows, [])
})

/** Returns a digest of all rows of a database file. */
function rowsIn(file: string): string {
  const database = new DatabaseSync(file, { readOnly: true })
  const tablesOf = database.prepare("select name from sqlite_schema where type = 'table' order by name").all()
  const all = tablesOf.map(({ name }) => [name, database.prepare(`select * from "${name}"`).all()])
  database.close()
  return createHash('sha256')
    .update(JSON.stringify(all))
    .update(readFileSync(`${file}.key`))
    .digest('hex')
}
