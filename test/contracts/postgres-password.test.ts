/** PostgreSQL: the password in a file can be rotated while the server runs. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTenantStores } from '../../packages/server/src/app/server-context.ts'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { StoreUnavailable, silentLog } from '../../packages/server/src/runtime/ports.ts'
import { openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import { testFolder } from '../support/folder.ts'
import { providePostgres } from '../support/postgres.ts'
import { masterKey } from '../support/tessera.ts'
import { until } from '../support/until.ts'

const folder = testFolder()
const postgres = providePostgres()

test('postgres: after the password of the role has changed, new connections use the one in the file', async t => {
  const server = await postgres()
  const owner = await openConnection({ url: server.address })
  const role = `rotated_${process.pid}`
  await owner.script(`create role ${role} login password 'first'`)
  const url = new URL(await server.database(`owner ${role}`))
  const addressWith = (password: string): string =>
    Object.assign(new URL(url), { username: role, password }).href
  const file = await folder.write('address', `${addressWith('first')}\n`)
  const outcome = parseConfiguration(
    { storage: { file } },
    { environment: { TESSERA_MASTER_KEY: masterKey } },
  )
  assert.ok(outcome.ok, JSON.stringify(outcome))
  const { main, close } = await openTenantStores(outcome.configuration.storage, silentLog)
  t.after(async () => {
    await close()
    await owner.close()
  })
  const use = async () => main.settings.get('anything')
  const breakConnections = () =>
    owner.run('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [role])
  await use()
  await owner.script(`alter role ${role} password 'second'`)
  await breakConnections()
  await assert.rejects(async () => {
    for (;;) await use()
  }, StoreUnavailable)
  await folder.write('address', addressWith('second'))
  await until('a connection opens with the new password', () =>
    use().then(
      () => true,
      () => false,
    ),
  )
})
