/** Commands that read a store change nothing: they refuse one without Tessera's tables, and one of an earlier schema. */

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openUsers } from '../../packages/server/src/app/administration.ts'
import { backUpStores, exportStores, importStore } from '../../packages/server/src/app/archives.ts'
import { recordStoreCommand } from '../../packages/server/src/app/store-commands.ts'
import type { Configuration } from '../../packages/server/src/configuration/configuration.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { withOrigin } from '../../packages/server/src/runtime/async/origin.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { migrations } from '../../packages/server/src/storage/sqlite/schema.ts'
import { openSqliteTenantStores } from '../../packages/server/src/storage/sqlite/stores.ts'
import { testFolder } from '../support/folder.ts'
import { providePostgres } from '../support/postgres.ts'
import { issuer, masterKey } from '../support/tessera.ts'

const folder = testFolder()
const report = () => {}
let count = 0

function configurationOf(storage: string, others: object = {}): Configuration {
  const parsed = parseConfiguration(
    { issuer, storage, audit: { enabled: true }, ...others },
    { environment: { TESSERA_MASTER_KEY: masterKey } },
  )
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return parsed.configuration
}

function fill(file: string, sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}

const contentOf = (file: string): string | undefined =>
  existsSync(file) ? readFileSync(file, 'base64') : undefined

const databases: readonly (readonly [title: string, create: (file: string) => void, error: RegExp])[] = [
  ['missing', () => {}, /does not exist/],
  ['empty', file => writeFileSync(file, ''), /has no tables of Tessera/],
  ['only text', file => writeFileSync(file, 'This is a text. '.repeat(99)), /file is not a database/],
  [
    'of another application',
    file => fill(file, 'create table settings (name text)'),
    /has no tables of Tessera/,
  ],
]

const commands: Readonly<Record<string, (from: Configuration, to: string) => Promise<unknown>>> = {
  export: (from, to) => exportStores(from, to, { report }),
  'import from a store': (from, to) => importStore(configurationOf(`sqlite:${to}`), from.storage, { report }),
  backup: (from, to) => backUpStores(from, to),
}

test('empty stores: the memory store is not exported, because a process that exports has another one', async () => {
  const run = exportStores(configurationOf('memory:'), folder.at('memory.tar'), { report })
  await assert.rejects(run, /"memory:" stores nothing that could be exported/)
})

for (const [title, create, error] of databases)
  for (const [command, run] of Object.entries(commands))
    test(`empty stores: ${command} refuses a database that is ${title}, and does not change it`, async () => {
      const [file, to] = [folder.at(`from-${++count}.db`), folder.at(`to-${count}`)]
      create(file)
      const before = contentOf(file)
      const configuration = configurationOf(`sqlite:${file}`)
      // The command says what is wrong.
      assert.equal(await recordStoreCommand(configuration), undefined)
      await assert.rejects(run(configuration, to), error)
      assert.equal(contentOf(file), before)
    })

for (const [title, create, error] of databases)
  test(`empty stores: a command that only reads refuses a database that is ${title}, and does not create or change it`, async () => {
    const file = folder.at(`read-${++count}.db`)
    create(file)
    const before = contentOf(file)
    const configuration = configurationOf(`sqlite:${file}`)
    const origin = { actor: { kind: 'command_line', command: 'users list' } } as const
    await assert.rejects(
      withOrigin(origin, () => openUsers(configuration, configuration)),
      error,
    )
    assert.equal(contentOf(file), before)
    assert.deepEqual(
      readdirSync(folder.at('.')).filter(name => name.startsWith(`read-${count}.db-`)),
      [],
    )
  })

test('empty stores: a command that only reads does not create the missing store of a tenant', async () => {
  const configuration = configurationOf(`sqlite:${folder.at('with-tenant.db')}`, {
    tenants: [{ name: 'acme', issuer: 'https://acme.example' }],
  })
  const tenant = configuration.tenantIssuers.get('acme')!
  const opened = (command: string, options?: readonly string[]) =>
    withOrigin({ actor: { kind: 'command_line', command }, ...(options && { options }) }, () =>
      openUsers(configuration, tenant),
    )
  await (await openUsers(configuration, configuration)).close()
  const stores = () => readdirSync(folder.at('.')).filter(name => name.endsWith('.db'))
  const before = stores()
  await assert.rejects(opened('users list'), /does not exist/)
  assert.deepEqual(stores(), before)
  await (await opened('users add', [])).close()
  await (await opened('users list')).close()
})

function createEarlier(): { readonly file: string; readonly configuration: Configuration } {
  const file = folder.at(`earlier-${++count}.db`)
  fill(file, `${migrations.slice(0, -1).join(';\n')}; pragma user_version = ${migrations.length - 1}`)
  return { file, configuration: configurationOf(`sqlite:${file}`) }
}

test('empty stores: an export of an earlier schema is refused, and does not migrate it', async () => {
  const { file, configuration } = createEarlier()
  const before = contentOf(file)
  await assert.rejects(
    exportStores(configuration, folder.at('earlier.export'), { report }),
    /run tessera migrate first/,
  )
  assert.equal(contentOf(file), before)
})

test('empty stores: a command that only reads does not migrate an earlier schema, unlike one that writes', async () => {
  const { file, configuration } = createEarlier()
  const before = contentOf(file)
  const opened = (command: string, options?: readonly string[]) =>
    withOrigin({ actor: { kind: 'command_line', command }, ...(options && { options }) }, () =>
      openUsers(configuration, configuration),
    )
  await assert.rejects(opened('users list'), /run tessera migrate first/)
  assert.equal(contentOf(file), before)
  await (await opened('users add', [])).close()
  await (await opened('users list')).close()
})

test('empty stores: a server refuses the database of another application, and does not change it', async () => {
  const file = folder.at('other.db')
  fill(file, 'create table things (name text)')
  const before = contentOf(file)
  await assert.rejects(openSqliteTenantStores({ file, log: silentLog }), /tables that Tessera did not create/)
  assert.equal(contentOf(file), before)
})

const postgres = providePostgres()

test('empty stores: an export of an empty database of PostgreSQL is refused for one reason', async () => {
  const server = await postgres()
  const url = await server.database()
  const configuration = configurationOf(url)
  assert.equal(await recordStoreCommand(configuration), undefined)
  await assert.rejects(
    exportStores(configuration, folder.at('postgres.export'), { report }),
    /has no tables of Tessera/,
  )
  await server.giveBack(url)
})
