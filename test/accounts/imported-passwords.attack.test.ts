/** Imported hashes tell nobody which users exist, and who has not signed in since the import. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createUsers } from '../../packages/server/src/identity/users.ts'
import type { ConfiguredUser } from '../../packages/server/src/model/user.ts'
import { decoyHash } from '../../packages/server/src/runtime/password-hash/argon2.ts'
import { findPasswordHash } from '../../packages/server/src/runtime/password-hash/read.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { sampleUser } from '../contracts/stores/samples.ts'
import { passwordHashVectors } from '../support/password-hashes.ts'
import { openStores } from '../support/storage.ts'

const hashOf = (name: string): string => passwordHashVectors.find(vector => vector.name === name)?.hash ?? ''
const costOf = (hash: string): string => findPasswordHash(hash)?.cost ?? hash
const bcrypt = hashOf('bcrypt $2b$, cost 10')
const other = hashOf('bcrypt $2a$, cost 10').replace('$2a$', '$2y$')
const keycloak = hashOf('PBKDF2 sha256, 27500 iterations, 64 bytes')

/** Users whose passwords are all wrong, and a function that returns the costs of a check of a name. */
async function world(
  stored: Readonly<Record<string, string | undefined>>,
  configured: object = {},
  decoy = decoyHash(),
) {
  const stores = await openStores()
  for (const [username_key, password] of Object.entries(stored))
    await stores.storedUsers.add(sampleUser({ username_key, ...(password !== undefined && { password }) }))
  let costs: string[] = []
  const users = createUsers(
    Object.entries(configured).map(
      ([username, encoded]): ConfiguredUser => ({
        ...{ sub: `of ${username}`, username, active: true, claims: {} },
        password: { kind: 'hash', encoded },
      }),
    ),
    {
      stores,
      random: { bytes: count => new Uint8Array(count) },
      isDisabled: () => false,
      upgradePassword: { stored: async () => {}, outside: async () => {} },
      log: silentLog,
      decoyHash: decoy,
      async verifyPasswordHash(encoded) {
        costs.push(costOf(encoded))
        return false
      },
    },
  )
  return {
    stores,
    async check(name: string): Promise<readonly string[]> {
      costs = []
      assert.equal(await users.checkPassword(name, 'wrong', undefined, '192.0.2.1'), undefined)
      return costs.toSorted()
    },
  }
}

const decoy = decoyHash()
const usual = costOf(decoy)

test('attack: with imported hashes, an unknown name costs what every user costs', async () => {
  const { check } = await world({
    old: bcrypt,
    older: other,
    moved: keycloak,
    upgraded: decoy,
    none: undefined,
    unreadable: '$2b$31$unreadable',
  })
  const expected = [usual, costOf(bcrypt), costOf(keycloak)].toSorted()
  for (const name of ['nobody', 'old', 'older', 'moved', 'upgraded', 'none', 'unreadable', 'nobody'])
    assert.deepEqual(await check(name), expected, name)
})

test('attack: with configured imported hashes alone, an unknown name costs what they cost', async () => {
  const { check } = await world({}, { old: bcrypt, moved: keycloak })
  for (const name of ['nobody', 'old', 'moved'])
    assert.deepEqual(await check(name), [costOf(bcrypt), costOf(keycloak)].toSorted(), name)
})

test('attack: without imported hashes, a check costs one argon2id verification', async () => {
  const { check } = await world({ upgraded: decoy })
  for (const name of ['nobody', 'upgraded']) assert.deepEqual(await check(name), [usual], name)
})

test('attack: at another cost of new hashes, a check costs one verification at that cost', async () => {
  const cheap = decoyHash({ memoryCost: 64, timeCost: 1, parallelism: 1 })
  const { check } = await world({ upgraded: cheap }, {}, cheap)
  for (const name of ['nobody', 'upgraded']) assert.deepEqual(await check(name), [costOf(cheap)], name)
})

test('attack: a cost that no sample showed is part of every check after its first', async () => {
  const many = Object.fromEntries(Array.from({ length: 110 }, (_, n) => [`user ${n}`, decoy]))
  const { check, stores } = await world(many)
  assert.deepEqual(await check('nobody'), [usual])
  await stores.storedUsers.add(sampleUser({ username_key: 'late', password: bcrypt }))
  assert.deepEqual(await check('nobody'), [usual])
  const expected = [usual, costOf(bcrypt)].toSorted()
  for (const name of ['late', 'nobody', 'user 7']) assert.deepEqual(await check(name), expected, name)
})

test('attack: many costs don’t make a check cost more than three besides the usual one and the user’s own', async () => {
  const hashes = [4, 5, 6, 7, 8, 9].map(cost => bcrypt.replace('$10$', `$0${cost}$`))
  const { check } = await world(Object.fromEntries(hashes.map((hash, n) => [`user ${n}`, hash])))
  assert.equal((await check('nobody')).length, 4)
  for (const [n] of hashes.entries()) {
    const costs = await check(`user ${n}`)
    assert.ok(costs.length === 4 || costs.length === 5)
    assert.ok(costs.includes(costOf(hashes[n] ?? '')))
  }
})
