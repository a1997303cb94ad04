/** The file of an export line by line, and which stores an import may fill. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import {
  type ArchivedKind,
  addableKinds,
  allKinds,
  importBegun,
} from '../../packages/server/src/storage/tables/archive.ts'
import { fill, ImportRefused } from '../../packages/server/src/storage/transfer/fill.ts'
import { decodeRow, MalformedExport } from '../../packages/server/src/storage/transfer/format.ts'
import { readExport, verifyExport } from '../../packages/server/src/storage/transfer/read.ts'
import { writeExport } from '../../packages/server/src/storage/transfer/write.ts'
import { testFolder } from '../support/folder.ts'

const folder = testFolder()
const columns = { name: 'text', value: 'text' } as const
const rows = [
  ['one', 'a'],
  ['two', null],
]

/** Sections as a store returns them. */
async function* sections(count = rows.length, tenant?: string) {
  async function* batches() {
    yield rows
  }
  yield { tenant, table: { name: 'settings', columns }, count, rows: batches() }
}

const header = { created_at: 1, master_key_check: null }
let files = 0
const newFile = (): string => folder.at(`export-${++files}`)

async function written(): Promise<readonly string[]> {
  const file = newFile()
  await writeExport(file, header, sections(), () => {})
  return (await readFile(file, 'utf8')).trimEnd().split('\n')
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** These lines and a total that matches them. */
const totalled = (lines: readonly string[], total = rows.length): readonly string[] => [
  ...lines,
  JSON.stringify({ total, sha256: digest(lines.map(line => `${line}\n`).join('')) }),
]

async function verified(lines: readonly string[]) {
  const file = newFile()
  await writeFile(file, lines.map(line => `${line}\n`).join(''))
  return { file, ...(await verifyExport(file)) }
}

const refuses = (lines: readonly string[], message: RegExp) =>
  assert.rejects(verified(lines), error => error instanceof MalformedExport && message.test(error.message))

test('export: values with any line separator are read again', async () => {
  const file = newFile()
  const values = ['a\u2028b\u2029c\u0085d', 'e\r\nf\rg'].map((value, index) => [`value ${index}`, value])
  async function* batches() {
    yield values
  }
  async function* own() {
    yield { tenant: undefined, table: { name: 'settings', columns }, count: 2, rows: batches() }
  }
  await writeExport(file, header, own(), () => {})
  const { counts } = await verifyExport(file)
  const found: unknown[] = []
  for await (const section of readExport(file, counts))
    for await (const batch of section.rows) found.push(...batch)
  assert.deepEqual(found, values)
})

test('export: a file is written once, only its owner can read it, and it contains the given rows', async () => {
  const file = newFile()
  const before = process.umask(0)
  try {
    await writeExport(file, header, sections(), () => {})
  } finally {
    process.umask(before)
  }
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  await chmod(file, 0o600)
  await assert.rejects(
    writeExport(file, header, sections(), () => {}),
    { code: 'EEXIST' },
  )
  const { counts, rows: total, tables } = await verifyExport(file)
  assert.deepEqual([total, [...tables]], [2, ['settings']])
  const read: unknown[] = []
  for await (const section of readExport(file, counts)) {
    assert.deepEqual(
      [section.tenant, section.count, section.table],
      [undefined, 2, { name: 'settings', columns }],
    )
    for await (const batch of section.rows) read.push(...batch)
  }
  assert.deepEqual(read, rows)
})

test('export: a file that is incomplete or was changed is refused', async () => {
  const lines = await written()
  assert.equal(lines.length, 6)
  await verified(lines)
  const [head = '', opening = '', one = '', two = '', closing = '', total = ''] = lines
  await refuses(lines.slice(0, -1), /is truncated/)
  await refuses([], /is truncated/)
  await refuses([...lines, total], /lines after the total/)
  await refuses([...lines, head], /lines after the total/)
  // A row missing, repeated or moved: the section's checksum does not match.
  for (const changed of [[one], [one, two, two], [two, one], [one, two.replace('null', '"b"')]])
    await refuses(totalled([head, opening, ...changed, closing]), /checksum of table settings does not match/)
  const { sha256 } = JSON.parse(closing)
  for (const count of [1, 3])
    await refuses(
      totalled([head, opening, one, two, JSON.stringify({ rows: count, sha256 })]),
      /checksum of table settings does not match/,
    )
  await refuses([head, opening, one, two, closing, total.replace('2', '3')], /checksum of the file/)
  await refuses(totalled([head, opening, one, two, closing], 1), /checksum of the file/)
  await refuses([head.replace(':1,', ':1, '), ...lines.slice(1)], /checksum of the file/)
  await refuses(totalled([head, one]), /unexpected line/)
  await refuses(totalled([head, closing]), /unexpected line/)
})

test('export: a file must begin with a header of this format', async () => {
  const [head = '', ...rest] = await written()
  const { tessera_export, ...more } = JSON.parse(head)
  assert.equal(tessera_export, 1)
  for (const [first, message] of [
    [{ tessera_export: 2, ...more }, /unsupported format 2/],
    [{ tessera_export: 0, ...more }, /unsupported format 0/],
    [{ tessera_export: '1', ...more }, /not a Tessera export/],
    [{ ...more }, /not a Tessera export/],
    [{ tessera_export: 1, created_at: 1 }, /not a Tessera export/],
    [{ tessera_export: 1, created_at: 1, master_key_check: 7 }, /not a Tessera export/],
  ] as const)
    await refuses(totalled([JSON.stringify(first), ...rest.slice(0, -1)]), message)
  await refuses(['nothing'], /not JSON/)
  await refuses(['7'], /neither a row/)
})

test('export: a row has a value for each column, of its kind', () => {
  const table = { name: 't', columns: { a: 'text', b: 'integer', c: 'bytes' } } as const
  assert.deepEqual(decodeRow(['x', 7, 'AQ'], table), ['x', 7, new Uint8Array([1])])
  assert.deepEqual(decodeRow([null, null, null], table), [null, null, null])
  for (const values of [
    ['x', 7],
    ['x', 7, 'AQ', null],
    [7, 7, 'AQ'],
    ['x', '7', 'AQ'],
    ['x', 1.5, 'AQ'],
    ['x', 2 ** 53, 'AQ'],
    ['x', 7, 7],
    ['x', true, 'AQ'],
    [{}, 7, 'AQ'],
  ])
    assert.throws(() => decodeRow(values, table), MalformedExport, JSON.stringify(values))
})

test('export: a row or a column that this version can not store is refused, with its file and line, before anything is written', async () => {
  const users = { tenant: null, table: 'stored_users', columns: { sub: 'text', claims: 'text' } }
  const totp = { tenant: null, table: 'totp_secrets', columns: { sub: 'text', sealed: 'bytes' } }
  const linesOf = (opening: object, ...given: readonly unknown[]): readonly string[] => {
    const texts = given.map(row => `${JSON.stringify(row)}\n`).join('')
    const closing = JSON.stringify({ rows: given.length, sha256: digest(texts) })
    return [JSON.stringify(opening), ...texts.trimEnd().split('\n').filter(Boolean), closing]
  }
  const head = JSON.stringify({ tessera_export: 1, ...header })
  const one = ['kim', '{}']
  await verified(totalled([head, ...linesOf(users, one)], 1))
  for (const [opening, row, message] of [
    [users, [7, '{}'], /:3: .*not of type text/],
    [users, ['kim'], /:3: .*has 1 values/],
    [users, [null, '{}'], /:3: stored_users\.sub: it is null/],
    [users, ['k\ud800', '{}'], /:3: .*not of type text/],
    [users, ['kim', '{no'], /:3: stored_users\.claims: .*JSON/],
    [users, ['kim', '7'], /:3: stored_users\.claims: .*JSON/],
    [totp, ['kim', 'A!'], /:3: .*not of type bytes/],
    [{ ...users, columns: { sub: 'text', new: 'text' } }, one, /:2: unknown column "new" .*newer version/],
    [{ ...users, columns: { sub: 'integer' } }, [7], /:2: stored_users\.sub is integer, not text/],
    [{ ...users, columns: { claims: 'text' } }, ['{}'], /:2: .*no column sub/],
    [{ ...users, columns: {} }, [], /:2: .*no column sub/],
    [{ ...users, columns: [] }, [], /:2: unexpected line/],
  ] as const)
    await refuses(totalled([head, ...linesOf(opening, row)], 1), message)
  const twice = [...linesOf(users, one), ...linesOf(users, ['tom', '{}'])]
  await refuses(totalled([head, ...twice], 2), /:5: table "stored_users" occurs twice/)
})

/** Stores that record what an import does to them. */
function createTarget({ isUsed = false, begun = false } = {}) {
  const did: unknown[] = []
  const settings = new Map<string, string>(begun ? [[importBegun, 'yes']] : [])
  const target = {
    tables: async () => [],
    holdsAny: async () => isUsed,
    async empty(names: readonly string[]) {
      did.push(['empty', names])
    },
    async add(_: unknown, given: readonly unknown[]) {
      did.push(['add', given.length, settings.get(importBegun)])
      return { added: given.length, same: 0, other: 0 }
    },
    setting: async (name: string) => settings.get(name),
    async set(name: string, value: string | undefined) {
      if (value === undefined) settings.delete(name)
      else settings.set(name, value)
    },
    close: async () => void did.push(['close']),
  }
  return { target, did, settings }
}

const archivesOf = (main: ReturnType<typeof createTarget>, tenant?: ReturnType<typeof createTarget>) =>
  ({
    tenants: async () => (tenant ? ['acme'] : []),
    target: async (name?: string) => (name === undefined ? main : (tenant ?? createTarget())).target,
  }) as never

const [addable = ''] = [...addableKinds]
const whole = { kinds: allKinds, settings: { root_keys: 'sealed' }, report: () => {} }
const some = (...kinds: readonly string[]) => ({
  kinds: new Set(kinds) as unknown as ReadonlySet<ArchivedKind>,
  report: () => {},
})

test('import: empty stores are cleared of what a start wrote, marked while they are filled, and closed', async () => {
  const main = createTarget()
  const filled = await fill(archivesOf(main), sections(), whole)
  assert.deepEqual([...filled], [['settings', { added: 2, same: 0, other: 0 }]])
  const [[what, names] = []] = main.did as (readonly [string, readonly string[]])[]
  assert.equal(what, 'empty')
  for (const name of ['sessions', 'codes', 'standing', 'stored_users', 'families'])
    assert.ok(names?.includes(name), name)
  for (const name of ['keys', 'settings']) assert.ok(!names?.includes(name), name)
  const [[added, count, mark] = [], ...after] = main.did.slice(1) as (readonly unknown[])[]
  assert.deepEqual([added, count, after], ['add', 2, [['close']]])
  assert.match(String(mark), /^[\da-f-]{36}$/)
  assert.deepEqual([...main.settings], [['root_keys', 'sealed']])
})

test('import: stores in use are refused, the server’s and a tenant’s, and nothing is changed', async () => {
  for (const [main, tenant] of [
    [createTarget({ isUsed: true }), undefined],
    [createTarget(), createTarget({ isUsed: true })],
  ] as const) {
    await assert.rejects(fill(archivesOf(main, tenant), sections(), whole), ImportRefused)
    assert.deepEqual([main.did, main.settings.size], [[['close']], 0])
    if (tenant) assert.deepEqual(tenant.did, [['close']])
  }
})

test('import: an unfinished import starts again from the beginning', async () => {
  const main = createTarget({ isUsed: true, begun: true })
  await fill(archivesOf(main), sections(), whole)
  assert.deepEqual(
    (main.did as (readonly unknown[])[]).map(([what]) => what),
    ['empty', 'add', 'close'],
  )
  assert.equal(main.settings.has(importBegun), false)
})

test('import: independent kinds are added to stores in use; with any other kind they are refused', async () => {
  const main = createTarget({ isUsed: true })
  await fill(archivesOf(main), sections(), some(addable))
  assert.deepEqual(main.did, [['add', 2, undefined], ['close']])
  const other = createTarget({ isUsed: true })
  await assert.rejects(fill(archivesOf(other), sections(), some(addable, 'sessions')), ImportRefused)
})

test('import: a table with fewer or more rows than announced leaves the stores unfinished', async () => {
  for (const announced of [1, 3]) {
    const main = createTarget()
    await assert.rejects(fill(archivesOf(main), sections(announced), whole), /rows, expected \d/)
    assert.match(String(main.settings.get(importBegun)), /^[\da-f-]{36}$/)
    // Rows that others add meanwhile may be there too.
    await fill(archivesOf(createTarget()), sections(announced), some(addable))
  }
})
