/** A user and a client never get the same id, because the `sub` of their tokens would be the same (RFC 9068 §5, RFC 9700 §4.15). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adminWorld, startAdmin } from '../support/admin.ts'
import { openTenantStores } from '../support/storage.ts'

const value = 'a-secret-of-an-operator'
const client = { client_secrets: [{ value }], grant_types: ['client_credentials'], scope: 'api1' }

/** A server at which a write of a user or a client, which was checked, first waits for `before`. */
async function startHeldUp() {
  const tenantStores = await openTenantStores()
  const { entries, storedUsers } = tenantStores.main
  const before: { put?: () => Promise<unknown>; add?: () => Promise<unknown> } = {}
  const once = async (name: 'put' | 'add'): Promise<void> => {
    const work = before[name]
    delete before[name]
    await work?.()
  }
  const put: typeof entries.put = async (...given) => {
    await once('put')
    return entries.put(...given)
  }
  const add: typeof storedUsers.add = async (...given) => {
    await once('add')
    return storedUsers.add(...given)
  }
  const main = { ...tenantStores.main, entries: { ...entries, put }, storedUsers: { ...storedUsers, add } }
  const { server, call } = await startAdmin(adminWorld, { tenantStores: { ...tenantStores, main } })
  const makeUser = (sub: string) =>
    call('PUT', `/users/${sub}`, { username: sub, password: 'seven purple kettles' })
  const makeClient = (id: string) => call('PUT', `/clients/${id}`, client)
  return { server, call, before, makeUser, makeClient }
}

test('admin api: a client is refused if a user with its client_id is made at the same moment', async () => {
  const { server, call, before, makeUser, makeClient } = await startHeldUp()
  before.put = () => makeUser('both')
  const refused = await makeClient('both')
  assert.equal(refused.status, 422)
  assert.deepEqual(
    refused.json.errors.map(({ path, problem }: Record<string, string>) => [path, problem]),
    [['client_id', 'it is the sub of a user']],
  )
  assert.equal((await call('GET', '/users/both')).status, 200)
  assert.equal((await call('GET', '/clients/both')).status, 404)
  const asked = { grant_type: 'client_credentials', scope: 'api1' }
  assert.equal((await server.token(asked, { client: ['both', value] })).status, 401)
  const signedIn = await server.token(
    { grant_type: 'password', username: 'both', password: 'seven purple kettles', scope: 'openid' },
    { client: ['web', value] },
  )
  assert.equal(signedIn.status, 200)
})

test('admin api: a user is refused if a client with the sub as client_id is made at the same moment', async () => {
  const { call, server, before, makeUser, makeClient } = await startHeldUp()
  before.add = () => makeClient('both')
  const refused = await makeUser('both')
  assert.deepEqual([refused.status, refused.json.reason], [409, 'admin_entry_exists'])
  assert.match(refused.json.detail, /client_id/)
  assert.equal((await call('GET', '/users/both')).status, 404)
  const asked = { grant_type: 'client_credentials', scope: 'api1' }
  assert.equal((await server.token(asked, { client: ['both', value] })).status, 200)
})
