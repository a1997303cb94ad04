/** Export, import, transfer and backup as an operator runs them. Tokens must remain valid. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { migrations } from '../../packages/server/src/storage/postgres/schema.ts'
import { openPostgresTenantStores } from '../../packages/server/src/storage/postgres/stores.ts'
import { createSqliteArchives } from '../../packages/server/src/storage/sqlite/archive.ts'
import { openSqliteTenantStores } from '../../packages/server/src/storage/sqlite/stores.ts'
import { contentOf, fillArchives } from '../contracts/archives/databases.ts'
import { providePostgres } from '../support/postgres.ts'
import { freePort, type RunningServer, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { inTime, until } from '../support/until.ts'
import { secret, world } from '../support/world.ts'
import { tessera } from './shared-process.ts'
import { finish, start, withoutWarnings } from './tessera.ts'

type Places = {
  readonly directory: string
  /** Configurations that differ only in their storage: `old.db` and `fresh.db`. */
  readonly old: string
  readonly fresh: string
  /** Writes another one; returns its path. */
  readonly at: (storage: string) => Promise<string>
  readonly serve: (config: string) => Promise<RunningServer>
}

async function withPlaces(
  use: (places: Places) => Promise<void>,
  freshStorage = 'sqlite:./fresh.db',
): Promise<void> {
  const port = await freePort()
  const common = { ...world, tenants: [...world.tenants, { name: 'apart', issuer: 'path' }] }
  const { file, directory, remove } = await writeConfiguration({ ...common, storage: 'sqlite:./old.db' })
  const fresh = join(directory, 'fresh.json')
  await writeFile(fresh, JSON.stringify({ ...common, storage: freshStorage }))
  const running: RunningServer[] = []
  let others = 0
  try {
    await use({
      ...{ directory, old: file, fresh },
      async at(storage) {
        const other = join(directory, `other-${++others}.json`)
        await writeFile(other, JSON.stringify({ ...common, storage }))
        return other
      },
      async serve(config) {
        const server = await serveConfiguration(config, port)
        running.push(server)
        return server
      },
    })
  } finally {
    for (const server of running) await server.stop()
    await remove()
  }
}

const authorization = `Basic ${Buffer.from(`roclient:${secret}`).toString('base64')}`
async function ask({ url }: RunningServer, form: Record<string, string>): Promise<any> {
  const body = new URLSearchParams(form)
  return (await fetch(`${url}/connect/token`, { method: 'POST', headers: { authorization }, body })).json()
}
const signIn = {
  grant_type: 'password',
  username: 'bob',
  password: 'bob',
  scope: 'openid api1 offline_access',
}
const refresh = (refresh_token: string) => ({ grant_type: 'refresh_token', refresh_token })

/** A second generation was issued at the old store: the first one is used there. */
async function familyAt(server: RunningServer) {
  const first = await ask(server, signIn)
  const second = await ask(server, refresh(first.refresh_token))
  assert.ok(second.refresh_token, JSON.stringify(second))
  return { spent: first.refresh_token as string, living: second.refresh_token as string }
}

/** The log comes through a pipe, some time after the response. */
async function logged(server: RunningServer, line: RegExp): Promise<void> {
  await until(`${line} is logged`, () => line.test(server.log()))
}

async function assertMoved(server: RunningServer, { spent, living }: { spent: string; living: string }) {
  const third = await ask(server, refresh(living))
  assert.ok(third.refresh_token, JSON.stringify(third))
  assert.equal((await ask(server, refresh(spent))).error, 'invalid_grant')
  await logged(server, /"reason":"refresh_token_reused"/)
  assert.equal((await ask(server, refresh(third.refresh_token))).error, 'invalid_grant')
}

const postgres = providePostgres()

test('cli: one store is carried to three others', async t => {
  const database = await (await postgres()).database()
  await withPlaces(async ({ directory, old, fresh, at, serve }) => {
    const to = join(directory, 'all.jsonl')
    const oldKey = join(directory, 'old.db.key')
    const from = `sqlite:${join(directory, 'old.db')}`
    const first = await serve(old)
    const family = await familyAt(first)
    const keysAt = async ({ url }: RunningServer): Promise<unknown> =>
      (await fetch(`${url}/.well-known/openid-configuration/jwks`)).json()
    const keys = await keysAt(first)
    const exported = await tessera(['export', '--config', old, '--to', to])
    assert.equal(exported.code, 0, exported.stderr)
    assert.match(exported.stdout, /^exported rows=\d+ sha256=[\w-]{43}\n$/)
    assert.match(exported.stderr, /^families: 1$/m)
    assert.equal((await stat(to)).mode & 0o777, 0o600)
    await first.stop()

    await t.test(
      'cli: an export while a server runs, imported elsewhere, keeps refresh tokens and recognizes used ones',
      async () => {
        const keyless = await tessera(['import', '--config', fresh, '--from', to])
        assert.deepEqual([keyless.code, /master key/.test(keyless.stderr)], [1, true], keyless.stderr)
        await copyFile(oldKey, join(directory, 'fresh.db.key'))
        const imported = await tessera(['import', '--config', fresh, '--from', to])
        assert.equal(imported.code, 0, imported.stderr)
        assert.match(imported.stdout, /^imported families added=1 same=0 other=0$/m)

        const second = await serve(fresh)
        assert.deepEqual(await keysAt(second), keys)
        await assertMoved(second, family)
        await second.stop()

        const again = await tessera(['import', '--config', fresh, '--from', to])
        assert.deepEqual([again.code, /is in use/.test(again.stderr)], [1, true])
        const over = await tessera(['export', '--config', old, '--to', to])
        assert.deepEqual([over.code, /EEXIST/.test(over.stderr)], [1, true])
      },
    )

    await t.test('cli: a store is transferred into another without a file', async () => {
      const direct = await at('sqlite:./direct.db')
      await copyFile(oldKey, join(directory, 'direct.db.key'))
      const moved = await tessera(['import', '--config', direct, '--from', from])
      assert.equal(moved.code, 0, moved.stderr)
      const third = await serve(direct)
      await assertMoved(third, family)
      await third.stop()
    })

    await t.test(
      'cli: a store is transferred from SQLite to PostgreSQL, and no refresh token is lost',
      async () => {
        const target = await at(database)
        const TESSERA_MASTER_KEY = (await readFile(oldKey, 'utf8')).trim()
        const child = start(['import', '--config', target, '--from', from], { TESSERA_MASTER_KEY })
        child.stdin.end()
        const moved = await finish(child)
        assert.equal(moved.code, 0, moved.stderr)
        assert.match(moved.stdout, /^imported families added=1 same=0 other=0$/m)

        process.env.TESSERA_MASTER_KEY = TESSERA_MASTER_KEY
        try {
          const fourth = await serve(target)
          assert.deepEqual(await keysAt(fourth), keys)
          await assertMoved(fourth, family)
        } finally {
          delete process.env.TESSERA_MASTER_KEY
        }
      },
    )
  })
})

test('cli: migrate updates every store to this version, and fails if one is newer', async () => {
  const database = await (await postgres()).database()
  const tenantStores = await openPostgresTenantStores({ url: database })
  await tenantStores.forTenant('apart')
  await tenantStores.close()
  await withPlaces(async ({ old, fresh }) => {
    const migrate = async (config: string) => {
      const { stderr, ...ended } = await tessera(['migrate', '--config', config])
      return { ...ended, stderr: withoutWarnings(stderr) }
    }
    assert.deepEqual(await migrate(old), {
      code: 0,
      stdout: 'migrated 1 store to the schema of this version\n',
      stderr: '',
    })
    assert.deepEqual(await migrate(fresh), {
      code: 0,
      stdout: 'migrated 2 stores to the schema of this version\n',
      stderr: '',
    })
    const ahead = await openPostgresTenantStores({
      url: database,
      migrations: [...migrations, 'create table later (id text)'],
    })
    await ahead.close()
    const refused = await migrate(fresh)
    assert.deepEqual([refused.code, /newer than the \d+ that this version/.test(refused.stderr)], [1, true])
  }, database)
})

test('cli: migrate names each tenant whose store is broken, and migrates the others', async () => {
  const tenants = ['acme', 'globex', 'umbrella'].map(name => ({ name, issuer: 'path' }))
  const { file: config, remove } = await writeConfiguration({ storage: 'sqlite:./tessera.db', tenants })
  try {
    const store = join(dirname(config), 'tessera.db')
    const tenantStores = await openSqliteTenantStores({ file: store })
    for (const { name } of tenants) await (await tenantStores.forTenant(name)).close()
    await tenantStores.close()
    const fileOf = (name: string) => join(`${store}.tenants`, `${name}.db`)
    const ahead = new DatabaseSync(fileOf('acme'))
    ahead.exec('pragma user_version = 999')
    ahead.close()
    await writeFile(fileOf('globex'), 'not a database, '.repeat(1000))
    const { code, stdout, stderr } = await tessera(['migrate', '--config', config])
    assert.deepEqual([code, stdout], [1, 'migrated 2 stores to the schema of this version\n'], stderr)
    assert.match(stderr, /^tessera: tenant "acme": .*newer than the \d+ that this version/m)
    assert.match(stderr, /^tessera: tenant "globex": .*globex\.db/m)
    assert.doesNotMatch(stderr, /umbrella/)
  } finally {
    await remove()
  }
})

test('cli: an import with another master key is refused', async () => {
  await withPlaces(async ({ directory, old, fresh }) => {
    const to = join(directory, 'all.jsonl')
    for (const config of [old, fresh])
      assert.equal((await tessera(['keys', 'rotate', '--config', config])).code, 0)
    assert.equal((await tessera(['export', '--config', old, '--to', to])).code, 0)
    const imported = await tessera(['import', '--config', fresh, '--from', to])
    assert.deepEqual([imported.code, imported.stdout], [1, ''])
    assert.match(imported.stderr, /a different master key/)
  })
})

test('cli: after kill -9 during an import, no server starts on the partial store, and the import can be run again', async () => {
  await withPlaces(async ({ directory, old, fresh, serve }) => {
    assert.equal((await tessera(['keys', 'rotate', '--config', old])).code, 0)
    const from = createSqliteArchives(join(directory, 'old.db'))
    await fillArchives(from, [], 4000)
    await copyFile(join(directory, 'old.db.key'), join(directory, 'fresh.db.key'))
    const words = ['import', '--config', fresh, '--from', `sqlite:${join(directory, 'old.db')}`]

    const child = start(words)
    for await (const text of child.stderr) if (String(text).includes('consents')) break
    child.kill('SIGKILL')
    await inTime('the killed import ends', once(child, 'exit'))
    await assert.rejects(serve(fresh), /an import into this database is incomplete/)
    const exported = await tessera(['export', '--config', fresh, '--to', join(directory, 'half.jsonl')])
    assert.deepEqual([exported.code, /is incomplete/.test(exported.stderr)], [1, true])

    const again = await tessera(words)
    assert.equal(again.code, 0, again.stderr)
    const [held, got] = [
      await contentOf(from),
      await contentOf(createSqliteArchives(join(directory, 'fresh.db'))),
    ]
    assert.ok(got.codes?.length === 4000)
    // The import is recorded in the audit log.
    const added = (table: string): number => (table === 'webhook_messages' ? 1 : 0)
    for (const [table, rows] of Object.entries(held))
      assert.equal(got[table]?.length, rows.length + added(table), table)
  })
})

test('cli: kinds are selected by name; users can be added to a store in use', async () => {
  await withPlaces(async ({ directory, old, fresh, serve }) => {
    const to = join(directory, 'users.jsonl')
    const add = ['users', 'add', '--username', 'dora', '--no-password', '--sub', 'dora']
    assert.equal((await tessera([...add, '--config', old])).code, 0)
    const exported = await tessera([
      'export',
      '--config',
      old,
      '--to',
      to,
      '--kind',
      'stored_users',
      'passkeys',
    ])
    assert.equal(exported.code, 0, exported.stderr)
    assert.doesNotMatch(await readFile(to, 'utf8'), /"table":"(keys|settings|families)"/)

    await familyAt(await serve(fresh))
    const wanting = await tessera(['import', '--config', fresh, '--from', to, '--kind', 'keys'])
    assert.deepEqual(
      [wanting.code, withoutWarnings(wanting.stderr)],
      [1, 'tessera: the file contains no keys\n'],
    )
    const imported = await tessera(['import', '--config', fresh, '--from', to])
    assert.equal(imported.code, 0, imported.stderr)
    assert.match(imported.stdout, /^imported stored_users added=1 same=0 other=0$/m)
    assert.match((await tessera(['users', 'list', '--config', fresh])).stdout, /sub=dora/)
    assert.match((await tessera(['import', '--config', fresh, '--from', to])).stdout, /added=0 same=1/)

    const unknown = await tessera(['export', '--config', old, '--to', `${to}2`, '--kind', 'tokens'])
    assert.deepEqual(
      [unknown.code, /unknown kind "tokens"; expected one of settings, keys/.test(unknown.stderr)],
      [2, true],
    )
  })
})

test('cli: tenants are included; one that is not configured is refused before anything is written', async () => {
  await withPlaces(async ({ directory, old, fresh }) => {
    const to = join(directory, 'all.jsonl')
    const add = ['users', 'add', '--username', 'eve', '--no-password', '--sub', 'eve']
    assert.equal((await tessera([...add, '--config', old, '--tenant', 'apart'])).code, 0)
    assert.equal((await tessera(['export', '--config', old, '--to', to])).code, 0)
    await copyFile(join(directory, 'old.db.key'), join(directory, 'fresh.db.key'))
    const configuration = JSON.parse(await readFile(fresh, 'utf8'))
    await writeFile(fresh, JSON.stringify({ ...configuration, tenants: world.tenants }))
    const refused = await tessera(['import', '--config', fresh, '--from', to])
    assert.deepEqual(
      [refused.code, /has no tenant "apart" with its own issuer/.test(refused.stderr)],
      [1, true],
    )
    await writeFile(fresh, JSON.stringify(configuration))
    assert.equal((await tessera(['import', '--config', fresh, '--from', to])).code, 0)
    const listed = await tessera(['users', 'list', '--config', fresh, '--tenant', 'apart'])
    assert.match(listed.stdout, /sub=eve/)
  })
})

test('cli: a backup of a running server restores as in the guide: families refreshed since then are revoked, others continue', async () => {
  await withPlaces(async ({ directory, old, fresh, serve }) => {
    const first = await serve(old)
    const [family, quiet] = [await familyAt(first), await familyAt(first)]
    const add = ['users', 'add', '--username', 'eve', '--no-password', '--sub', 'eve']
    assert.equal((await tessera([...add, '--config', old, '--tenant', 'apart'])).code, 0)
    const to = join(directory, 'backup')
    const backed = await tessera(['backup', '--config', old, '--to', to])
    assert.equal(backed.code, 0, backed.stderr)
    const copies = [join(to, 'old.db'), join(to, 'old.db.tenants', 'apart.db')]
    assert.equal(backed.stdout, copies.map(copy => `copied ${copy}\n`).join(''))
    for (const copy of copies) assert.equal((await stat(copy)).mode & 0o777, 0o600)
    const later = await ask(first, refresh(family.living))
    await first.stop()

    const configuration = JSON.parse(await readFile(fresh, 'utf8'))
    await writeFile(fresh, JSON.stringify({ ...configuration, storage: 'sqlite:./backup/old.db' }))
    await copyFile(join(directory, 'old.db.key'), join(to, 'old.db.key'))
    const second = await serve(fresh)
    assert.equal((await ask(second, refresh(later.refresh_token))).error, 'invalid_grant')
    await logged(second, /"event":"refresh_generation_ahead"/)
    // A thief's copy of the earlier token is invalid too.
    assert.equal((await ask(second, refresh(family.living))).error, 'invalid_grant')
    await logged(second, /"reason":"authorization_revoked"/)
    assert.ok((await ask(second, refresh(quiet.living))).refresh_token)
    const signedInAgain = await familyAt(second)
    assert.ok((await ask(second, refresh(signedInAgain.living))).refresh_token)
    const again = await tessera(['backup', '--config', old, '--to', to])
    assert.deepEqual([again.code, /already exists/.test(again.stderr)], [1, true])
  })
})

test('cli: memory has nothing to export, to back up or to keep', async () => {
  const { file, directory, remove } = await writeConfiguration({ ...world, storage: 'memory:' })
  const to = join(directory, 'x')
  for (const words of [
    ['export', '--to', to],
    ['import', '--from', 'sqlite:./none.db'],
    ['backup', '--to', to],
  ]) {
    const { code, stderr } = await tessera([...words, '--config', file])
    assert.equal(code, 1, stderr)
  }
  await remove()
})
