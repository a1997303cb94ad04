/** PostgreSQL: the address, TLS modes, and libpq's password file, without the driver's deprecation warnings. */

import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { browserHint } from '../../packages/server/src/cli/serve.ts'
import type { Value } from '../../packages/server/src/storage/postgres/codecs.ts'
import { openConnection, settingsOf } from '../../packages/server/src/storage/postgres/connection.ts'
import { openPool } from '../../packages/server/src/storage/postgres/database.ts'
import { passwordOfFile } from '../../packages/server/src/storage/postgres/pass-file.ts'
import { testFolder } from '../support/folder.ts'
import { providePostgres } from '../support/postgres.ts'

const folder = testFolder()
const postgres = providePostgres()
const warnings: string[] = []
const note = ({ message }: Error): void => void warnings.push(message)
const passFile = process.env.PGPASSFILE
before(() => process.on('warning', note))
after(() => {
  process.off('warning', note)
  if (passFile === undefined) delete process.env.PGPASSFILE
  else process.env.PGPASSFILE = passFile
})

async function usePassFile(text: string, mode = 0o600): Promise<void> {
  const file = folder.at('pgpass')
  await writeFile(file, text)
  await chmod(file, mode)
  process.env.PGPASSFILE = file
}

const place = { host: 'db.example', port: 5432, database: 'tessera', user: 'me' }

test('postgres: every sslmode with TLS verifies the certificate, as before, and prints no warning', async () => {
  for (const mode of ['prefer', 'require', 'verify-ca', 'verify-full']) {
    const { ssl } = settingsOf({ url: `postgres://u:p@db.example/x?sslmode=${mode}` })
    assert.deepEqual(ssl, {}, mode)
  }
  assert.equal(settingsOf({ url: 'postgres://u:p@db.example/x?sslmode=disable' }).ssl, false)
  assert.equal(settingsOf({ url: 'postgres://u:p@db.example/x' }).ssl, false)
  await new Promise(setImmediate)
  assert.deepEqual(warnings, [])
})

for (const [name, text, expected] of [
  ['an exact line', 'db.example:5432:tessera:me:right', 'right'],
  [
    'the first line that fits',
    '# a comment\n\ndb.example:1:*:*:wrong\n*:*:*:*:right\n*:*:*:me:late',
    'right',
  ],
  ['escaped characters', 'db.example:5432:tessera:me:a\\:b\\\\c:d', 'a:b\\c:d'],
  ['line breaks of Windows', '*:*:*:other:wrong\r\n*:*:*:me:right\r\n', 'right'],
  ['no line for this user', '*:*:*:other:wrong', undefined],
  ['a line without a password', 'db.example:5432:tessera:me', undefined],
] as const)
  test(`postgres: the password file: ${name} [PostgreSQL §34.16]`, async () => {
    await usePassFile(text)
    assert.equal(passwordOfFile(place), expected)
  })

test('postgres: a password file that others may read is ignored, and so is a missing one', async () => {
  await usePassFile('*:*:*:*:right', 0o644)
  assert.equal(passwordOfFile(place), undefined)
  process.env.PGPASSFILE = folder.at('missing')
  assert.equal(passwordOfFile(place), undefined)
  await usePassFile('localhost:5432:tessera:me:right')
  assert.equal(passwordOfFile({ ...place, host: '/run/postgresql' }), 'right')
})

test('postgres: a connection uses the password file, and the driver prints no warning', async () => {
  const server = await postgres()
  const owner = await openConnection({ url: server.address })
  const role = `passfile_${process.pid}`
  await owner.script(`create role ${role} login password 'in a file'`)
  await owner.close()
  await usePassFile(`*:*:*:${role}:in a file`)
  const url = Object.assign(new URL(server.address), { username: role, password: '' }).href
  const connection = await openConnection({ url: url.replace(':@', '@') })
  assert.deepEqual((await connection.run('select current_user::text', [])).rows, [[role]])
  await connection.close()
  assert.deepEqual(warnings, [])
})

test('postgres: statements find the isolation and the formats that they rely on, whatever the database defaults to', async () => {
  const server = await postgres()
  const url = await server.database()
  const name = new URL(url).pathname.slice(1)
  const owner = await openConnection({ url: server.address })
  for (const setting of [
    "default_transaction_isolation = 'repeatable read'",
    'bytea_output = escape',
    'array_nulls = off',
  ])
    await owner.script(`alter database ${name} set ${setting}`)
  await owner.close()
  const look = "select current_setting('transaction_isolation'), $1::bytea, ($2::text[])[2] is null"
  const bytes = Uint8Array.of(0, 92, 255)
  const pool = openPool({ url })
  const connection = await openConnection({ url })
  const { run, locked } = pool.of('tessera')
  for (const way of [
    run,
    connection.run,
    (sql: string, values: readonly Value[]) => locked(['one'], inside => inside(sql, values)),
  ])
    assert.deepEqual((await way(look, [bytes, ['', null]])).rows, [['read committed', bytes, true]])
  await connection.close()
  await pool.close()
})

test('serve: a browser is sent to the issuer instead of an IP address, because passkeys need a domain', () => {
  const hint = browserHint({ issuer: 'http://localhost:5080' }, 'http://127.0.0.1:5080')
  assert.match(hint, /^in a browser, use the issuer http:\/\/localhost:5080: .*\n$/)
  assert.equal(browserHint({ issuer: 'http://127.0.0.1:5080' }, 'http://127.0.0.1:5080'), '')
  assert.equal(browserHint({ issuer: 'http://localhost:5080' }, 'http://localhost:5080'), '')
  assert.equal(browserHint({ issuer: 'https://id.example' }, 'http://127.0.0.1:5080'), '')
})
