/** Users sign in with password hashes of other servers, which are then replaced by argon2id. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stores } from '../../packages/server/src/model/ports/stores.ts'
import { findPasswordHash } from '../../packages/server/src/runtime/password-hash/read.ts'
import type { UserStore, UserStoreUser } from '../../packages/server/src/server.ts'
import { accountsWorld, addUser, tokensOf } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { passwordHashVectors } from '../support/password-hashes.ts'
import { assertRefused } from '../support/refused.ts'
import { authorizePath, signIn } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { createTestServer as createServer, type TestServer } from '../support/tessera.ts'

const world = accountsWorld()
/** LDAP's {SSHA}, by passlib. */
const password = 'correct hörse'
const vectorOf = (name: string) => {
  const found = passwordHashVectors.find(vector => vector.name === name)
  assert.ok(found, name)
  return found
}
const { hash: ssha } = vectorOf('LDAP {SSHA}')

/** With the cost of production, which decides which hashes are replaced. */
const createTestServer: typeof createServer = (input, given) =>
  createServer(input, { ...given, realPasswordCost: true })

const current = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/
const without = { password: undefined }
const hashOf = async (server: TestServer, sub: string) => (await server.accounts.find(sub))?.password
const refused = async (server: TestServer, username: string, typed: string) =>
  assertRefused(await tokensOf(server, username, typed), 'invalid_grant', 'credentials_refused')

for (const { name, password, hash } of passwordHashVectors)
  test(`imported passwords: a stored user with ${name} signs in, and has argon2id afterwards`, async () => {
    const server = await createTestServer(world)
    const sub = await addUser(server, { ...without, passwordHash: hash })
    await refused(server, 'dora', `${password}x`)
    assert.equal(await hashOf(server, sub), hash)
    const before = await server.accounts.find(sub)
    assert.equal((await tokensOf(server, 'dora', password)).status, 200)
    const after = await server.accounts.find(sub)
    assert.match(after?.password ?? '', current)
    assert.deepEqual({ ...after, password: hash }, before)
    assert.equal(server.logged.filter(({ event }) => event === 'password_hash_upgraded').length, 1)
    assert.equal(await findPasswordHash(after?.password ?? '')?.matches(password), true)
  })

test('imported passwords: the new hash accepts the password, refuses others, and stays', async () => {
  const server = await createTestServer(world)
  const sub = await addUser(server, { ...without, passwordHash: ssha })
  assert.equal((await tokensOf(server, 'dora', password)).status, 200)
  const upgraded = await hashOf(server, sub)
  assert.equal((await tokensOf(server, 'dora', password)).status, 200)
  await refused(server, 'dora', `${password}x`)
  assert.equal(await hashOf(server, sub), upgraded)
})

test('imported passwords: the sign-in page accepts and replaces them too', async () => {
  const server = await createTestServer(world)
  const sub = await addUser(server, { ...without, passwordHash: ssha })
  const { status } = await signIn(createBrowser(server), authorizePath(), {
    username: 'dora',
    password,
    button: 'login',
  })
  assert.equal(status, 302)
  assert.match((await hashOf(server, sub)) ?? '', current)
})

test('imported passwords: the new hash is of the password in NFKC, and tokens stay valid', async () => {
  const server = await createTestServer(world)
  const sub = await addUser(server, { ...without, passwordHash: ssha })
  const { json } = await tokensOf(server, 'dora', password.normalize('NFD'))
  assert.ok(json.refresh_token)
  const encoded = (await hashOf(server, sub)) ?? ''
  assert.equal(await findPasswordHash(encoded)?.matches(password.normalize('NFKC')), true)
  const again = { grant_type: 'refresh_token', refresh_token: json.refresh_token }
  await tokensOf(server, 'dora', password)
  assert.equal((await server.token(again, { client: ['direct', 's'] })).status, 200)
})

test('imported passwords: a hash that is as costly as new ones stays', async () => {
  const server = await createTestServer(world)
  const sub = await addUser(server)
  const before = await hashOf(server, sub)
  assert.equal((await tokensOf(server, 'dora', 'seven purple kettles')).status, 200)
  assert.equal(await hashOf(server, sub), before)
})

test('imported passwords: of several sign-ins at once all succeed, and one replaces the hash', async () => {
  const server = await createTestServer(world)
  const sub = await addUser(server, { ...without, passwordHash: ssha })
  const all = await Promise.all(Array.from({ length: 6 }, () => tokensOf(server, 'dora', password)))
  assert.deepEqual(
    all.map(({ status }) => status),
    Array(6).fill(200),
  )
  assert.equal(server.logged.filter(({ event }) => event === 'password_hash_upgraded').length, 1)
  assert.match((await hashOf(server, sub)) ?? '', current)
})

/** Calls `meanwhile` once, just before an imported hash is replaced. */
function interrupted(stores: Stores, meanwhile: () => Promise<unknown>): Stores {
  let waiting = true
  const { upgradePassword } = stores.storedUsers
  return {
    ...stores,
    storedUsers: {
      ...stores.storedUsers,
      async upgradePassword(sub, from, to) {
        if (waiting) {
          waiting = false
          await meanwhile()
        }
        return upgradePassword(sub, from, to)
      },
    },
  }
}

test('imported passwords: a password that is changed during the sign-in stays', async () => {
  const { storage, open } = await beginShared()
  const tenantStores = await open()
  let change = async (): Promise<unknown> => undefined
  const main = interrupted(tenantStores.main, () => change())
  const server = await createTestServer({ ...world, storage }, { tenantStores: { ...tenantStores, main } })
  const sub = await addUser(server, { ...without, passwordHash: ssha })
  change = async () => {
    const user = await server.accounts.find(sub)
    assert.ok(user)
    const changed = await server.accounts.setPassword(user, 'eleven green bottles')
    assert.ok(changed.ok)
  }
  // The sign-in was checked before the change, which ends it.
  assertRefused(await tokensOf(server, 'dora', password), 'invalid_grant', 'no_longer_valid')
  assert.equal(
    server.logged.some(({ event }) => event === 'password_hash_upgraded'),
    false,
  )
  await refused(server, 'dora', password)
  assert.equal((await tokensOf(server, 'dora', 'eleven green bottles')).status, 200)
})

test('imported passwords: a failure to replace the hash is logged and prevents no sign-in', async () => {
  const { storage, open } = await beginShared()
  const tenantStores = await open()
  const main = interrupted(tenantStores.main, () => Promise.reject(new Error('disk full')))
  const server = await createTestServer({ ...world, storage }, { tenantStores: { ...tenantStores, main } })
  const sub = await addUser(server, { ...without, passwordHash: ssha })
  assert.equal((await tokensOf(server, 'dora', password)).status, 200)
  assert.equal(await hashOf(server, sub), ssha)
  const line = server.logged.find(({ event }) => event === 'password_hash_kept')
  assert.deepEqual([line?.level, line?.sub, line?.cause], ['warn', sub, 'Error: disk full'])
  assert.equal((await tokensOf(server, 'dora', password)).status, 200)
  assert.match((await hashOf(server, sub)) ?? '', current)
})

test('imported passwords: a hash survives a restart before the first sign-in, and its replacement one after it', async () => {
  const { storage, open } = await beginShared()
  const start = async () => createTestServer({ ...world, storage }, { tenantStores: await open() })
  const first = await start()
  const sub = await addUser(first, { ...without, passwordHash: ssha })
  await first.close()
  const second = await start()
  assert.equal(await hashOf(second, sub), ssha)
  assert.equal((await tokensOf(second, 'dora', password)).status, 200)
  await second.close()
  const third = await start()
  assert.match((await hashOf(third, sub)) ?? '', current)
  assert.equal((await tokensOf(third, 'dora', password)).status, 200)
  await third.close()
})

test('imported passwords: a stored text that is no hash matches no password', async () => {
  const server = await createTestServer(world)
  const sub = await addUser(server)
  for (const text of ['', 'seven purple kettles', '$2b$31$', ssha.slice(0, 20)]) {
    const user = (await server.accounts.find(sub))!
    await server.stores.storedUsers.replace({ ...user, version: user.version + 1, password: text })
    for (const typed of ['seven purple kettles', password, 'x']) await refused(server, 'dora', typed)
    assert.equal(await hashOf(server, sub), text)
    const lines = server.logged.filter(({ event }) => event === 'password_hash_unreadable')
    assert.deepEqual([lines.length, lines[0]?.level, lines[0]?.sub], [3, 'warn', sub])
    assert.match(String(lines[0]?.problem), /^it is not /)
    if (text !== '') assert.equal(JSON.stringify(lines).includes(text), false)
    server.logged.length = 0
  }
  await refused(server, 'nobody', password)
  assert.doesNotMatch(JSON.stringify(server.logged), /password_hash_unreadable/)
})

test('imported passwords: a configured user signs in with one, which stays', async () => {
  for (const name of ['LDAP {SSHA512}', 'bcrypt 2b$, cost 4', "Firebase's scrypt"]) {
    const vector = vectorOf(name.replace('bcrypt 2b', 'bcrypt $2b'))
    const user = { sub: 'c', username: 'carol', password_hash: vector.hash }
    const server = await createTestServer({ ...world, users: [...world.users, user] })
    for (const _ of [1, 2]) assert.equal((await tokensOf(server, 'carol', vector.password)).status, 200)
    await refused(server, 'carol', `${vector.password}x`)
    assert.equal(
      server.logged.some(({ event }) => event === 'password_hash_upgraded'),
      false,
    )
  }
})

/** A store whose only user is Pat. */
function storeOf(more: Partial<UserStore> = {}) {
  const rows = new Map<string, UserStoreUser>([
    ['pat-1', { sub: 'pat-1', username: 'pat', password_hash: ssha }],
  ])
  const userStore: UserStore = {
    findBySub: ({ sub }) => rows.get(sub),
    findByUsername: ({ username }) => (username === 'pat' ? rows.get('pat-1') : undefined),
    ...more,
  }
  return { rows, userStore }
}

test('imported passwords: the operator’s store replaces the hash of its user', async () => {
  const requests: unknown[] = []
  const { rows, userStore } = storeOf({
    upgradePassword(request) {
      requests.push({ ...request, password_argon2id: current.test(request.password_argon2id) })
      const { password_hash: _, ...row } = rows.get(request.sub)!
      rows.set(request.sub, { ...row, password_argon2id: request.password_argon2id })
      return true
    },
  })
  const server = await createTestServer({ ...world, userStore })
  await refused(server, 'pat', `${password}x`)
  assert.deepEqual(requests, [])
  for (const _ of [1, 2]) assert.equal((await tokensOf(server, 'pat', password)).status, 200)
  assert.deepEqual(requests, [{ sub: 'pat-1', password_hash: ssha, password_argon2id: true }])
  await refused(server, 'pat', `${password}x`)
})

test('imported passwords: without upgradePassword the hash of the operator’s store stays', async () => {
  const { userStore } = storeOf()
  const server = await createTestServer({ ...world, userStore })
  for (const _ of [1, 2]) assert.equal((await tokensOf(server, 'pat', password)).status, 200)
  assert.equal(
    server.logged.some(({ event }) => /^password_hash_/.test(event)),
    false,
  )
})

test('imported passwords: whatever upgradePassword does, the user signs in', async () => {
  for (const [upgradePassword, reason] of [
    [
      () => {
        throw new Error('locked')
      },
      'hook_failed',
    ],
    [() => 'yes' as never, 'hook_result_invalid'],
    [() => new Promise<never>(() => {}), 'hook_timed_out'],
    [() => false, undefined],
  ] as const) {
    const { userStore } = storeOf({ upgradePassword })
    const server = await createTestServer({ ...world, hook_timeout: 1, userStore })
    assert.equal((await tokensOf(server, 'pat', password)).status, 200)
    const line = server.logged.find(({ event }) => event === 'password_hash_kept')
    assert.equal(line?.reason, reason)
    if (reason) assert.equal(line?.hook, 'userStore.upgradePassword')
    assert.doesNotMatch(JSON.stringify(server.logged), /SSHA|argon2id|hörse/)
  }
})
