/** Blocks of clients through the admin API: their effects, refusals, records, and that the command line shares them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '../../packages/server/src/model/events.ts'
import { type Admin, adminToken, adminWorld, startAdmin } from '../support/admin.ts'
import { assertRefused } from '../support/refused.ts'
import { register } from '../support/registering.ts'
import {
  connectSealed,
  idOfLength,
  notes,
  refreshFor,
  registerNotes,
  sealing,
  userinfoStatus,
} from '../support/sealed-clients.ts'
import { pagesWorld } from '../support/sign-in.ts'
import { beginShared } from '../support/storage.ts'
import { until } from '../support/until.ts'

const off = 'https://off.example/client'
const world = {
  ...sealing({}, { blocked_redirect_hosts: ['*.filed.example'] }),
  admin_api: { enabled: true },
  tenants: [
    ...pagesWorld.tenants,
    {
      ...{ name: 'own', issuer: 'path', admin_api: { enabled: true } },
      clients: [adminWorld.clients[0]],
    },
  ],
  clients: [
    ...pagesWorld.clients,
    adminWorld.clients[0],
    {
      ...{ client_id: off, enabled: false, token_endpoint_auth_method: 'none' },
      redirect_uris: ['https://off.example/cb'],
    },
  ],
}
const [hosts, ids, sealed] = ['redirect-hosts', 'client-ids', 'sealed-client-ids'].map(
  one => `/client-blocks/${one}`,
) as [string, string, string]

const inPath = (collection: string, id: string): string => `${collection}/${encodeURIComponent(id)}`

/** The blocks that were made at run time. */
const storedBlocks = async ({ call }: Admin): Promise<unknown> =>
  (await call('GET', '/client-blocks?origin=stored')).json.items

const entriesOf = ({ server }: Admin, event: string) =>
  server.logged.filter(line => line.event === event).map(({ kind, id, actor }) => [kind, id, actor])

test('client blocks: a redirect host is blocked, listed and unblocked, and registration follows at once', async () => {
  const admin = await startAdmin(world)
  const { server, call } = admin
  const at = inPath(hosts, 'notes.example')
  const block = { kind: 'redirect_host', id: 'notes.example', origin: 'stored' }
  const made = await call('PUT', at)
  assert.deepEqual([made.status, made.json], [201, block])
  const again = await call('PUT', at)
  assert.deepEqual([again.status, again.json], [200, block])
  assert.deepEqual(await storedBlocks(admin), [block])
  assertRefused(await register(server, notes), 'invalid_redirect_uri', 'client_redirect_blocked')
  const ended = await call('DELETE', at)
  assert.deepEqual([ended.status, ended.body], [204, ''])
  const gone = await call('DELETE', at)
  assert.deepEqual(
    [gone.status, gone.json.reason, gone.reason],
    [404, ...Array(2).fill('admin_entry_unknown')],
  )
  assert.deepEqual(await storedBlocks(admin), [])
  assert.equal((await register(server, notes)).status, 201)
  assert.deepEqual(entriesOf(admin, 'clients_blocked'), [['redirect_host', 'notes.example', 'operator']])
  assert.deepEqual(entriesOf(admin, 'clients_unblocked'), [['redirect_host', 'notes.example', 'operator']])
  const changes = server.logged.filter(({ event }) => event === 'admin_change')
  assert.deepEqual(
    changes.map(({ operation, kind, id }) => [operation, kind, id]),
    ['blockRedirectHost', 'unblockRedirectHost'].map(one => [one, 'redirect_host', 'notes.example']),
  )
})

test('client blocks: existing tokens of the client are refused at once, at other nodes, and after a restart', async () => {
  const { open } = await beginShared()
  const begin = async () => startAdmin(world, { tenantStores: await open() })
  const [one, other] = [await begin(), await begin()]
  const id = await registerNotes(one.server)
  const { tokens } = await connectSealed(one.server, id)
  assert.equal(await userinfoStatus(other.server, tokens.access_token), 200)
  assert.equal((await one.call('PUT', inPath(ids, id))).status, 201)
  assert.equal(await userinfoStatus(one.server, tokens.access_token), 401)
  const refused = await refreshFor(one.server, id, tokens.refresh_token)
  assertRefused(refused, 'invalid_client', 'client_disabled')
  await until(
    'the other node follows',
    async () => (await userinfoStatus(other.server, tokens.access_token)) === 401,
  )
  const block = { kind: 'client_id', id, origin: 'stored' }
  const later = await begin()
  for (const node of [one, other, later]) assert.deepEqual(await storedBlocks(node), [block])
  assert.equal(await userinfoStatus(later.server, tokens.access_token), 401)
  assert.equal((await other.call('DELETE', inPath(ids, id))).status, 204)
  for (const node of [other, one, later])
    await until(
      'tokens are valid again',
      async () => (await userinfoStatus(node.server, tokens.access_token)) === 200,
    )
  assert.equal((await refreshFor(other.server, id, tokens.refresh_token)).status, 200)
})

test('client blocks: of concurrent requests at two nodes one makes the block, and one ends it', async () => {
  const { open } = await beginShared()
  const begin = async () => startAdmin(world, { tenantStores: await open() })
  const nodes = [await begin(), await begin()]
  const at = inPath(hosts, 'myapp:')
  const send = async (method: string): Promise<readonly number[]> =>
    (await Promise.all([...nodes, ...nodes, ...nodes].map(({ call }) => call(method, at))))
      .map(({ status }) => status)
      .sort()
  assert.deepEqual(await send('PUT'), [200, 200, 200, 200, 200, 201])
  assert.deepEqual(await send('DELETE'), [204, 404, 404, 404, 404, 404])
  for (const event of ['clients_blocked', 'clients_unblocked'])
    assert.deepEqual(
      nodes.flatMap(node => entriesOf(node, event)),
      [['redirect_host', 'myapp:', 'operator']],
    )
})

test('client blocks: all sealed ids are blocked, and registration stores clients meanwhile', async () => {
  const admin = await startAdmin(world)
  const { server, call } = admin
  const { tokens } = await connectSealed(server, await registerNotes(server))
  assert.deepEqual((await call('PUT', sealed)).json, { kind: 'sealed_client_ids', origin: 'stored' })
  assert.equal(await userinfoStatus(server, tokens.access_token), 401)
  assert.doesNotMatch(await registerNotes(server), /^sealed1\./)
  assert.equal((await call('PUT', sealed)).status, 200)
  assert.deepEqual(await storedBlocks(admin), [{ kind: 'sealed_client_ids', origin: 'stored' }])
  assert.equal((await call('DELETE', sealed)).status, 204)
  assert.equal((await call('DELETE', sealed)).status, 404)
  assert.equal(await userinfoStatus(server, tokens.access_token), 200)
})

test('client blocks: blocks of the configuration are listed, and no request ends them', async () => {
  const admin = await startAdmin(world)
  const { call } = admin
  const filed = [
    { kind: 'client_id', id: off, origin: 'file' },
    { kind: 'redirect_host', id: '*.filed.example', origin: 'file' },
  ]
  assert.deepEqual((await call('GET', '/client-blocks')).json.items, filed)
  for (const at of [inPath(ids, off), inPath(hosts, '*.filed.example')]) {
    const refused = await call('DELETE', at)
    assert.deepEqual([refused.status, refused.json.reason], [409, 'admin_entry_read_only'])
    assert.match(refused.json.detail, /the configuration (blocks|disables) it/)
  }
  const both = inPath(hosts, '*.filed.example')
  assert.equal((await call('PUT', both)).status, 201)
  const kinds = (await call('GET', '/client-blocks?kind=redirect_host')).json.items
  assert.deepEqual(
    kinds.map(({ origin }: { origin: string }) => origin),
    ['file', 'stored'],
  )
  assert.equal((await call('DELETE', both)).status, 204)
  assert.equal((await call('DELETE', both)).status, 409)
  assert.deepEqual((await call('GET', '/client-blocks?origin=file')).json.items, filed)
})

test('client blocks: a disabled entry of the store is no block', async () => {
  const admin = await startAdmin(world)
  const { call } = admin
  const id = 'https://entry.example/client'
  const entry = { token_endpoint_auth_method: 'none', redirect_uris: ['https://entry.example/cb'] }
  const at = inPath('/clients', id)
  assert.equal((await call('PUT', at, { ...entry, enabled: false })).status, 201)
  assert.deepEqual(await storedBlocks(admin), [])
  assert.equal((await call('PUT', inPath(ids, id))).status, 422)
  // Its id stays disabled after it was removed, until that is ended here.
  assert.equal((await call('DELETE', at, undefined, { 'if-match': '*' })).status, 204)
  assert.deepEqual(await storedBlocks(admin), [{ kind: 'client_id', id, origin: 'stored' }])
  assert.equal((await call('DELETE', inPath(ids, id))).status, 204)
  assert.deepEqual(await storedBlocks(admin), [])
})

test('client blocks: what no client or host can be is refused with its place and a fix, and changes nothing', async () => {
  const admin = await startAdmin(world)
  const { call } = admin
  const cases: readonly (readonly [path: string, status: number, reason: string, detail: RegExp])[] = [
    [inPath(hosts, 'Spam.example'), 422, 'admin_entry_invalid', /browsers write it differently/],
    [inPath(hosts, 'spam.example/cb'), 422, 'admin_entry_invalid', /redirect_host: /],
    [inPath(hosts, '*'), 422, 'admin_entry_invalid', /it is not a host/],
    [inPath(hosts, '*.com'), 422, 'admin_entry_invalid', /too many hosts/],
    [inPath(hosts, 'https:'), 422, 'admin_entry_invalid', /not the scheme of an application/],
    [inPath(hosts, `${'a'.repeat(260)}.example`), 422, 'admin_entry_invalid', /longer than 261 characters/],
    [inPath(hosts, `${'a'.repeat(300)}:`), 422, 'admin_entry_invalid', /longer than 261 characters/],
    [inPath(hosts, 'a'.repeat(1025)), 400, 'admin_path_malformed', /longer than 1024/],
    [inPath(hosts, 'spam\n.example'), 400, 'admin_path_malformed', /control character/],
    [`${hosts}/%FF`, 404, 'admin_path_unknown', /./],
    [`${hosts}/`, 404, 'admin_path_unknown', /./],
    [inPath(hosts, 'spam example'), 422, 'admin_entry_invalid', /it is not a host/],
    [inPath(ids, 'web'), 422, 'admin_entry_invalid', /it is configured or stored/],
    [inPath(ids, 'nobody'), 422, 'admin_entry_invalid', /neither a URL nor sealed/],
    [inPath(ids, '__proto__'), 422, 'admin_entry_invalid', /neither a URL nor sealed/],
    [inPath(ids, 'http://app.example/c'), 422, 'admin_entry_invalid', /neither a URL nor sealed/],
    [inPath(ids, 'https://app.example'), 422, 'admin_entry_invalid', /it has no path/],
    [inPath(ids, 'https://app.example/a/../b'), 422, 'admin_entry_invalid', /dot segment/],
    [inPath(ids, 'sealed1.'), 422, 'admin_entry_invalid', /not a sealed id/],
    [inPath(ids, 'sealed1.a b'), 422, 'admin_entry_invalid', /not a sealed id/],
    [inPath(ids, `sealed1.${'a'.repeat(504)}`), 422, 'admin_entry_invalid', /this issuer did not make it/],
    [inPath(ids, `sealed1.${'a'.repeat(505)}`), 422, 'admin_entry_invalid', /not a sealed id/],
    [inPath(ids, 'sealed1.\0'), 400, 'admin_path_malformed', /control character/],
    [`${sealed}?kind=x`, 400, 'admin_query_malformed', /expected one of/],
    ['/client-blocks', 405, 'admin_method_not_allowed', /GET/],
  ]
  for (const [path, status, reason, detail] of cases) {
    const refused = await call('PUT', path)
    assert.deepEqual([refused.status, refused.json.reason, refused.reason], [status, reason, reason], path)
    assert.match(refused.json.detail, detail)
    if (status === 422) assert.ok(refused.json.errors[0].fix)
  }
  for (const body of ['{}', '[]', 'null', '{"kind":"client_id"}']) {
    const refused = await call('PUT', inPath(hosts, 'spam.example'), body)
    assert.deepEqual([refused.status, refused.json.reason], [400, 'admin_body_malformed'], body)
  }
  for (const query of [
    'kind=x',
    'kind=client_id&kind=client_id',
    'origin=registered',
    'limit=0',
    'limit=101',
  ])
    assert.equal((await call('GET', `/client-blocks?${query}`)).json.reason, 'admin_query_malformed', query)
  assert.equal((await call('GET', '/client-blocks?cursor=x.y')).json.reason, 'admin_cursor_invalid')
  assert.deepEqual(await storedBlocks(admin), [])
  assert.deepEqual(entriesOf(admin, 'clients_blocked'), [])
})

test('client blocks: the longest ids are listed page by page, each once', async () => {
  const admin = await startAdmin(world)
  const { call } = admin
  const url = (end: string) => `https://app.example/${'c'.repeat(1003)}${end}`
  const blocked = [
    ...['0', '1', '2'].map(end => inPath(ids, url(end))),
    inPath(ids, idOfLength(512)),
    inPath(hosts, `*.${Array(4).fill('a'.repeat(61)).join('.')}.com:65535`),
    inPath(hosts, 'myapp:'),
    sealed,
  ]
  for (const at of blocked) assert.equal((await call('PUT', at)).status, 201, at)
  const items: { kind: string; id?: string }[] = []
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const at: string = `/client-blocks?limit=2&origin=stored${cursor && `&cursor=${cursor}`}`
    const { status, json, body } = await call('GET', at)
    assert.equal(status, 200, String(body))
    assert.ok(json.items.length <= 2)
    items.push(...json.items)
    cursor = json.next_cursor
  }
  assert.equal(new Set(items.map(item => JSON.stringify(item))).size, blocked.length)
  assert.equal(items.length, blocked.length)
  assert.deepEqual(items, (await call('GET', '/client-blocks?origin=stored')).json.items)
  for (const id of [url('1'), 'myapp:']) {
    const found = (await call('GET', `/client-blocks?limit=1&id=${encodeURIComponent(id)}`)).json
    assert.deepEqual([found.items.length, found.items[0].id], [1, id])
  }
  assert.deepEqual((await call('GET', '/client-blocks?id=other.example')).json, { items: [] })
  const { json } = await call('GET', '/client-blocks?limit=1')
  const other = await call('GET', `/client-blocks?limit=1&kind=client_id&cursor=${json.next_cursor}`)
  assert.equal(other.json.reason, 'admin_cursor_invalid')
})

test('client blocks: dry_run checks a change, and makes and records none', async () => {
  const admin = await startAdmin(world)
  const { server, call } = admin
  const at = inPath(hosts, 'spam.example')
  const dry = (method: string, path = at) => call(method, `${path}?dry_run=true`)
  const block = { kind: 'redirect_host', id: 'spam.example', origin: 'stored' }
  assert.deepEqual((await dry('PUT')).json, block)
  assert.equal((await dry('DELETE')).status, 404)
  assert.equal((await dry('PUT', inPath(hosts, '*'))).status, 422)
  assert.deepEqual(await storedBlocks(admin), [])
  assert.equal((await call('PUT', at)).status, 201)
  const wouldEnd = await dry('DELETE')
  assert.deepEqual([wouldEnd.status, wouldEnd.json], [200, block])
  assert.deepEqual(await storedBlocks(admin), [block])
  assert.equal(server.logged.filter(({ event }) => event === 'admin_change').length, 1)
})

test('client blocks: each issuer has its own, and takes no token of another one', async () => {
  const admin = await startAdmin(world)
  const { server, call } = admin
  const { json } = await server.send('POST', '/t/own/connect/token', {
    form: {
      ...{ grant_type: 'client_credentials', scope: 'admin:blocks.read admin:blocks.write' },
      ...{ client_id: 'operator', client_secret: 'a-secret-of-an-operator' },
    },
  })
  const ofTenant = { authorization: `Bearer ${json.access_token}` }
  const atTenant = (method: string, path: string, headers: Record<string, string> = ofTenant) =>
    server.send(method, `/t/own/admin/api/v1${path}`, { headers })
  assert.equal((await atTenant('PUT', sealed)).status, 201)
  assert.equal((await atTenant('PUT', inPath(hosts, 'notes.example'))).status, 201)
  assert.deepEqual(await storedBlocks(admin), [])
  assert.match(await registerNotes(server), /^sealed1\./)
  for (const path of [sealed, '/client-blocks']) {
    const method = path === sealed ? 'DELETE' : 'GET'
    assert.equal((await call(method, path, undefined, ofTenant)).status, 401)
    assert.equal((await atTenant(method, path, { authorization: `Bearer ${admin.token}` })).status, 401)
  }
  assert.equal((await atTenant('GET', '/client-blocks?origin=stored')).json.items.length, 2)
})

test('client blocks: their scopes allow nothing else, and no other scope allows them', async () => {
  const { server, call } = await startAdmin(world)
  const as = async (...scope: string[]) => ({ authorization: `Bearer ${await adminToken(server, scope)}` })
  const [reader, writer, clients] = [
    await as('admin:blocks.read'),
    await as('admin:blocks.write'),
    await as('admin:clients.read', 'admin:clients.write'),
  ]
  const status = async (...given: Parameters<typeof call>) => (await call(...given)).status
  assert.equal(await status('GET', '/client-blocks', undefined, reader), 200)
  assert.equal(await status('GET', '/client-blocks', undefined, writer), 403)
  assert.equal(await status('PUT', sealed, undefined, writer), 201)
  assert.equal(await status('DELETE', sealed, undefined, writer), 204)
  assert.equal(await status('PUT', sealed, undefined, reader), 403)
  for (const method of ['PUT', 'DELETE']) assert.equal(await status(method, sealed, undefined, clients), 403)
  assert.equal(await status('GET', '/client-blocks', undefined, clients), 403)
  assert.equal(await status('GET', '/clients', undefined, writer), 403)
  assert.equal(await status('POST', `${inPath('/clients', off)}/revocation`, undefined, writer), 403)
})

test('client blocks: each block and its end is one event and one record, with its author', async () => {
  const events: Event[] = []
  const admin = await startAdmin({ ...world, events: { '*': (event: Event) => void events.push(event) } })
  const { server, call } = admin
  const id = await registerNotes(server)
  for (const method of ['PUT', 'PUT', 'DELETE', 'DELETE']) await call(method, inPath(ids, id))
  await call('PUT', sealed)
  await server.settled()
  const data = { kind: 'client_id', id, actor: 'operator' }
  assert.deepEqual(
    events.filter(({ type }) => type.startsWith('client.')).map(event => [event.type, event.data]),
    [
      ['client.blocked', data],
      ['client.unblocked', data],
      ['client.blocked', { kind: 'sealed_client_ids', actor: 'operator' }],
    ],
  )
  await server.runAudit()
  const rows = await server.stores.auditRecords.list({ after: 0, limit: 100 })
  const records = rows.map(({ record }) => JSON.parse(record))
  assert.deepEqual(
    records.map(({ type, data: { operation, path } }) => [operation ?? type, path]),
    [
      ['blockClient', { client_id: id }],
      ['client.blocked', undefined],
      ['blockClient', { client_id: id }],
      ['unblockClient', { client_id: id }],
      ['client.unblocked', undefined],
      ['unblockClient', { client_id: id }],
      ['blockSealedClientIds', {}],
      ['client.blocked', undefined],
    ],
  )
  for (const { actor, request_id } of records) {
    assert.deepEqual(actor, { kind: 'admin', client_id: 'operator' })
    assert.match(request_id, /./)
  }
})

test('client blocks: the tokens of a sealed client are revoked by the revocation of clients', async () => {
  const { server, call } = await startAdmin(world)
  const id = await registerNotes(server)
  const { tokens } = await connectSealed(server, id)
  const revoke = (one: string) => call('POST', `${inPath('/clients', one)}/revocation`)
  assert.equal((await revoke(id)).status, 204)
  assert.equal(await userinfoStatus(server, tokens.access_token), 401)
  assert.equal((await revoke('https://unused.example/client')).status, 204)
  const unknown = await revoke('nobody')
  assert.deepEqual([unknown.status, unknown.json.reason], [404, 'admin_entry_unknown'])
  server.clock.advance(2)
  assert.ok((await connectSealed(server, id)).tokens.access_token)
})
