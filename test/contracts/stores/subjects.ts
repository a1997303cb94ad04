/** Guarantee of the ports that add users and clients: no user's `sub` is a `client_id` (RFC 9068 §5, RFC 9700 §4.15). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { sampleEntry } from './entries.ts'
import { sampleRegisteredClient } from './registered-clients.ts'
import { newHash, now, sampleUser } from './samples.ts'

const many = 1_000_000

export function testSubjects(stores: () => Stores): void {
  const put = async (id: string, fields: Parameters<typeof sampleEntry>[0] = {}): Promise<boolean> =>
    stores().entries.put(sampleEntry({ id, ...fields }), await stores().entries.revision())
  const addUser = (sub: string): Promise<boolean> => stores().storedUsers.add(sampleUser({ sub }))
  const register = (client_id: string): Promise<boolean> =>
    stores().registeredClients.add(sampleRegisteredClient({ client_id }), many)
  const ways = { entry: put, registration: register } as const

  for (const [name, addClient] of Object.entries(ways)) {
    test(`subjects: a user whose sub is the client_id of a stored client is not added (${name})`, async () => {
      const id = newHash()
      assert.equal(await addClient(id), true)
      assert.equal(await addUser(id), false)
      assert.equal(await stores().storedUsers.find(id), undefined)
    })

    test(`subjects: a client whose client_id is the sub of a stored user is not added (${name})`, async () => {
      const { entries, registeredClients } = stores()
      const id = newHash()
      assert.equal(await addUser(id), true)
      const before = await entries.revision()
      assert.equal(await addClient(id), false)
      assert.equal(await entries.find('clients', id), undefined)
      assert.equal(await registeredClients.find(id), undefined)
      assert.equal(await entries.revision(), before)
    })

    test(`subjects: of a user and a client that are added with one id at the same moment, one is (${name})`, async () => {
      for (let round = 0; round < 10; round++) {
        const id = newHash()
        const added = await Promise.all(
          round % 2 === 0 ? [addUser(id), addClient(id)] : [addClient(id), addUser(id)],
        )
        assert.deepEqual(added.toSorted(), [false, true])
      }
    })
  }

  test('subjects: a client that is disabled keeps its client_id, and one that is removed gives it back', async () => {
    const { entries } = stores()
    const id = newHash()
    await put(id, { enabled: 0 })
    assert.equal(await addUser(id), false)
    await entries.remove('clients', id, { revision: await entries.revision(), at: now })
    assert.equal(await addUser(id), true)
  })

  test('subjects: an entry of another kind may have the sub of a user', async () => {
    const id = newHash()
    assert.equal(await addUser(id), true)
    assert.equal(await put(id, { kind: 'api_scopes' }), true)
  })
}
