/** The contract of tenants’ stores: a tenant's store is a store, and no row of one is found in another. */

import assert from 'node:assert/strict'
import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { TenantStores } from '../../packages/server/src/model/ports/stores.ts'
import type { StoreState } from '../../packages/server/src/model/store-state.ts'
import { StoreUnavailable } from '../../packages/server/src/runtime/ports.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { inspectFile } from '../../packages/server/src/storage/sqlite/inspect.ts'
import { openSqliteTenantStores } from '../../packages/server/src/storage/sqlite/stores.ts'
import { inTime } from '../support/until.ts'
import {
  approvedDevice,
  enablePrincipals,
  foundedFamily,
  issuedCode,
  newHash,
  now,
  sampleCommit,
} from './stores/samples.ts'
import { openPostgres, temporaryFolder } from './stores/storage.ts'

type Opened = {
  readonly tenantStores: TenantStores
  readonly end: () => Promise<void>
  /** Reads the state of the store that is open, of stores that outlive the process. */
  readonly inspect?: (tenant?: string) => StoreState | Promise<StoreState>
}

const kinds: readonly { readonly name: string; readonly open: () => Promise<Opened> }[] = [
  {
    name: 'memory',
    async open() {
      const tenantStores = createMemoryTenantStores()
      return { tenantStores, end: tenantStores.close }
    },
  },
  {
    name: 'sqlite',
    async open() {
      const folder = await temporaryFolder()
      const tenantStores = await openSqliteTenantStores({ file: folder.file })
      const inspect = (tenant?: string) => inspectFile(folder.file, tenant)
      return { tenantStores, inspect, end: () => tenantStores.close().then(folder.remove) }
    },
  },
  { name: 'postgres', open: () => openPostgres() },
]

for (const { name, open } of kinds)
  describe(`tenants’ stores, ${name}`, () => {
    let opened: Opened
    before(async () => {
      opened = await open()
    })
    after(() => opened.end())

    test('a tenant’s store is the same object each time', async () => {
      const { tenantStores } = opened
      assert.equal(await tenantStores.forTenant('acme'), await tenantStores.forTenant('acme'))
    })

    test('each store is inspected without being created', async t => {
      const { tenantStores, inspect, end } = await open()
      t.after(end)
      if (!inspect) return
      await tenantStores.forTenant('a-b')
      for (const tenant of [undefined, 'a-b']) {
        const { schema, knownSchema, keys } = await inspect(tenant)
        assert.deepEqual([schema > 0, schema, keys], [true, knownSchema, []])
      }
      const look = async () => (await inspect('acme')).schema
      assert.ok(
        await look()
          .catch(error => (/does not exist/.test(error.message) ? 0 : error))
          .then(schema => schema === 0),
      )
      assert.deepEqual(await tenantStores.list(), ['a-b'])
    })

    test('it lists the tenants that have a store', async () => {
      const { tenantStores, end } = await open()
      assert.deepEqual(await tenantStores.list(), [])
      for (const name of ['acme', 'globex']) await issuedCode(await tenantStores.forTenant(name))
      assert.deepEqual([...(await tenantStores.list())].sort(), ['acme', 'globex'])
      await end()
    })

    test('a store that is opened again while it closes finishes the writes of both', async t => {
      const { tenantStores, end } = await open()
      t.after(end)
      const before = await tenantStores.forTenant('acme')
      await before.settings.put('first', 'before')
      const write = before.settings.put('second', 'before')
      // The write is with the database now.
      await setImmediate()
      const closing = before.close()
      const again = await tenantStores.forTenant('acme')
      await again.settings.put('first', 'again')
      await inTime('the end of the first one', Promise.all([write, closing]))
      assert.deepEqual(
        [await again.settings.get('first'), await again.settings.get('second')],
        ['again', 'before'],
      )
    })

    test('a tenant’s store that was closed is opened again unchanged', async () => {
      const { tenantStores, end } = await open()
      for (let times = 0; times < 3; times++) {
        const stores = await tenantStores.forTenant('acme')
        const { code, authorization } = await issuedCode(stores)
        await stores.close()
        const again = await tenantStores.forTenant('acme')
        assert.deepEqual(await again.codes.find(code.hash), { code, authorization })
        await issuedCode(again)
        await again.close()
      }
      await issuedCode(tenantStores.main)
      await end()
    })

    test("an issuer can't find, revoke, end, consume or delete what another one stores", async () => {
      const { tenantStores } = opened
      const all = [
        tenantStores.main,
        await tenantStores.forTenant('acme'),
        await tenantStores.forTenant('globex'),
      ]
      for (const [index, own] of all.entries()) {
        const others = all.filter(other => other !== own)
        await enablePrincipals(own)
        const { code, authorization } = await issuedCode(own)
        const { device } = await approvedDevice(own)
        const { family } = await foundedFamily(own)
        const key = {
          kid: `key-${index}`,
          alg: 'ES256',
          sealed: Buffer.of(1),
          created_at: now,
          active_from: now,
        }
        assert.equal(await own.keys.add(key, undefined), true)
        const jti = `jti-${index}`
        await own.revokedTokens.add(jti, now + 100)
        const marker = { hash: newHash(), expires_at: now + 100 }
        assert.equal(await own.usedAssertions.add(marker), true)
        await own.consents.save({ sub: `sub-${index}`, client_id: 'client', scope: ['a'], created_at: now })
        await own.settings.initialise(`setting-${index}`, 'own')

        for (const other of others) {
          assert.equal(await other.authorizations.find(authorization.id), undefined)
          assert.equal(await other.codes.find(code.hash), undefined)
          assert.equal(await other.codes.burn(code.hash, now), false)
          assert.equal(await other.devices.find(device.hash), undefined)
          assert.equal(await other.devices.findByUserCode(device.user_code_hash), undefined)
          assert.equal(await other.devices.deny(device.user_code_hash, now), false)
          assert.equal(await other.families.find(family.id), undefined)
          assert.ok((await other.keys.all()).every(({ kid }) => kid !== key.kid))
          await other.keys.remove(key.kid)
          assert.equal(await other.revokedTokens.has(jti), false)
          assert.equal(await other.usedAssertions.add(marker), true)
          assert.equal(await other.consents.find(`sub-${index}`, 'client'), undefined)
          assert.equal(await other.settings.get(`setting-${index}`), undefined)
          await other.authorizations.revoke(authorization.id, now)
          await enablePrincipals(other)
          const use = { kind: 'authorization_code', hash: code.hash } as const
          assert.notEqual(await other.commit(sampleCommit({ use })), 'committed')
          await other.principals.sync({ clients: [], users: [] })
          await other.cleanUp(now + 1_000_000_000)
        }
        // All of it is unchanged.
        assert.deepEqual(await own.codes.find(code.hash), { code, authorization })
        assert.ok((await own.keys.all()).some(({ kid }) => kid === key.kid))
        const use = { kind: 'authorization_code', hash: code.hash } as const
        assert.equal(await own.commit(sampleCommit({ use })), 'committed')
      }
    })
  })

test('tenants’ stores, sqlite: each tenant has its own file, readable only by its owner', async () => {
  const folder = await temporaryFolder()
  const tenantStores = await openSqliteTenantStores({ file: folder.file })
  await issuedCode(await tenantStores.forTenant('acme'))
  await tenantStores.forTenant('globex')
  const beside = `${folder.file}.tenants`
  assert.equal((await stat(beside)).mode & 0o777, 0o700)
  const files = (await readdir(beside)).filter(file => file.endsWith('.db'))
  assert.deepEqual(files.sort(), ['acme.db', 'globex.db'])
  for (const file of files) assert.equal((await stat(join(beside, file))).mode & 0o777, 0o600)
  await tenantStores.close()
  await folder.remove()
})

test('tenants’ stores, sqlite: acknowledged writes are there when it is opened again, in each store', async () => {
  const folder = await temporaryFolder()
  const tenantStores = await openSqliteTenantStores({ file: folder.file })
  const names = Array.from({ length: 100 }, (_, index) => `tenant-${index}`)
  const issued = await Promise.all(names.map(async name => issuedCode(await tenantStores.forTenant(name))))
  await tenantStores.close()
  await assert.rejects(issuedCode(tenantStores.main), StoreUnavailable)
  const again = await openSqliteTenantStores({ file: folder.file })
  for (const [index, name] of names.entries()) {
    const { code, authorization } = issued[index]!
    assert.deepEqual(await (await again.forTenant(name)).codes.find(code.hash), { code, authorization })
  }
  await again.close()
  await folder.remove()
})

test('tenants’ stores, sqlite: with more tenants than the writer keeps open, each can still write', async () => {
  const folder = await temporaryFolder()
  const tenantStores = await openSqliteTenantStores({ file: folder.file })
  const names = Array.from({ length: 150 }, (_, index) => `tenant-${index}`)
  for (let round = 0; round < 2; round++)
    for (const name of names) {
      const stores = await tenantStores.forTenant(name)
      const { code } = await issuedCode(stores)
      assert.ok(await stores.codes.find(code.hash))
    }
  await tenantStores.close()
  await folder.remove()
})

test('tenants’ stores, sqlite: a tenant with a file that can’t be used is unavailable, and no other is', async () => {
  const folder = await temporaryFolder()
  const tenantStores = await openSqliteTenantStores({ file: folder.file })
  const broken = await tenantStores.forTenant('broken')
  await issuedCode(broken)
  await tenantStores.close()
  const file = join(`${folder.file}.tenants`, 'broken.db')
  await writeFile(file, 'This is not a database, however long one looks at it.'.repeat(100))
  const again = await openSqliteTenantStores({ file: folder.file })
  await assert.rejects(again.forTenant('broken'))
  const { code } = await issuedCode(await again.forTenant('acme'))
  assert.ok(await (await again.forTenant('acme')).codes.find(code.hash))
  await issuedCode(again.main)
  assert.equal(await again.main.ready(), true)
  // After a repair it is opened without a restart.
  await rm(file)
  await issuedCode(await again.forTenant('broken'))
  await again.close()
  await folder.remove()
})

test('tenants’ stores, sqlite: a tenant with a file that another process locks does not block others permanently', async () => {
  const folder = await temporaryFolder()
  const tenantStores = await openSqliteTenantStores({ file: folder.file, busyTimeout: 50 })
  const acme = await tenantStores.forTenant('acme')
  await issuedCode(acme)
  const holder = new DatabaseSync(join(`${folder.file}.tenants`, 'acme.db'))
  holder.exec('begin immediate')
  const [locked, free] = await Promise.allSettled([issuedCode(acme), issuedCode(tenantStores.main)])
  assert.equal(locked.status, 'rejected')
  assert.equal(free.status, 'fulfilled')
  assert.equal(await acme.ready(), false)
  assert.equal(await tenantStores.main.ready(), true)
  holder.close()
  assert.equal(await acme.ready(), true)
  await issuedCode(acme)
  await tenantStores.close()
  await folder.remove()
})
