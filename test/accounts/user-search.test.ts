/** How operators find users, of every kind and in every tenant. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createUserSearch } from '../../packages/server/src/identity/user-search.ts'
import type { ConfiguredUser } from '../../packages/server/src/model/user.ts'
import { accountsWorld, dora } from '../support/accounts.ts'
import { createTestServer } from '../support/tessera.ts'

const configured: readonly ConfiguredUser[] = [
  { sub: '1', username: 'alice', active: true, claims: { email: 'Alice@a.example', email_verified: true } },
  { sub: '2', username: 'ALICE', tenant: 'acme', active: true, claims: {} },
]
const outside = {
  user: { sub: 'o1', username: 'olga', active: false, claims: { email: 'olga@a.example' } },
}

async function searching() {
  const server = await createTestServer(accountsWorld())
  await server.accounts.add({ ...dora, sub: 'd1', tenant: 'acme' })
  await server.accounts.add({ username: 'eve', sub: 'e1', email: 'shared@a.example' })
  await server.accounts.add({ username: 'fred', sub: 'f1', email: 'SHARED@a.example' })
  return createUserSearch({
    configured,
    tenants: new Set(['acme']),
    users: { find: sub => configured.find(user => user.sub === sub) },
    storeUsers: {
      find: async sub => (sub === 'o1' ? outside : undefined),
      findByName: async (name, tenant) => (name === 'olga' && tenant === undefined ? outside : undefined),
      findByVerifiedEmail: async () => undefined,
    },
    storedUsers: server.stores.storedUsers,
  })
}

test('users find: by sub, name in any case, and address, in every tenant', async () => {
  const search = await searching()
  for (const [text, subs] of [
    ['1', ['1']],
    ['alice', ['1', '2']],
    ['ALICE@A.EXAMPLE', ['1']],
    ['d1', ['d1']],
    ['dora', ['d1']],
    ['Dora@example.com', ['d1']],
    ['shared@a.example', ['e1', 'f1']],
    ['olga', ['o1']],
    ['o1', ['o1']],
    ['nobody', []],
    ['nobody@a.example', []],
    ['', []],
  ] as const)
    assert.deepEqual(
      (await search(text)).map(({ sub }) => sub),
      subs,
      text,
    )
})

test('users find: each user has an origin, and whether the address is verified', async () => {
  const search = await searching()
  assert.deepEqual(await search('eve'), [
    {
      ...{ sub: 'e1', origin: 'store', username: 'eve', active: true },
      ...{ email: 'shared@a.example', email_verified: false },
    },
  ])
  assert.deepEqual(await search('olga'), [
    {
      ...{ sub: 'o1', origin: 'user_store', username: 'olga', active: false },
      ...{ email: 'olga@a.example', email_verified: false },
    },
  ])
  const [{ tenant, email_verified } = {} as never] = await search('dora')
  assert.deepEqual([tenant, email_verified], ['acme', true])
})
