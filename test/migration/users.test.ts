/** Users of another server in the store: added once, repeatable, never changed, and signed in with their old password. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openTenantStores } from '../../packages/server/src/app/server-context.ts'
import { openUserImport } from '../../packages/server/src/app/user-import.ts'
import { loadConfiguration } from '../../packages/server/src/configuration/load.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { tessera } from '../cli/shared-process.ts'
import { sampleEntry } from '../contracts/stores/entries.ts'
import { testFolder } from '../support/folder.ts'
import { createTestServer, masterKey } from '../support/tessera.ts'
import { migrateFixture } from './fixtures.ts'

const folder = testFolder()
const tables = fileURLToPath(new URL('fixtures/identityserver4-tables.json', import.meta.url))
const base = {
  accounts: {},
  // One of the users has an authenticator app.
  mfa: { password_grant: 'allow' },
  clients: [
    {
      client_id: 'direct',
      client_secrets: [{ value: 'a-secret-for-tests' }],
      grant_types: ['password'],
      scope: 'openid',
    },
  ],
}

test('migration: users are added once, an interrupted import is repeated, and nobody is changed', async () => {
  const file = await folder.write('tessera.json', JSON.stringify({ ...base, storage: 'sqlite:./users.db' }))
  const loaded = await loadConfiguration({ file, environment: { TESSERA_MASTER_KEY: masterKey } })
  assert.ok(loaded.ok)
  const { configuration } = loaded
  const { users } = await migrateFixture('identityserver', 'identityserver4-tables.json')
  const [dora, emil] = users
  assert.ok(dora && emil)

  const first = await openUserImport(configuration, configuration)
  assert.deepEqual(await first.look(dora), { outcome: 'added' })
  // As if it had been interrupted after the first user.
  assert.deepEqual(await first.add(dora), { outcome: 'added' })
  await first.close()

  const second = await openUserImport(configuration, configuration)
  const outcomes = await Promise.all([...users, ...users].map(user => second.add(user)))
  assert.deepEqual(outcomes.map(({ outcome }) => outcome).toSorted(), ['added', 'same', 'same', 'same'])
  assert.deepEqual(await second.look(dora), { outcome: 'same' })
  const renamed = { ...dora, username: 'somebody.else' }
  assert.deepEqual(await second.look(renamed), { outcome: 'conflict', problem: 'sub_taken' })
  const otherSub = { ...emil, sub: 'other', username: 'Emil' }
  assert.deepEqual(await second.look(otherSub), { outcome: 'conflict', problem: 'username_taken' })
  assert.deepEqual(await second.add(otherSub), { outcome: 'conflict', problem: 'username_taken' })
  const sameAddress = { ...dora, sub: 'third', username: 'third' }
  assert.deepEqual(await second.look(sameAddress), { outcome: 'conflict', problem: 'account_taken' })
  await second.close()

  const tenantStores = await openTenantStores(configuration.storage, silentLog)
  const server = await createTestServer(base, { isModule: false, tenantStores })
  const grant = { grant_type: 'password', scope: 'openid', password: 'my password' }
  const client = ['direct', 'a-secret-for-tests'] as const
  assert.equal((await server.token({ ...grant, username: 'dora@example.com' }, { client })).status, 200)
  const app = await tenantStores.main.totpSecrets.find(dora.sub)
  assert.ok(app && app.last_step >= Math.floor(app.created_at / 30), 'codes of the past could be used again')
  assert.equal((await server.token({ ...grant, username: 'emil' }, { client })).status, 400)
  const stored = await tenantStores.main.storedUsers.find(dora.sub)
  assert.match(stored?.password ?? '', /^\$argon2id\$/)
  assert.deepEqual(stored?.claims.roles, ['admin', 'accounting'])
  assert.ok((await tenantStores.main.storedUsers.find(emil.sub))?.disabled_at)
  await server.close()
})

test('migration: a dry run finds the conflicts that the import finds', async () => {
  const file = await folder.write('dry.json', JSON.stringify({ ...base, storage: 'sqlite:./dry.db' }))
  const loaded = await loadConfiguration({ file, environment: { TESSERA_MASTER_KEY: masterKey } })
  assert.ok(loaded.ok)
  const { configuration } = loaded
  const tenantStores = await openTenantStores(configuration.storage, silentLog)
  const { entries } = tenantStores.main
  await entries.put(sampleEntry({ id: 'stored' }), await entries.revision())
  await tenantStores.close()
  const identities = [{ provider: 'corp', authority: 'https://corp.example', id: '1' }]
  const users = {
    free: { sub: 'free', username: 'free', identities },
    client_of_the_file: { sub: 'direct', username: 'one' },
    stored_client: { sub: 'stored', username: 'two' },
    identity: { sub: 'three', username: 'three', identities },
  }
  const expected = {
    free: { outcome: 'same' },
    client_of_the_file: { outcome: 'conflict', problem: 'account_taken' },
    stored_client: { outcome: 'conflict', problem: 'account_taken' },
    identity: { outcome: 'conflict', problem: 'identity_taken' },
  }
  const target = await openUserImport(configuration, configuration)
  assert.deepEqual(await target.add(users.free), { outcome: 'added' })
  for (const [name, user] of Object.entries(users)) {
    const outcomes = [await target.look(user), await target.add(user)]
    assert.deepEqual(
      outcomes,
      [expected, expected].map(of => of[name as keyof typeof expected]),
      name,
    )
  }
  await target.close()
})

test('migration: the command counts users without --apply, adds them with it, and reports conflicts', async () => {
  const file = await folder.write('applied.json', JSON.stringify({ ...base, storage: 'sqlite:./applied.db' }))
  const words = ['import', '--from', 'identityserver', tables, '--config', file]
  const dry = await tessera([...words, '--report', 'json'])
  assert.equal(dry.code, 0, dry.stderr)
  assert.match(dry.stderr, /users: would be added 2, already there 0, conflicts 0/)
  const report = JSON.parse(dry.stdout)
  assert.equal(report.users, 2)
  assert.ok(report.lines.some((line: any) => line.source === 'Clients[5]' && line.outcome === 'not_possible'))
  const applied = await tessera([...words, '--apply'])
  assert.equal(applied.code, 0, applied.stderr)
  assert.match(applied.stdout, /users: added 2, already there 0, conflicts 0/)
  assert.doesNotMatch(applied.stdout + applied.stderr, /AQAAAA|ANXrDk/)
  assert.match((await tessera([...words, '--apply'])).stdout, /users: added 0, already there 2, conflicts 0/)
})

test('migration: an unreadable file exits with 1, wrong usage with 2', async () => {
  const missing = await tessera(['import', '--from', 'hydra', folder.at('missing.json')])
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /missing\.json: there is no such file/)
  const usage = await tessera(['import', '--from', 'hydra', tables, '--apply'])
  assert.equal(usage.code, 2)
  assert.match(usage.stderr, /--apply needs --config/)
})
