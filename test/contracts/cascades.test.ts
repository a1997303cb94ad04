/** The declared cascades: which rows are deleted with their user, or when the user's access ends, in each store. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Stores } from '../../packages/server/src/model/ports/stores.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { emptyTables, type MemoryTable } from '../../packages/server/src/storage/memory/tables.ts'
import type { Cascade } from '../../packages/server/src/storage/tables/table.ts'
import { allTables, type TableName } from '../../packages/server/src/storage/tables/tables.ts'
import { contentOf, databases, type OpenedArchives, sampleRows } from './archives/databases.ts'
import { accessEnding } from './stores/access.ts'
import { sampleUser } from './stores/samples.ts'

/** Tables with a `sub` without a cascade, and what happens to their rows. */
const treatedOtherwise: Readonly<Record<string, string>> = {
  stored_users: 'the user itself',
  sessions: 'deleted one by one, since their clients get notices',
  logout_notices: 'kept until they are delivered',
  authorizations: 'revoked, so that their tokens stop working',
  audit_records: 'kept; what is personal is erased by a record that says so',
}

const ofUsers = allTables.filter(([, { columns }]) => 'sub' in columns)
const cascading = ofUsers.filter(([, { cascade }]) => cascade !== 'none')

test('cascades: each table with a subject says what deletes its rows', () => {
  const missing = ofUsers.filter(([, { cascade }]) => cascade === undefined)
  assert.deepEqual(missing, [])
  const none = ofUsers.flatMap(([, { name, cascade }]) => (cascade === 'none' ? [name] : []))
  assert.deepEqual(none.toSorted(), Object.keys(treatedOtherwise).toSorted())
})

type World = {
  readonly stores: Stores
  /** Adds a row of this user to each cascading table. */
  readonly fill: (sub: string) => Promise<void>
  /** Returns the tables that have a row of this user. */
  readonly tablesWith: (sub: string) => Promise<readonly string[]>
  readonly end: () => Promise<void>
}

function memoryWorld(): World {
  const tables = emptyTables()
  const tableOf = (name: TableName) => tables[name] as unknown as MemoryTable<Record<string, unknown>>
  return {
    stores: createMemoryStores(tables),
    async fill(sub) {
      for (const [name, { columns }] of cascading)
        tableOf(name).put({
          ...Object.fromEntries(Object.keys(columns).map(column => [column, `${column} ${sub}`])),
          sub,
        })
    },
    tablesWith: async sub =>
      cascading.flatMap(([key, { name }]) =>
        tableOf(key).filter(row => row.sub === sub).length > 0 ? [name] : [],
      ),
    end: async () => {},
  }
}

async function databaseWorld(opened: OpenedArchives): Promise<World> {
  const { archives } = opened
  const tenantStores = await opened.stores()
  let seed = 0
  return {
    stores: tenantStores.main,
    async fill(sub) {
      const target = await archives.target()
      seed++
      for (const table of await target.tables()) {
        if (!cascading.some(([, { name }]) => name === table.name)) continue
        const subAt = Object.keys(table.columns).indexOf('sub')
        const row = sampleRows(table, seed).at(-1) ?? []
        await target.add(table, [row.map((value, at) => (at === subAt ? sub : value))])
      }
      await target.close()
    },
    async tablesWith(sub) {
      const content = await contentOf(archives)
      return cascading.flatMap(([, { name, columns }]) => {
        const subAt = Object.keys(columns).indexOf('sub')
        return content[name]?.some(row => row[subAt] === sub) ? [name] : []
      })
    },
    async end() {
      await tenantStores.close()
      await opened.end()
    },
  }
}

const worlds: Readonly<Record<string, () => Promise<World>>> = {
  memory: async () => memoryWorld(),
  ...Object.fromEntries(
    databases.map(({ name, open }) => [name, async () => databaseWorld(await open())] as const),
  ),
}

const named = (...cascades: readonly Cascade[]) =>
  cascading.flatMap(([, { name, cascade }]) => (cascade && cascades.includes(cascade) ? [name] : []))

for (const [name, open] of Object.entries(worlds))
  describe(`cascades, ${name}`, () => {
    test('removing a user deletes their rows in each cascading table, and no rows of others', async () => {
      const { stores, fill, tablesWith, end } = await open()
      const [gone, stays] = [sampleUser(), sampleUser()]
      for (const user of [gone, stays]) {
        assert.equal(await stores.storedUsers.add(user), true)
        await fill(user.sub)
        assert.deepEqual(await tablesWith(user.sub), named('user', 'access'))
      }
      assert.ok(await stores.storedUsers.remove(gone.sub, accessEnding()))
      assert.deepEqual(await tablesWith(gone.sub), [])
      assert.deepEqual(await tablesWith(stays.sub), named('user', 'access'))
      await end()
    })

    test("the end of a user's access deletes only rows that are declared to end with it", async () => {
      const { stores, fill, tablesWith, end } = await open()
      const user = sampleUser()
      await stores.storedUsers.add(user)
      await fill(user.sub)
      await stores.storedUsers.replace({ ...user, version: 2, epoch: 1 }, accessEnding())
      assert.deepEqual(await tablesWith(user.sub), named('user'))
      await end()
    })
  })
