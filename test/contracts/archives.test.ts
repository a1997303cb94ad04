/** The contract of export and import: another store has all rows of the exported one afterwards, or none of them. */

import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { before, describe, test } from 'node:test'
import { createPostgresArchives } from '../../packages/server/src/storage/postgres/archive.ts'
import { openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import { mainSchema } from '../../packages/server/src/storage/postgres/names.ts'
import {
  type ArchivedKind,
  allKinds,
  importBegun,
  tablesOf,
} from '../../packages/server/src/storage/tables/archive.ts'
import { fill, ImportRefused } from '../../packages/server/src/storage/transfer/fill.ts'
import { MalformedExport } from '../../packages/server/src/storage/transfer/format.ts'
import { readExport, verifyExport } from '../../packages/server/src/storage/transfer/read.ts'
import { type Sections, sectionsOf } from '../../packages/server/src/storage/transfer/sections.ts'
import { writeExport } from '../../packages/server/src/storage/transfer/write.ts'
import { providePostgres } from '../support/postgres.ts'
import { inTime } from '../support/until.ts'
import { collect, contentOf, databases, fillArchives, sampleRows } from './archives/databases.ts'
import { temporaryFolder } from './stores/storage.ts'

const report = () => {}
const header = { created_at: 1_790_000_000, master_key_check: null }
const whole = { kinds: allKinds, report }

const readVerified = async (file: string): Promise<Sections> =>
  readExport(file, (await verifyExport(file)).counts)

for (const { name, open } of databases) {
  /** A filled store, its export, and an empty store. */
  async function withExport(
    use: (given: {
      from: Awaited<ReturnType<typeof open>>['archives']
      to: Awaited<ReturnType<typeof open>>['archives']
      file: string
      read: () => Promise<Sections>
    }) => Promise<void>,
  ): Promise<void> {
    const [from, to, folder] = [await open(), await open(), await temporaryFolder()]
    try {
      await fillArchives(from.archives, ['acme'])
      await writeExport(folder.file, header, sectionsOf(from.archives, allKinds), report)
      await use({
        from: from.archives,
        to: to.archives,
        file: folder.file,
        read: () => readVerified(folder.file),
      })
    } finally {
      await Promise.all([from.end(), to.end(), folder.remove()])
    }
  }

  describe(`archives, ${name}`, () => {
    let text: string
    before(() =>
      withExport(async ({ file }) => {
        text = await readFile(file, 'utf8')
      }),
    )

    test('every table belongs to one kind', async () => {
      const { archives, end } = await open()
      const source = await archives.source()
      const tables = (await source.tables()).map(table => table.name)
      assert.deepEqual(tables.toSorted(), tablesOf(allKinds).toSorted())
      await source.close()
      await end()
    })

    test('an import contains every row of the export, of every issuer, in the order of insertion', async () => {
      await withExport(async ({ from, to, read }) => {
        const filled = await fill(to, await read(), whole)
        for (const tenant of [undefined, 'acme']) {
          const [held, got] = [await contentOf(from, tenant), await contentOf(to, tenant)]
          assert.deepEqual(got, held)
          for (const [table, rows] of Object.entries(held))
            assert.ok(table === 'registered_origins' || rows.length >= 3, table)
        }
        assert.deepEqual(filled.get('codes'), { added: 6, same: 0, other: 0 })
      })
    })

    test('a store can be moved directly into another', async () => {
      await withExport(async ({ from, to }) => {
        await fill(to, sectionsOf(from, allKinds), whole)
        assert.deepEqual(await contentOf(to), await contentOf(from))
      })
    })

    test('rows written during an export are not part of it', async () => {
      const { archives, end } = await open()
      await fillArchives(archives, [], 1200)
      const [source, target] = [await archives.source(), await archives.target()]
      const table = (await source.tables()).find(one => one.name === 'codes')!
      const seen = []
      for await (const batch of source.read(table)) {
        seen.push(...batch)
        await target.add(table, sampleRows(table, 1300))
      }
      assert.equal(seen.length, 1200)
      assert.equal(await source.count('codes'), 1200)
      await source.close()
      await target.close()
      assert.equal((await contentOf(archives)).codes?.length, 1300)
      await end()
    })

    test('rows are read in batches, however many there are', async () => {
      const { archives, end } = await open()
      await fillArchives(archives, [], 2600)
      const source = await archives.source()
      const table = (await source.tables()).find(one => one.name === 'families')!
      const sizes = []
      for await (const batch of source.read(table)) sizes.push(batch.length)
      assert.ok(Math.max(...sizes) <= 1000, String(sizes))
      assert.equal(
        sizes.reduce((sum, size) => sum + size, 0),
        2600,
      )
      await source.close()
      await end()
    })

    for (const [how, spoil] of Object.entries({
      'a changed digit in a row': (text: string) => text.replace('9007199254740989', '9007199254740988'),
      'a missing row': (text: string) => text.replace(/\n\[.*\n/, '\n'),
      'a repeated row': (text: string) => text.replace(/\n(\[.*\n)/, '\n$1$1'),
      'a missing table': (text: string) =>
        text.replace(/\{"tenant":"acme","table":"codes".*?\{"rows.*?\n/s, ''),
      'another tenant': (text: string) => text.replaceAll('"tenant":"acme"', '"tenant":"evil"'),
      'a missing last line': (text: string) => text.replace(/\{"total.*\n$/, ''),
      'half a file': (text: string) => text.slice(0, text.length / 2),
      'a line after the end': (text: string) => `${text}{}\n`,
      'another format': (text: string) => text.replace('"tessera_export":1', '"tessera_export":2'),
      'no export': () => '{"clients":[]}\n',
      nothing: () => '',
    }))
      test(`a file with ${how} is refused before anything is written`, async () => {
        const { file, remove } = await temporaryFolder()
        const spoilt = spoil(text)
        assert.ok(spoilt !== text)
        await writeFile(file, spoilt)
        await assert.rejects(readVerified(file), MalformedExport)
        await remove()
      })

    test('a store in use is not overwritten', async () => {
      await withExport(async ({ to, read }) => {
        await fillArchives(to, [])
        const before = await contentOf(to)
        await assert.rejects(fill(to, await read(), whole), ImportRefused)
        assert.deepEqual(await contentOf(to), before)
      })
    })

    test('and neither is a tenant’s', async () => {
      await withExport(async ({ to, read }) => {
        await fillArchives(to, ['acme'])
        const target = await to.target()
        await target.empty((await target.tables()).map(table => table.name))
        await target.close()
        await assert.rejects(fill(to, await read(), whole), ImportRefused)
      })
    })

    test('an interrupted import says so, and the next one is complete', async () => {
      await withExport(async ({ from, to, read }) => {
        await assert.rejects(fill(to, cutOff(await read()), whole), /cut off/)
        const target = await to.target()
        assert.match((await target.setting(importBegun)) ?? '', /^[\da-f-]{36}$/)
        await target.close()
        await fill(to, await read(), whole)
        assert.deepEqual(await contentOf(to), await contentOf(from))
        assert.deepEqual(await contentOf(to, 'acme'), await contentOf(from, 'acme'))
      })
    })

    for (const [title, order] of [
      ['ends first', ['second', 'first']],
      ['ends later', ['first', 'second']],
    ] as const)
      test(`of two imports at the same time, the one that began later is complete, also if it ${title}`, async () => {
        await withExport(async ({ from, to, read }) => {
          const imports: Record<string, { go: () => void; done: Promise<unknown> }> = {}
          for (const name of ['first', 'second']) {
            const [reached, proceed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
            const done = fill(to, pausing(await read(), reached.resolve, proceed.promise), whole)
            imports[name] = { go: proceed.resolve, done: done.catch(error => error) }
            await inTime(`the ${name} import is in the middle`, reached.promise)
          }
          const outcomes: Record<string, unknown> = {}
          for (const [index, name] of order.entries()) {
            imports[name]!.go()
            outcomes[name] = await imports[name]!.done
            if (index > 0) continue
            // No server starts until the later one has ended.
            const target = await to.target()
            assert.equal((await target.setting(importBegun)) === undefined, name === 'second')
            await target.close()
          }
          assert.match(String(outcomes.first), /another import into this database has begun meanwhile/)
          assert.ok(outcomes.second instanceof Map, String(outcomes.second))
          assert.deepEqual(await contentOf(to), await contentOf(from))
          assert.deepEqual(await contentOf(to, 'acme'), await contentOf(from, 'acme'))
        })
      })

    test('an import does not end if rows of an overtaken one came between its own', async () => {
      await withExport(async ({ to, read }) => {
        const between = async () => {
          const target = await to.target()
          const table = (await target.tables()).find(one => one.name === 'consents')!
          await target.add(
            table,
            sampleRows(table, 40).map(row => row.with(0, `another ${row[0]}`)),
          )
          await target.close()
        }
        const adding = (async function* (sections: Sections): Sections {
          for await (const section of sections) {
            if (section.table.name === 'consents' && section.tenant === undefined) await between()
            yield section
          }
        })(await read())
        await assert.rejects(fill(to, adding, whole), /consents has \d+ rows instead of \d+/)
        const target = await to.target()
        assert.notEqual(await target.setting(importBegun), undefined)
        await target.close()
      })
    })

    test('users can be added to a store in use; existing users remain as they are', async () => {
      await withExport(async ({ to, read }) => {
        const target = await to.target()
        const table = (await target.tables()).find(one => one.name === 'stored_users')!
        const [first, second] = sampleRows(table, 2)
        const at = Object.keys(table.columns).indexOf('created_at')
        await target.add(table, [first!, second!.with(at, 1)])
        await target.close()
        const kinds: ReadonlySet<ArchivedKind> = new Set(['stored_users'])
        const filled = await fill(to, only(await read(), 'stored_users'), { kinds, report })
        assert.deepEqual(filled.get('stored_users'), { added: 4, same: 1, other: 1 })
        const users = (await contentOf(to)).stored_users
        assert.deepEqual(users?.[1]?.[at], 1)
        assert.equal((await contentOf(to)).standing?.length, 3)
      })
    })

    test('of the origins of a client, only those that are texts count', async () => {
      const { archives, stores, end } = await open()
      const target = await archives.target()
      const table = (await target.tables()).find(one => one.name === 'registered_clients')!
      const at = Object.keys(table.columns).indexOf('metadata')
      const origins = ['https://app.example', { toString: 1 }, null, ['https://other.example']]
      const rows = sampleRows(table, 1).map(row =>
        row.with(at, JSON.stringify({ allowed_cors_origins: origins })),
      )
      assert.equal((await target.add(table, rows)).added, 1)
      await target.close()
      const opened = await stores()
      const { registeredClients } = opened.main
      assert.equal(await registeredClients.hasOrigin('https://app.example', 0), true)
      assert.equal(await registeredClients.hasOrigin('https://other.example', 0), false)
      await opened.close()
      await end()
    })

    test('an unknown column or table is refused', async () => {
      const { archives, end } = await open()
      const target = await archives.target()
      await assert.rejects(
        target.add({ name: 'codes', columns: { hash: 'text', x: 'text' } }, [['a', 'b']]),
        /unknown column x/,
      )
      await assert.rejects(
        target.add({ name: 'codes; --', columns: { hash: 'text' } }, [['a']]),
        /unknown table codes; --/,
      )
      await target.close()
      await end()
    })
  })
}

/** Pauses before the tenth section. */
async function* pausing(sections: Sections, reached: () => void, proceed: Promise<void>): Sections {
  let count = 0
  for await (const section of sections) {
    count += 1
    if (count === 10) {
      reached()
      await proceed
    }
    yield section
  }
}

async function* cutOff(sections: Sections): Sections {
  for await (const section of sections) {
    if (section.table.name !== 'sessions') yield section
    else throw new Error('cut off')
  }
}

async function* only(sections: Sections, table: string): Sections {
  for await (const section of sections) if (section.table.name === table) yield section
}

const postgres = providePostgres()

test('archives: a connection to a schema of PostgreSQL that can’t be read or filled is closed', async () => {
  const { database, alone } = await postgres()
  const url = await database()
  const owner = await openConnection({ url })
  await owner.script(`create schema ${mainSchema}`)
  const archives = createPostgresArchives({ url })
  await assert.rejects(archives.source(), /the schema tessera has no tables/)
  await (await archives.target()).close()
  await owner.script(`drop table ${mainSchema}.tenants`)
  await assert.rejects(archives.target('acme'), /relation "tessera.tenants" does not exist/)
  await owner.close()
  await alone(url)
})

test('archives: rows of a file are read in batches too', async () => {
  const { file, remove } = await temporaryFolder()
  const table = { name: 'codes', columns: { hash: 'text' } } as const
  async function* sections(): Sections {
    async function* rows() {
      for (let batch = 0; batch < 30; batch++)
        yield Array.from({ length: 100 }, (_, row) => [`${batch} ${row}`])
    }
    yield { tenant: undefined, table, count: 3000, rows: rows() }
  }
  await writeExport(file, header, sections(), report)
  const { counts, rows } = await verifyExport(file)
  assert.equal(rows, 3000)
  for await (const section of readExport(file, counts)) {
    assert.equal(section.count, 3000)
    const sizes = []
    for await (const batch of section.rows) sizes.push(batch.length)
    assert.deepEqual(
      sizes,
      Array.from({ length: 6 }, () => 500),
    )
  }
  assert.equal((await collect(toBatches(await readFile(file, 'utf8')))).length, 3004)
  await remove()
})

async function* toBatches(text: string) {
  yield text.split('\n').filter(line => line !== '')
}
