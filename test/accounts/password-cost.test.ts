/** The cost of new password hashes. Most tests lower it; nothing that an operator or an application sets does. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { createTessera } from '../../packages/server/src/server.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { testPasswordCost } from '../../packages/server/src/testing/running.ts'
import { accountsWorld, addUser, dora, tokensOf } from '../support/accounts.ts'
import { assertRefused } from '../support/refused.ts'
import { provideSigningKeys } from '../support/signing-keys.ts'
import { createTestServer, issuer, masterKey } from '../support/tessera.ts'

const production = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/

test('password cost: an application that embeds the server can’t lower it', async () => {
  const outcome = parseConfiguration(
    { issuer, storage: 'memory:', users: [] },
    { environment: { TESSERA_MASTER_KEY: masterKey } },
  )
  assert.ok(outcome.ok)
  const overrides = {
    tenantStores: createMemoryTenantStores(),
    generateSigningKey: provideSigningKeys(),
    jobs: false,
    passwordCost: testPasswordCost,
  }
  const server = await createTessera(outcome.configuration, overrides)
  const added = await server.accounts.add(dora)
  assert.ok(added.ok)
  assert.match((await server.accounts.find(added.value.sub))?.password ?? '', production)
  await server.close()
})

test('password cost: the default is that of production', async () => {
  const server = await createTestServer(accountsWorld(), { realPasswordCost: true })
  const sub = await addUser(server)
  assert.match((await server.accounts.find(sub))?.password ?? '', production)
})

test('password cost: a hash at the cost of its server is not replaced', async () => {
  const server = await createTestServer(accountsWorld())
  const sub = await addUser(server)
  const before = (await server.accounts.find(sub))?.password ?? ''
  assert.match(before, /^\$argon2id\$v=19\$m=64,t=1,p=1\$/)
  assert.equal((await tokensOf(server, 'dora', dora.password)).status, 200)
  assertRefused(await tokensOf(server, 'dora', 'wrong'), 'invalid_grant', 'credentials_refused')
  assert.equal((await server.accounts.find(sub))?.password, before)
})
