/** Guarantees of the port of entries that are made while the server runs. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoredEntry } from '../../../packages/server/src/model/entry.ts'
import type { Stores } from '../../../packages/server/src/model/ports/stores.ts'
import { newHash, now, sampleCommit, sampleReferenceToken, tally } from './samples.ts'

export const sampleEntry = (fields: Partial<StoredEntry> = {}): StoredEntry => ({
  kind: 'clients',
  id: newHash(),
  version: 1,
  entry: { client_name: 'Åsa "A"\0', claims: [{ type: 'n', value: 1.5 }] },
  enabled: 1,
  revision: 0,
  created_at: now,
  updated_at: now,
  ...fields,
})

export function testEntries(stores: () => Stores): void {
  const revision = async (): Promise<number> => stores().entries.revision()
  const put = async (entry: StoredEntry): Promise<boolean> => stores().entries.put(entry, await revision())
  const mayCommit = (client_id: string): Promise<unknown> =>
    stores().commit(
      sampleCommit({ client_id, sub: undefined, issue: { referenceToken: sampleReferenceToken() } }),
    )

  test('entries: one is found with every field unchanged, and replaced, and removed', async () => {
    const { entries } = stores()
    const full = sampleEntry({ needs: { origins: ['https://a.example'], plain_pkce: true } })
    assert.equal(await put(full), true)
    assert.deepEqual(await entries.find('clients', full.id), { ...full, revision: await revision() })
    assert.equal(await entries.find('api_scopes', full.id), undefined)
    const { needs: _, ...plain } = full
    const next = { ...plain, version: 2, entry: {}, enabled: 0 as const, updated_at: now + 1 }
    assert.equal(await put(next), true)
    assert.deepEqual(await entries.find('clients', full.id), { ...next, revision: await revision() })
    assert.equal(await entries.remove('clients', full.id, { revision: await revision(), at: now }), true)
    assert.equal(await entries.find('clients', full.id), undefined)
  })

  test('entries: a client is enabled, disabled and removed for every commit', async () => {
    const { entries } = stores()
    const client = sampleEntry()
    assert.equal(await mayCommit(client.id), 'revoked')
    await put(client)
    assert.equal(await mayCommit(client.id), 'committed')
    await put({ ...client, version: 2, enabled: 0 })
    assert.equal(await mayCommit(client.id), 'revoked')
    await put({ ...client, version: 3 })
    assert.equal(await mayCommit(client.id), 'committed')
    await entries.remove('clients', client.id, { revision: await revision(), at: now })
    assert.equal(await mayCommit(client.id), 'revoked')
  })

  test('entries: what was revoked stays so when a client is removed, made again, or moves between file and store', async () => {
    const { entries, principals } = stores()
    const revokedAt = async (id: string) => (await principals.disabled()).revokedClients.get(id)
    const sync = (clients: readonly { id: string; enabled: boolean }[]) =>
      principals.sync({ clients: [...clients, { id: 'web', enabled: true }], users: [] })
    const client = sampleEntry()
    await put(client)
    const bystander = sampleEntry()
    await put(bystander)
    assert.equal(await revokedAt(client.id), undefined)
    await entries.remove('clients', client.id, { revision: await revision(), at: now - 9 })
    await put({ ...client, version: 2 })
    assert.equal(await revokedAt(client.id), now - 9)
    assert.equal(await mayCommit(client.id), 'committed')
    await sync([{ id: client.id, enabled: true }])
    await principals.revokeClient(client.id, now - 8)
    await sync([])
    assert.equal(await revokedAt(client.id), now - 8)
    const other = sampleEntry()
    await sync([{ id: other.id, enabled: true }])
    await principals.revokeClient(other.id, now - 7)
    await sync([])
    await put(other)
    assert.equal(await revokedAt(other.id), now - 7)
    assert.equal(await revokedAt(bystander.id), undefined)
  })

  test('entries: a client stays enabled after clean-up, and a removed one whose id is a URL is reported as disabled', async () => {
    const { entries, principals } = stores()
    const isDisabled = async (id: string) => (await principals.disabled()).clients.has(id)
    for (const id of [newHash(), `https://client.example/${newHash()}`]) {
      const client = sampleEntry({ id })
      await put(client)
      await stores().cleanUp(now)
      assert.equal(await mayCommit(id), 'committed')
      assert.equal(await isDisabled(id), false)
      await entries.remove('clients', id, { revision: await revision(), at: now })
      assert.equal(await mayCommit(id), 'revoked')
      assert.equal(await isDisabled(id), id.startsWith('https:'))
      const configured = [{ id, enabled: true }]
      await principals.sync({ clients: [...configured, { id: 'web', enabled: true }], users: [] })
      assert.equal(await isDisabled(id), false)
    }
  })

  test('entries: while the file has an enabled client, an entry with its id does not replace it', async () => {
    const sync = (clients: readonly { id: string; enabled: boolean }[]) =>
      stores().principals.sync({ clients: [...clients, { id: 'web', enabled: true }], users: [] })
    const client = sampleEntry({ enabled: 0 })
    await sync([{ id: client.id, enabled: true }])
    await put(client)
    assert.equal(await mayCommit(client.id), 'committed')
    await sync([])
    assert.equal(await mayCommit(client.id), 'revoked')
  })

  test('entries: another kind with the id of a client does not enable it', async () => {
    const scope = sampleEntry({ kind: 'api_scopes' })
    await put(scope)
    assert.equal(await mayCommit(scope.id), 'revoked')
  })

  test('entries: a client of the file takes effect before a stored one, and gives the id back', async () => {
    const { principals } = stores()
    const client = sampleEntry()
    const sync = (clients: readonly { id: string; enabled: boolean }[]) =>
      principals.sync({ clients: [...clients, { id: 'web', enabled: true }], users: [] })
    // It was in the file once.
    await sync([{ id: client.id, enabled: true }])
    await sync([])
    assert.equal(await mayCommit(client.id), 'revoked')
    await put(client)
    assert.equal(await mayCommit(client.id), 'committed')
    assert.ok(!(await principals.disabled()).clients.has(client.id))
    await sync([{ id: client.id, enabled: false }])
    assert.equal(await mayCommit(client.id), 'revoked')
    await sync([{ id: client.id, enabled: true }])
    await sync([])
    assert.equal(await mayCommit(client.id), 'committed')
  })

  test('entries: of many writes that saw the same revision, one takes effect', async () => {
    const { entries } = stores()
    const client = sampleEntry()
    await put(client)
    const since = await revision()
    const writes = Array.from({ length: 10 }, (_, index) =>
      index % 2 === 0
        ? entries.put({ ...client, version: 2, entry: { index } }, since)
        : entries.remove('clients', client.id, { revision: since, at: now }),
    )
    assert.deepEqual(tally(await Promise.all(writes)), { true: 1, false: 9 })
    assert.equal(await revision(), since + 1)
    assert.equal(await entries.put(client, since), false)
  })

  test('entries: an event is stored with its change, or neither is', async () => {
    const { entries, webhookMessages } = stores()
    const endpoint = newHash()
    const message = () => ({
      event_id: newHash(),
      endpoint,
      sealed: new Uint8Array([1]),
      attempts: 0,
      due_at: now,
      expires_at: now + 60,
    })
    const client = sampleEntry()
    const since = await revision()
    assert.equal(await entries.put(client, since, [message()]), true)
    assert.equal(await entries.put(client, since, [message()]), false)
    assert.equal(await entries.remove('clients', client.id, { revision: since, at: now }, [message()]), false)
    assert.equal(await webhookMessages.count(endpoint, 9), 1)
    assert.equal(
      await entries.remove('clients', client.id, { revision: since + 1, at: now }, [message()]),
      true,
    )
    assert.equal(await webhookMessages.count(endpoint, 9), 2)
  })

  test('entries: pages follow the ids, and the index has the versions and needs of clients', async () => {
    const { entries } = stores()
    const prefix = `!${newHash()}`
    const made = ['a', 'B', 'c'].map((name, index) =>
      sampleEntry({
        id: `${prefix}${name}`,
        version: index + 1,
        needs: { lifetime: 100_000 + index },
        enabled: name === 'c' ? 0 : 1,
      }),
    )
    const provider = sampleEntry({ kind: 'identity_providers', id: prefix })
    for (const entry of [...made, provider]) await put(entry)
    const page = await entries.list('clients', { after: prefix, limit: 2 })
    assert.deepEqual(
      page.map(({ id }) => id.replace(prefix, '')),
      ['B', 'a'],
    )
    const [next] = await entries.list('clients', { after: page.at(-1)?.id, limit: 1 })
    assert.equal(next?.id, `${prefix}c`)
    const rows = new Map((await entries.clientIndex()).rows.map(row => [row.id, row]))
    assert.deepEqual(
      made.map(({ id }) => rows.get(id)),
      [
        { id: `${prefix}a`, version: 1, needs: { lifetime: 100_000 } },
        { id: `${prefix}B`, version: 2, needs: { lifetime: 100_001 } },
        // A disabled client needs nothing.
        { id: `${prefix}c`, version: 3 },
      ],
    )
    const since = await revision()
    await put({ ...provider, version: 2 })
    assert.deepEqual(await entries.clientIndex(since), { count: rows.size, rows: [] })
    await put({ ...made[0]!, version: 4 })
    const changes = await entries.clientIndex(since)
    assert.deepEqual([changes.count, changes.rows.map(({ version }) => version)], [rows.size, [4]])
    await entries.remove('clients', `${prefix}c`, { revision: await revision(), at: now })
    assert.equal((await entries.clientIndex(since)).count, rows.size - 1)
    const shared = await entries.shared()
    assert.ok(shared.some(({ kind, id }) => kind === 'identity_providers' && id === prefix))
    assert.ok(shared.every(({ kind }) => kind !== 'clients'))
  })
}
