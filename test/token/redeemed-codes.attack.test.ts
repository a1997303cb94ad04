/** Users who redeem codes or refresh in a loop: each request leaves rows for as long as its tokens are valid. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Authorization, AuthorizationId } from '../../packages/server/src/model/authorization.ts'
import {
  createMemoryStores,
  createMemoryTenantStores,
} from '../../packages/server/src/storage/memory/stores.ts'
import { emptyTables } from '../../packages/server/src/storage/memory/tables.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { secret, world } from '../support/world.ts'

const offline = ['openid', 'api1', 'offline_access']

async function signIn(server: TestServer, sub?: string) {
  const code = await issueCode(server, { scope: offline, ...(sub && { sub }) })
  const { json } = await server.token(
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
    { headers: basic('web', 'secret') },
  )
  assert.ok(json.refresh_token, JSON.stringify(json))
  return json as { refresh_token: string; access_token: string }
}

const refresh = (server: TestServer, { refresh_token }: { readonly refresh_token: string }) =>
  server.token({ grant_type: 'refresh_token', refresh_token }, { headers: basic('web', 'secret') })

test('attack: a user who redeems codes in a loop keeps the 10,000 authorizations that expire last, and other users keep theirs', async () => {
  const tables = emptyTables()
  const server = await createTestServer(
    { ...world, users: [...world.users, { sub: 'neighbour', username: 'neighbour', claims: {} }] },
    { tenantStores: { ...createMemoryTenantStores(), main: createMemoryStores(tables) } },
  )
  const abandoned = await signIn(server)
  const neighbours = await signIn(server, 'neighbour')
  server.clock.advance(86_400)
  const current = await signIn(server)
  // As a loop of some days would have left them.
  const unused = [...tables.authorizations.values()][0] as Authorization
  for (let number = 0; number < 9_999; number++) {
    const id = `earlier-${number}` as AuthorizationId
    tables.authorizations.put({ ...unused, id, expires_at: unused.expires_at + 10 })
  }
  for (let redeemed = 2; redeemed < 500; redeemed++) await signIn(server)

  await until('surplus authorizations are deleted', () =>
    server.logged.some(({ event }) => event === 'authorizations_trimmed'),
  )
  const kept = [...tables.authorizations.values()].filter(({ sub }) => sub !== 'neighbour')
  assert.equal(kept.length, 10_000)
  for (const { authorization_id } of [...tables.families.values(), ...tables.codes.values()])
    assert.ok(tables.authorizations.has(authorization_id))

  const stays = await refresh(server, current)
  assert.equal(stays.status, 200)
  assert.equal((await refresh(server, neighbours)).status, 200)
  assertRefused(await refresh(server, abandoned), 'invalid_grant', 'refresh_token_unknown')
  const headers = { authorization: `Bearer ${abandoned.access_token}` }
  assert.equal((await server.send('GET', '/connect/userinfo', { headers })).status, 401)
})

test('token: a user’s limit counts authorizations that remain, and the limit of an authorization its reference tokens', async () => {
  const trims: unknown[] = []
  const trimsOfTokens: unknown[] = []
  const tenantStores = createMemoryTenantStores()
  const authorizations = {
    ...tenantStores.main.authorizations,
    trim: async (...asked: unknown[]) => {
      trims.push(asked)
      return 0
    },
  }
  const referenceTokens = {
    ...tenantStores.main.referenceTokens,
    trim: async (...asked: unknown[]) => {
      trimsOfTokens.push(asked)
      return 1
    },
  }
  const clients = world.clients.map(client => ({ ...client, access_token_type: 'reference' }))
  const server = await createTestServer(
    { ...world, clients },
    { tenantStores: { ...tenantStores, main: { ...tenantStores.main, authorizations, referenceTokens } } },
  )
  let tokens = await signIn(server)
  for (let count = 1; count < 500; count++) {
    assert.deepEqual(trimsOfTokens, [])
    tokens = (await refresh(server, tokens)).json
  }
  assert.ok(tokens.refresh_token, JSON.stringify(tokens))
  const [issued] = server.logged.filter(({ event }) => event === 'tokens_issued')
  assert.deepEqual(trimsOfTokens, [[issued?.authorization_id, 1000, 2000]])
  await until('the deletion is logged', () =>
    server.logged.some(({ event }) => event === 'reference_tokens_trimmed'),
  )
  assert.deepEqual(trims, [])
  const password = { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1' }
  for (let count = 1; count < 500; count++) {
    assert.deepEqual(trims, [])
    assert.equal((await server.token(password, { client: ['roclient', secret] })).status, 200)
  }
  assert.deepEqual(trims, [['88421113', 10_000, 2000]])
  assert.equal(trimsOfTokens.length, 1)
})
