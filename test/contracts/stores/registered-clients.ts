/** Guarantees of the port of self-registered clients. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import type { RegisteredClient } from '../../../packages/server/src/model/registered-client.ts'
import { day, newHash, now, sampleCommit, sampleReferenceToken, tally } from './samples.ts'

const many = 1_000_000
const registeredBy = (since: number) => ({ most: many, since })

export const sampleRegisteredClient = (fields: Partial<RegisteredClient> = {}): RegisteredClient => ({
  client_id: newHash(),
  version: 1,
  metadata: { client_name: 'Åsa "A"', redirect_uris: ['https://a.example/cb'] },
  registration_token_hash: newHash(),
  created_at: now,
  ...fields,
})

/** Returns how many there are, after adding one more: the number that other tests added is not known. */
async function countOf({ registeredClients: clients }: Stores): Promise<number> {
  for (let most = 1; most < 10_000; most++) if (await clients.add(sampleRegisteredClient(), most)) return most
  throw new Error('there are more registered clients than a test adds')
}

export function testRegisteredClients(stores: () => Stores): void {
  const mayCommit = (client_id: string): Promise<unknown> =>
    stores().commit(
      sampleCommit({ client_id, sub: undefined, issue: { referenceToken: sampleReferenceToken() } }),
    )

  test('registered clients: one is found with every field unchanged, and is enabled from then on', async () => {
    const { registeredClients: clients } = stores()
    const full = sampleRegisteredClient({
      client_secret_hash: newHash(),
      client_secret_expires_at: now + day,
      expires_at: now + day,
    })
    assert.equal(await mayCommit(full.client_id), 'revoked')
    assert.equal(await clients.add(full, many), true)
    assert.deepEqual(await clients.find(full.client_id), full)
    assert.equal(await mayCommit(full.client_id), 'committed')
    const plain = sampleRegisteredClient()
    await clients.add(plain, many)
    assert.deepEqual(await clients.find(plain.client_id), plain)
    assert.equal(await clients.find(newHash()), undefined)
  })

  test('registered clients: of many updates of one version one succeeds', async () => {
    const { registeredClients: clients } = stores()
    const client = sampleRegisteredClient({ client_secret_hash: newHash(), expires_at: now + day })
    await clients.add(client, many)
    const next = (name: number) =>
      sampleRegisteredClient({
        client_id: client.client_id,
        version: 2,
        metadata: { client_name: `${name}` },
      })
    const updates = Array.from({ length: 20 }, (_, index) => next(index))
    const replaced = await Promise.all(updates.map(update => clients.replace(update)))
    assert.deepEqual(tally(replaced), { true: 1, false: 19 })
    assert.deepEqual(await clients.find(client.client_id), updates[replaced.indexOf(true)])
    assert.equal(await clients.replace(sampleRegisteredClient({ version: 2 })), false)
  })

  test('registered clients: the pages of a list contain each once', async () => {
    const { registeredClients: clients } = stores()
    const added = Array.from({ length: 7 }, () => sampleRegisteredClient())
    for (const client of added) await clients.add(client, many)
    const listed: string[] = []
    for (let page = await clients.list({ limit: 3 }); page.length > 0; ) {
      listed.push(...page.map(({ client_id }) => client_id))
      page = await clients.list({ limit: 3, after: listed.at(-1)! })
      assert.ok(listed.length < 10_000, 'a list without end')
    }
    assert.equal(new Set(listed).size, listed.length)
    for (const { client_id } of added) assert.ok(listed.includes(client_id))
  })

  test('registered clients: a deleted one is gone and disabled', async () => {
    const { registeredClients: clients } = stores()
    const client = sampleRegisteredClient()
    await clients.add(client, many)
    const removed = await Promise.all([1, 2, 3].map(() => clients.remove(client.client_id)))
    assert.deepEqual(tally(removed), { true: 1, false: 2 })
    assert.equal(await clients.find(client.client_id), undefined)
    assert.equal(await mayCommit(client.client_id), 'revoked')
    assert.equal(await clients.replace({ ...client, version: 2 }), false)
  })

  test('registered clients: the number of clients is limited', async () => {
    const { registeredClients: clients } = stores()
    const client = sampleRegisteredClient()
    assert.equal(await clients.add(client, 0), false)
    assert.equal(await clients.find(client.client_id), undefined)
    assert.equal(await mayCommit(client.client_id), 'revoked')
  })

  test('registered clients: at the limit, the oldest unused one is replaced', async () => {
    const { registeredClients: clients } = stores()
    const sample = (created_at: number) =>
      sampleRegisteredClient({ created_at, vouched_by: 'initial_access_token' })
    const [used, oldest, older, young] = [sample(now - 90), sample(now - 80), sample(now - 70), sample(now)]
    const origins = { allowed_cors_origins: ['https://oldest.example'] }
    for (const client of [used, { ...oldest, metadata: origins }, older, young])
      await clients.add(client, many)
    await clients.extend(used.client_id, { used_at: now })
    assert.deepEqual(await clients.find(used.client_id), { ...used, used_at: now })
    const count = async () => {
      const found = await Promise.all(
        [used, oldest, older, young].map(({ client_id }) => clients.find(client_id)),
      )
      return found.map(client => client !== undefined)
    }
    const most = await countOf(stores())

    assert.equal(await clients.add(sample(now), most), false)
    assert.equal(await clients.add(sample(now), most, registeredBy(now - 100)), false)
    assert.deepEqual(await count(), [true, true, true, true])
    assert.equal(await clients.add(sample(now), most, registeredBy(now - 1)), true)
    assert.deepEqual(await count(), [true, false, true, true])
    assert.equal(await mayCommit(oldest.client_id), 'revoked')
    assert.equal(await clients.hasOrigin('https://oldest.example', now), false)
    assert.equal(await clients.add(sample(now), most, registeredBy(now - 1)), true)
    assert.deepEqual(await count(), [true, false, false, true])
    assert.equal(await clients.add(sample(now), most, registeredBy(now - 1)), false)
    assert.equal(await mayCommit(used.client_id), 'committed')
  })

  test('registered clients: the number of unused ones is limited, beside those in use', async () => {
    const { registeredClients: clients } = stores()
    const add = (created_at: number, most: number, since: number) =>
      clients.add(sampleRegisteredClient({ created_at }), many, { most, since })
    // Those of other tests are deleted as far as the limit requires.
    const later = now + 10 * day
    assert.equal(await add(later, 2, later - 1), true)
    const [first, second, used] = [0, 1, 2].map(() => sampleRegisteredClient({ created_at: later + 1 }))
    await clients.add(used!, many)
    await clients.extend(used!.client_id, { used_at: later + 1 })
    assert.equal(await clients.add(first!, many, { most: 2, since: later - 1 }), true)
    // There are two, and neither is old enough.
    assert.equal(await clients.add(second!, many, { most: 2, since: later - 1 }), false)
    assert.equal(await clients.add(second!, many, { most: 2, since: later }), true)
    assert.equal(await clients.add(sampleRegisteredClient(), many, { most: 2, since: later }), false)
    const found = await Promise.all([first, second, used].map(client => clients.find(client!.client_id)))
    assert.deepEqual(
      found.map(client => client !== undefined),
      [true, true, true],
    )
    assert.equal(await mayCommit(used!.client_id), 'committed')
  })

  /** 1.4 million registrations for 20,000 clients in use, as an operator counted them, scaled down. */
  test('registered clients: an extension changes only what it names', async () => {
    const { registeredClients: clients } = stores()
    const client = sampleRegisteredClient()
    await clients.add(client, many)
    const changes = [{ expires_at: now + 9 }, { used_by: newHash() }, { used_at: now + 1 }]
    for (const change of changes) await clients.extend(client.client_id, change)
    assert.deepEqual(await clients.find(client.client_id), Object.assign({}, client, ...changes))
    await clients.remove(client.client_id)
  })

  test('registered clients: a flood of seventy registrations for each client in use keeps those in use, and limits the rest', async () => {
    const { registeredClients: clients } = stores()
    const start = now + 20 * day
    const inUse = Array.from({ length: 3 }, () => sampleRegisteredClient({ created_at: start }))
    for (const client of inUse) {
      await clients.add(client, many, { most: 30, since: start - 1 })
      await clients.extend(client.client_id, { used_at: start })
    }
    const flood = Array.from({ length: 210 }, (_, index) =>
      sampleRegisteredClient({ created_at: start + 10 + index }),
    )
    const added: boolean[] = []
    for (const client of flood)
      added.push(await clients.add(client, many, { most: 30, since: client.created_at - 20 }))
    assert.deepEqual(tally(added), { true: 210 })
    const isKept = async ({ client_id }: RegisteredClient) => (await clients.find(client_id)) !== undefined
    assert.deepEqual(tally(await Promise.all(inUse.map(isKept))), { true: 3 })
    assert.deepEqual(tally(await Promise.all(flood.map(isKept))), { true: 30, false: 180 })
    assert.deepEqual(tally(await Promise.all(flood.slice(-30).map(isKept))), { true: 30 })
  })

  test('registered clients: a full store deletes the least recently used of the users with the most, and leaves each user some', async () => {
    const { registeredClients: clients } = stores()
    const start = now + 40 * day
    const before = await countOf(stores())
    const used = async (used_by: RegisteredClient['used_by'], used_at: number): Promise<RegisteredClient> => {
      const client = sampleRegisteredClient({ created_at: start })
      assert.equal(await clients.add(client, many), true)
      await clients.extend(client.client_id, { used_at, ...(used_by && { used_by }) })
      return { ...client, used_at, ...(used_by && { used_by }) }
    }
    const [heavy, heavier, light] = [newHash(), newHash(), newHash()]
    const ofHeavy = [await used(heavy, start + 5), await used(heavy, start + 1)]
    const ofHeavier = [
      await used(heavier, start + 2),
      await used(heavier, start + 9),
      await used(heavier, start + 3),
    ]
    const ofLight = await used(light, start)
    const ofNobody = await used(undefined, start)
    const all = [...ofHeavy, ...ofHeavier, ofLight, ofNobody]
    const gone = async () => {
      const found = await Promise.all(all.map(({ client_id }) => clients.find(client_id)))
      return found.flatMap((client, index) => (client ? [] : [index]))
    }
    assert.deepEqual(await clients.find(ofLight.client_id), ofLight)
    // Unused ones of other tests go first.
    const most = before + all.length
    const addOne = async (at: number) => {
      const client = sampleRegisteredClient({ created_at: at })
      const isAdded = await clients.add(client, most, { most: many, since: start - 1 })
      if (isAdded) await clients.extend(client.client_id, { used_at: at })
      return isAdded
    }
    while ((await gone()).length === 0) assert.equal(await addOne(start), true)
    assert.deepEqual(await gone(), [2])
    assert.equal(await addOne(start + 1), true)
    // Of two users with as many, the client that was used first.
    assert.deepEqual(await gone(), [1, 2])
    assert.equal(await addOne(start + 2), true)
    assert.deepEqual(await gone(), [1, 2, 4])
    assert.equal(await mayCommit(ofHeavier[0]!.client_id), 'revoked')
    assert.equal(await mayCommit(ofLight.client_id), 'committed')
    // Each user has one left, so the store is full.
    assert.equal(await addOne(start + 3), false)
    assert.deepEqual(await gone(), [1, 2, 4])
  })

  test('registered clients: an origin is known while an existing client has it', async () => {
    const { registeredClients: clients } = stores()
    const origin = `https://${newHash().toLowerCase()}.example`
    const metadata = { allowed_cors_origins: ['https://x.example', origin] }
    const client = sampleRegisteredClient({ metadata, expires_at: now + day })
    assert.equal(await clients.hasOrigin(origin, now), false)
    await clients.add(client, many)
    assert.equal(await clients.hasOrigin(origin, now), true)
    assert.equal(await clients.hasOrigin(origin, now + day), false)
    await clients.extend(client.client_id, { expires_at: now + 2 * day })
    assert.equal(await clients.hasOrigin(origin, now + day), true)
    await clients.replace({ ...client, version: 2, metadata: {} })
    assert.equal(await clients.hasOrigin(origin, now), false)
    await clients.replace({ ...client, version: 3 })
    await clients.remove(client.client_id)
    assert.equal(await clients.hasOrigin(origin, now), false)
  })
}
