/** Guarantees of PostgreSQL only: nodes that share it, outages, and schemas of other versions. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { after, afterEach, test } from 'node:test'
import type { ManagedKeyRing } from '../../packages/server/src/keys/key-ring.ts'
import type { Stores, TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import { createPrincipalWatch } from '../../packages/server/src/operations/principals.ts'
import { StoreUnavailable, silentLog } from '../../packages/server/src/runtime/ports.ts'
import { type Connection, openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import { migrations } from '../../packages/server/src/storage/postgres/schema.ts'
import {
  openPostgresTenantStores,
  type TenantStoresOptions,
} from '../../packages/server/src/storage/postgres/stores.ts'
import { openRing, publishedBy } from '../keys/keys.ts'
import { provideOwnPostgres } from '../support/postgres.ts'
import { untilSomebodyWaits } from '../support/postgres-locks.ts'
import { createTestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { accessEnding } from './stores/access.ts'
import {
  day,
  enablePrincipals,
  issuedCode,
  newHash,
  now,
  sampleAuthorization,
  sampleCode,
  sampleCommit,
  sampleFamily,
  sampleUser,
  tally,
} from './stores/samples.ts'
import {
  claimAtOnce,
  contend,
  killWhileChanging,
  killWhileWriting,
  signInMeanwhile,
} from './stores/sharing.ts'
import { temporaryFolder } from './stores/storage.ts'

const postgres = provideOwnPostgres()
const begin = async () => {
  const server = await postgres()
  return { server, url: await server.database() }
}

const opened: TenantStores[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(tenantStores => tenantStores.close()))
})
const open = async (url: string, options: Partial<TenantStoresOptions> = {}): Promise<TenantStores> => {
  const tenantStores = await openPostgresTenantStores({ url, ...options })
  opened.push(tenantStores)
  return tenantStores
}
const openMain = async (url: string): Promise<Stores> => (await open(url)).main

/** The same database behind a proxy that garbles one word, so that the server does not recognize it. */
async function without(word: string, url: string): Promise<string> {
  const { port } = new URL(url)
  const proxy = createServer(near => {
    const far = connect(Number(port), '127.0.0.1')
    const end = () => {
      near.destroy()
      far.destroy()
    }
    near.on('data', chunk => {
      const text = chunk.toString('latin1').replaceAll(`${word} `, `${[...word].toReversed().join('')} `)
      far.write(Buffer.from(text, 'latin1'))
    })
    far.on('data', chunk => near.write(chunk))
    for (const socket of [near, far]) socket.on('error', end).on('close', end)
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  after(() => proxy.close())
  return Object.assign(new URL(url), { port: String((proxy.address() as AddressInfo).port) }).href
}

test('postgres: without LISTEN, a client disabled at one node is still disabled at another', {
  timeout: 30_000,
}, async () => {
  const { url } = await begin()
  const [one, other] = [await openMain(url), await openMain(await without('listen', url))]
  await enablePrincipals(one)
  const changes = { announce: async () => {}, watch: () => () => {} }
  const watch = createPrincipalWatch({ principals: other.principals, changes, log: silentLog })
  await watch.begin()
  assert.equal(watch.isDisabledClient('web'), false)
  await one.principals.sync({ clients: [], users: [] })
  await until('the watch reports that the client is disabled', () => watch.isDisabledClient('web'))
  // Each second, and not only once.
  await enablePrincipals(one)
  await until('the watch reports that the client is enabled again', () => !watch.isDisabledClient('web'))
  watch.stop()
})

test('postgres: acknowledged writes are there when the store is opened again; a closed store rejects', async () => {
  const { url } = await begin()
  const tenantStores = await open(url)
  const { authorization, code } = await issuedCode(tenantStores.main)
  await tenantStores.close()
  await assert.rejects(async () => tenantStores.main.codes.find(code.hash), StoreUnavailable)
  await assert.rejects(issuedCode(tenantStores.main), StoreUnavailable)
  assert.equal(await tenantStores.main.ready(), false)
  assert.deepEqual(await (await openMain(url)).codes.find(code.hash), { code, authorization })
})

test('postgres: two processes that redeem the same credentials thousands of times succeed once in total', async () => {
  const { url } = await begin()
  await contend({ storage: url, open: () => openMain(url) }, 500)
})

test('postgres: of two processes that deliver the same logout notices, each notice is claimed by one, once', async () => {
  const { url } = await begin()
  await claimAtOnce({ storage: url, open: () => openMain(url) })
})

test('postgres: kill -9 of a node loses no acknowledged write, and no code is redeemed twice', async () => {
  const { url } = await begin()
  await killWhileWriting({ storage: url, open: () => openMain(url) }, [300, 2000])
})

test('postgres: after kill -9 of a node, the end of a user’s access is complete or absent', async () => {
  const { server, url } = await begin()
  const open = async () => {
    // The killed node's last write may still be running in the database.
    await server.alone(url)
    return openMain(url)
  }
  await killWhileChanging({ storage: url, open }, [100, 400])
})

test('postgres: while another node signs a user in, no session outlives the end of their access', async () => {
  const { url } = await begin()
  await signInMeanwhile({ storage: url, open: () => openMain(url) }, 100)
})

test('postgres: of an equal name and address added concurrently, one is accepted', async () => {
  const { url } = await begin()
  const [one, two] = [await openMain(url), await openMain(url)]
  for (let round = 0; round < 30; round++) {
    const name = `${newHash()}@example.com`
    const named = sampleUser({ username_key: name })
    const addressed = sampleUser({ email_key: name, email_verified_at: now })
    const added = await Promise.all([one.storedUsers.add(named), two.storedUsers.add(addressed)])
    assert.deepEqual(tally(added), { true: 1, false: 1 })
  }
})

test('postgres: while the database is unreachable the store is unavailable and not ready, and recovers afterwards', async () => {
  const { server, url } = await begin()
  const stores = await openMain(url)
  const { code } = await issuedCode(stores)
  assert.equal(await stores.ready(), true)
  await server.stop()
  try {
    await assert.rejects(async () => stores.codes.find(code.hash), StoreUnavailable)
    await assert.rejects(issuedCode(stores), StoreUnavailable)
    await assert.rejects(openPostgresTenantStores({ url }), StoreUnavailable)
    assert.equal(await stores.ready(), false)
  } finally {
    await server.start()
  }
  assert.equal(await stores.ready(), true)
  assert.ok(await stores.codes.find(code.hash))
  await issuedCode(stores)
})

test('postgres: a connection that breaks during use fails only its own statements', async () => {
  const { server, url } = await begin()
  const stores = await openMain(url)
  for (let round = 0; round < 5; round++) {
    const writes = Promise.allSettled(Array.from({ length: 300 }, () => issuedCode(stores)))
    await server.disconnect(url)
    for (const write of await writes) {
      if (write.status === 'fulfilled') assert.ok(await stores.codes.find(write.value.code.hash))
      else assert.ok(write.reason instanceof StoreUnavailable, String(write.reason))
    }
  }
  await issuedCode(stores)
})

test('postgres: if the connection breaks during a batch, each token is stored completely or not at all', async () => {
  const { server, url } = await begin()
  let broken = 0
  for (let round = 0; round < 5; round++) {
    const stores = await openMain(url)
    await enablePrincipals(stores)
    const asked = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const { authorization, code } = await issuedCode(stores)
        return { code, family: sampleFamily(authorization) }
      }),
    )
    // Some are written when it breaks, and others wait for this row.
    const other = await openConnection({ url })
    await other.script(
      `set search_path = tessera; begin; select 1 from codes where hash = '${asked[7]!.code.hash}' for update`,
    )
    const commits = Promise.allSettled(
      asked.map(({ code, family }) =>
        stores.commit(
          sampleCommit({ use: { kind: 'authorization_code', hash: code.hash }, issue: { family } }),
        ),
      ),
    )
    await untilSomebodyWaits(other)
    await server.disconnect(url)
    await other.close()
    const outcomes = await commits
    // Over connections that did not break.
    const { codes, families } = await openMain(url)
    for (const [index, outcome] of outcomes.entries()) {
      const { code, family } = asked[index]!
      const used = (await codes.find(code.hash))?.code.used_at !== undefined
      assert.equal((await families.find(family.id)) !== undefined, used)
      if (outcome.status === 'fulfilled') assert.deepEqual([outcome.value, used], ['committed', true])
      else assert.ok(outcome.reason instanceof StoreUnavailable, String(outcome.reason))
      if (outcome.status === 'rejected') broken += 1
    }
  }
  assert.ok(broken > 0)
})

test('postgres: many nodes that create one schema concurrently succeed', async () => {
  const { url } = await begin()
  const nodes = await Promise.all(Array.from({ length: 5 }, () => open(url)))
  const tenants = await Promise.all(nodes.map(tenantStores => tenantStores.forTenant('acme')))
  const { code, authorization } = await issuedCode(tenants[0]!)
  for (const stores of tenants) assert.deepEqual(await stores.codes.find(code.hash), { code, authorization })
})

test('postgres: a node of the previous version keeps running while another one migrates, and none of that version can start', async () => {
  const { url } = await begin()
  const next = [
    ...migrations,
    'alter table codes add column later text; create index codes_later on codes (later)',
  ]
  const before = await open(url)
  await before.forTenant('acme')
  const after = await open(url, { migrations: next })
  for (const stores of [before.main, after.main]) {
    const { code, authorization } = await issuedCode(stores)
    for (const other of [before.main, after.main])
      assert.deepEqual(await other.codes.find(code.hash), { code, authorization })
  }
  await assert.rejects(openPostgresTenantStores({ url }), /schema \d+, newer than the \d+ that this version/)
  await issuedCode(await after.forTenant('acme'))
  await issuedCode(await before.forTenant('acme'))
})

test('postgres: a node notices a newer schema once, and becomes unready if it is incompatible', async () => {
  const { url } = await begin()
  const logged: [event: string, fields: object | undefined][] = []
  const note = (event: string, fields?: object): void => void logged.push([event, fields])
  const log = { debug: note, info: note, warn: note, error: note }
  const lines = (event: string) => logged.filter(([name]) => name === event).map(([, fields]) => fields)
  const tenantStores = await open(url, { log })
  const server = await createTestServer({}, { tenantStores })
  const ready = async () => {
    const { status, json } = await server.send('GET', '/readyz')
    return { ...(json as object), code: status }
  }
  const known = migrations.length
  assert.deepEqual(await ready(), { code: 200, status: 'ready' })
  const next = [...migrations, 'alter table codes add column later text']
  await open(url, { migrations: next })
  for (let count = 0; count < 2; count++) assert.deepEqual(await ready(), { code: 200, status: 'ready' })
  assert.deepEqual(lines('schema_newer'), [{ schema: known + 1, known_schema: known, oldest_schema: 0 }])
  const breaking = { script: 'alter table codes drop column later', oldest: known + 1 }
  const after = await open(url, { migrations: [...next, breaking] })
  const versions = { schema: known + 2, known_schema: known, oldest_schema: known + 1 }
  for (let count = 0; count < 2; count++)
    assert.deepEqual(await ready(), {
      ...{ code: 503, status: 'not_ready', reason: 'schema_too_new' },
      ...versions,
    })
  assert.equal(lines('schema_too_new').length, 1)
  assert.partialDeepStrictEqual(lines('schema_too_new'), [versions])
  const newer = await createTestServer({}, { tenantStores: after })
  assert.equal((await newer.send('GET', '/readyz')).status, 200)
})

test('postgres: a node continues with a newer schema that declares itself compatible', async () => {
  const { url } = await begin()
  const tenantStores = await open(url)
  const server = await createTestServer({}, { tenantStores })
  const known = migrations.length
  await open(url, {
    migrations: [...migrations, { script: 'alter table codes add column later text', oldest: known }],
  })
  const { status, json } = await server.send('GET', '/readyz')
  assert.deepEqual([status, json.status], [200, 'ready'])
})

test('postgres: a failed migration changes nothing', async () => {
  const { url } = await begin()
  const broken = [...migrations, 'create table half (id text); select no_such_function()']
  await assert.rejects(openPostgresTenantStores({ url, migrations: broken }), /no_such_function/)
  await issuedCode(await openMain(url))
})

test('postgres: an index is built while its table is written, by one of the starting nodes', async () => {
  const { url } = await begin()
  const { main } = await open(url)
  const online = [...migrations, { index: 'codes_later', on: 'codes (expires_at, hash)' }]
  const [writer, asker] = [await openConnection({ url }), await openConnection({ url })]
  const building = async () =>
    (
      await asker.run(
        "select 1 from pg_stat_activity where query like 'create index concurrently%' and state = 'active' and datname = current_database()",
        [],
      )
    ).count
  // A build waits for open transactions, and does not block others meanwhile.
  await writer.script(`begin; delete from tessera.codes where hash = 'none'; insert into tessera.codes
    (hash, authorization_id, redirect_uri, expires_at, clean_at) values ('open', 'none', 'none', 1, 1)`)
  const opening = [1, 2, 3].map(() => open(url, { migrations: online }))
  await until('the index is being built', async () => (await building()) > 0)
  const { code } = await issuedCode(main)
  assert.ok(await main.codes.burn(code.hash, now))
  assert.equal(await building(), 1)
  await writer.script('commit')
  const nodes = await Promise.all(opening)
  assert.deepEqual(await validity(asker, 'codes_later'), [true])
  assert.ok(await nodes[0]?.main.codes.find(code.hash))
  await Promise.all([writer.close(), asker.close()])
})

test('postgres: an index whose build was interrupted is rebuilt', async () => {
  const { url } = await begin()
  await open(url)
  const online = [...migrations, { index: 'codes_later', on: 'codes (expires_at)' }]
  const [writer, asker] = [await openConnection({ url }), await openConnection({ url })]
  await writer.script(`begin; insert into tessera.codes
    (hash, authorization_id, redirect_uri, expires_at, clean_at) values ('open', 'none', 'none', 1, 1)`)
  const opening = assert.rejects(openPostgresTenantStores({ url, migrations: online }), StoreUnavailable)
  await until('the index build has started', async () => (await validity(asker, 'codes_later')).length > 0)
  // As after kill -9 of the node, or of the database.
  await asker.run(
    `select pg_terminate_backend(pid) from pg_stat_activity
    where query like 'create index concurrently%' and datname = current_database()`,
    [],
  )
  await opening
  await writer.script('commit')
  assert.deepEqual(await validity(asker, 'codes_later'), [false])
  await issuedCode((await open(url, { migrations: online })).main)
  assert.deepEqual(await validity(asker, 'codes_later'), [true])
  await Promise.all([writer.close(), asker.close()])
})

test('postgres: a migration that waits for a table does not block its users', async () => {
  const { url } = await begin()
  const { main } = await open(url)
  const holder = await openConnection({ url })
  await holder.script('begin; lock table tessera.consents in access share mode')
  const next = [...migrations, 'alter table consents add column later text']
  const opening = open(url, { migrations: next })
  const { rows } = await holder.run('select count(*) from tessera.tessera_schema', [])
  // It gives up its place in the queue for this table again and again, so a read gets one.
  assert.equal(await main.consents.find('nobody', 'web'), undefined)
  assert.deepEqual(rows, [[migrations.length + 1]])
  await holder.script('commit')
  await issuedCode((await opening).main)
  await holder.close()
})

const validity = async ({ run }: Connection, index: string): Promise<readonly unknown[]> =>
  (
    await run(
      'select indisvalid from pg_index join pg_class on pg_class.oid = indexrelid where relname = $1',
      [index],
    )
  ).rows.map(([valid]) => valid)

test('postgres: a flood of attempts at one name does not occupy all connections', async () => {
  const { url } = await begin()
  const timeouts = { connection: 1000, statement: 5000, lock: 3000 }
  const { main } = await open(url, { poolSize: 2, timeouts })
  const limit = { hash: newHash(), most: 10, span: 600 }
  const flood = Array.from({ length: 3000 }, () => main.attempts.count([limit], now))
  const meanwhile = issuedCode(main)
  const waits = await Promise.all(flood)
  assert.deepEqual(tally(waits), { 0: 10, 600: 2990 })
  await meanwhile
})

test('postgres: all characters of a request are stored and distinguished, including U+0000', async () => {
  const { url } = await begin()
  const stores = await openMain(url)
  const nonces = [
    '\u0000',
    '\u0001',
    '\u00010',
    '\u0001\u0000',
    '0',
    '\u{1F510}é',
    '\\x00',
    "'; drop table codes; --",
  ]
  for (const nonce of nonces) {
    const authorization = sampleAuthorization({ sub: nonce, claims: { [nonce]: nonce } })
    const code = sampleCode(authorization, { nonce })
    await stores.codes.issue(authorization, code)
    assert.deepEqual(await stores.codes.find(code.hash), { code, authorization })
  }
  for (const name of nonces)
    assert.ok(await stores.storedUsers.add(sampleUser({ username: name, username_key: name })))
  for (const name of nonces)
    assert.equal((await stores.storedUsers.findByName(name, undefined))?.username, name)
  await stores.recoveryCodes.replace('\u0000', nonces as never)
  assert.equal(await stores.recoveryCodes.count('\u0000'), nonces.length)
  assert.equal(await stores.recoveryCodes.count('\u00010'), 0)
})

test("postgres: tenants that share few connections never see each other's rows", async () => {
  const { url } = await begin()
  const tenantStores = await open(url, { poolSize: 2 })
  const names = Array.from({ length: 8 }, (_, index) => `tenant-${index}`)
  const tenants = await Promise.all(names.map(name => tenantStores.forTenant(name)))
  const issued = await Promise.all(
    Array.from({ length: 160 }, async (_, index) => {
      const owner = index % tenants.length
      return { owner, ...(await issuedCode(tenants[owner]!)) }
    }),
  )
  const found = await Promise.all(
    issued.flatMap(({ owner, code }) =>
      tenants.map(async (stores, index) => {
        const there = (await stores.codes.find(code.hash)) !== undefined
        return there === (index === owner)
      }),
    ),
  )
  assert.deepEqual(tally(found), { true: issued.length * tenants.length })
})

test('postgres: a tenant whose name is longer than an identifier has its own store', async () => {
  const { url } = await begin()
  const tenantStores = await open(url)
  const names = [`${'a'.repeat(62)}b`, `${'a'.repeat(62)}c`]
  const { code } = await issuedCode(await tenantStores.forTenant(names[0]!))
  assert.equal(await (await tenantStores.forTenant(names[1]!)).codes.find(code.hash), undefined)
  assert.deepEqual(await tenantStores.list(), names)
})

test('postgres: if a user is disabled while a grant is written, its authorization is revoked', async () => {
  const { url } = await begin()
  const stores = await openMain(url)
  await enablePrincipals(stores)
  for (let round = 0; round < 30; round++) {
    const sub = newHash()
    const user = sampleUser({ sub })
    await stores.storedUsers.add(user)
    const authorizations = Array.from({ length: 10 }, () => sampleAuthorization({ sub }))
    const disable = async () => {
      await stores.storedUsers.replace({ ...user, version: 2, epoch: 1, disabled_at: now }, accessEnding())
    }
    const [, ...outcomes] = await Promise.all([
      disable(),
      ...authorizations.map(authorization =>
        stores.commit({ at: now, client_id: 'web', sub, issue: { authorization } }),
      ),
    ])
    for (const [index, { id }] of authorizations.entries()) {
      const found = await stores.authorizations.find(id)
      assert.equal(found !== undefined, outcomes[index] === 'committed')
      if (found) assert.equal(found.revoked_at, now + 1)
    }
  }
})

test('postgres: clean-up skips rows that a request locks, and requests skip those of clean-up', async () => {
  const { url } = await begin()
  const stores = await openMain(url)
  const issued = await Promise.all(Array.from({ length: 200 }, () => issuedCode(stores)))
  const at = now + 2 * day
  const [went, ...burnt] = await Promise.all([
    stores.cleanUp(at),
    ...issued.map(({ code }) => stores.codes.burn(code.hash, at)),
  ])
  assert.ok(went >= issued.length)
  assert.ok(burnt.every(one => typeof one === 'boolean'))
  await stores.cleanUp(at)
  for (const { code } of issued) assert.equal(await stores.codes.find(code.hash), undefined)
})

test('postgres: keys that one node creates reach the other nodes immediately, and after an outage', async () => {
  const { server, url } = await begin()
  const rings = await Promise.all(
    [1, 2].map(async () => openRing({ keys: (await openMain(url)).keys, algorithms: ['ES256'] })),
  )
  const [one, two] = rings as [ManagedKeyRing, ManagedKeyRing]
  // Long before their next regular check.
  const knows = async () => {
    await until(
      'the other node publishes the same keys',
      () => publishedBy(two).join() === publishedBy(one).join(),
    )
  }
  try {
    for (let round = 0; round < 2; round++) {
      await one.rotate({ now: false })
      assert.equal(publishedBy(one).length, 2 + round)
      await knows()
      await server.stop()
      await server.start()
    }
    await knows()
  } finally {
    for (const ring of rings) ring.stop()
  }
})

test('postgres: the password comes from the address, a variable, a file, or a hook that each connection calls', async () => {
  const { url } = await begin()
  const address = new URL(url)
  const { password, username, host, pathname } = address
  address.password = ''
  const without = address.href
  address.password = 'wrong'
  const wrong = address.href
  await assert.rejects(openPostgresTenantStores({ url: without }), StoreUnavailable)
  await assert.rejects(openPostgresTenantStores({ url: wrong }), StoreUnavailable)

  let asked = 0
  const hook = async () => {
    asked++
    return password
  }
  // It takes precedence over the address.
  const { main } = await open(wrong, { password: hook, poolSize: 4 })
  await Promise.all(Array.from({ length: 20 }, () => issuedCode(main)))
  // Four of the pool, one that migrates, and one that holds the migration lock.
  assert.equal(asked, 6)

  const folder = await temporaryFolder()
  try {
    process.env.PGPASSWORD = password
    await issuedCode(await openMain(without))
    delete process.env.PGPASSWORD
    await writeFile(folder.file, `${host}:${pathname.slice(1)}:${username}:${password}\n`, { mode: 0o600 })
    process.env.PGPASSFILE = folder.file
    await issuedCode(await openMain(without))
  } finally {
    delete process.env.PGPASSWORD
    delete process.env.PGPASSFILE
    await folder.remove()
  }
})

test('postgres: if TLS is required, nothing is sent without it', async () => {
  const { url } = await begin()
  for (const mode of ['require', 'verify-ca', 'verify-full'])
    await assert.rejects(openPostgresTenantStores({ url: `${url}?sslmode=${mode}` }), StoreUnavailable)
})

test('postgres: a database in another encoding is refused', async () => {
  const { server } = await begin()
  const url = await server.database("encoding 'LATIN1' template template0 locale 'C'")
  await assert.rejects(openPostgresTenantStores({ url }), /encoding LATIN1/)
})
