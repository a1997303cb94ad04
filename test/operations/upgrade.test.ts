/** Upgrades while servers are used, as docs/guides/upgrading.md describes them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { migrations } from '../../packages/server/src/storage/postgres/schema.ts'
import { openPostgresTenantStores } from '../../packages/server/src/storage/postgres/stores.ts'
import { openSqliteTenantStores } from '../../packages/server/src/storage/sqlite/stores.ts'
import { testFolder } from '../support/folder.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { providePostgres } from '../support/postgres.ts'
import { createPreviousFile, openPreviousWriter } from '../support/previous-store.ts'
import { assertRefused } from '../support/refused.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { secret, world } from '../support/world.ts'

const web = ['web', secret] as const
const redeem = (server: TestServer, code: string) =>
  server.token(
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
    { client: web },
  )
const refresh = (server: TestServer, refresh_token: string) =>
  server.token({ grant_type: 'refresh_token', refresh_token }, { client: web })
const offline = { scope: ['openid', 'api1', 'offline_access'] }

/** A sign-in whose refresh token is exchanged again and again, at whichever server. Counts what was refused. */
async function startUse(server: TestServer) {
  const first = await redeem(server, await issueCode(server, offline))
  assert.equal(first.status, 200, first.body)
  let token: string = first.json.refresh_token
  const seen = { requests: 0, refused: [] as string[] }
  return {
    seen,
    async use(at: TestServer): Promise<void> {
      for (const answer of [await refresh(at, token), await redeem(at, await issueCode(at, offline))]) {
        seen.requests++
        if (answer.status !== 200) seen.refused.push(`${answer.status} ${answer.body}`)
      }
      const next = await refresh(at, token)
      token = next.json?.refresh_token ?? token
    },
  }
}

const postgres = providePostgres()

test('upgrade: on PostgreSQL, no request fails while the next version migrates, at servers of either version', async () => {
  const { database, giveBack } = await postgres()
  const url = await database()
  const next = [
    ...migrations,
    'create table later (id text primary key); alter table families add column later text',
    { index: 'codes_later', on: 'codes (expires_at, hash)' },
  ]
  const old = await createTestServer(world, { tenantStores: await openPostgresTenantStores({ url }) })
  const { use, seen } = await startUse(old)
  await use(old)

  let upgraded = false
  const upgrading = openPostgresTenantStores({ url, migrations: next }).finally(() => {
    upgraded = true
  })
  while (!upgraded) await use(old)
  const during = seen.requests
  const fresh = await createTestServer(world, { tenantStores: await upgrading })
  // A rolling upgrade: the load balancer chooses either of them.
  for (const server of [fresh, old, fresh, old]) await use(server)
  await old.close()
  await use(fresh)
  assert.deepEqual(seen.refused, [])
  assert.ok(during >= 2 && seen.requests >= during + 10)
  await fresh.close()
  await giveBack(url)
})

test('upgrade: on SQLite, a file of the previous schema keeps sign-ins, used codes and what was written until the migration', async () => {
  const folder = testFolder()
  const [made, file] = [folder.at('made.db'), folder.at('tessera.db')]
  const before = await createTestServer(world, { tenantStores: await openSqliteTenantStores({ file: made }) })
  const code = await issueCode(before, offline)
  const signedIn = await redeem(before, code)
  const unused = await issueCode(before, offline)
  await before.close()
  createPreviousFile(file, made)

  const previous = openPreviousWriter(file)
  let acknowledged = 0
  const writing = until('the previous version stops', () => {
    const written = previous.write()
    if (written) acknowledged++
    return !written
  })
  const after = await createTestServer(world, { tenantStores: await openSqliteTenantStores({ file }) })
  await writing
  assert.ok(acknowledged > 0)
  assert.equal(previous.found(), acknowledged)
  previous.close()

  assert.equal((await refresh(after, signedIn.json.refresh_token)).status, 200)
  assert.equal((await redeem(after, unused)).status, 200)
  assertRefused(await redeem(after, code), 'invalid_grant', 'code_replayed')
  await after.close()
})
