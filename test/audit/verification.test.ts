/** The chain of the audit log, when somebody changes it. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import fc from 'fast-check'
import type { AuditRow } from '../../packages/server/src/model/audit-record.ts'
import { auditKey, chained, headOf } from '../../packages/server/src/operations/audit/record.ts'
import { verifyAuditLog } from '../../packages/server/src/operations/audit/verification.ts'
import { auditWorld } from '../support/audit.ts'

const world = auditWorld()
const publicKey = world.audit.publicKey()
const verify = (rows: readonly AuditRow[], options: object = {}) =>
  verifyAuditLog(rows, { publicKey, ...options })
const faultOf = async (rows: readonly AuditRow[], options: object = {}) => (await verify(rows, options)).fault

let rows: readonly AuditRow[] = []
before(async () => {
  await world.write('alice', 'bob')
  await world.audit.add('configuration.started', { digest: 'd', audit: true })
  await world.write('alice', 'carol')
  rows = await world.rows()
})

test('audit: an untouched log is verified, and its head identifies it', async () => {
  const { fault, head, ...counts } = await verify(rows)
  assert.equal(fault, undefined)
  assert.deepEqual(counts, { records: 5, erased: 0, first: 1 })
  assert.deepEqual(head, headOf(rows[4]!))
  assert.equal(await faultOf(rows, { heads: rows.map(headOf) }), undefined)
})

test('audit: any change of one character or column is found, and the record is named', async () => {
  const columns = ['record', 'personal', 'signature', 'sub', 'type'] as const
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: 4 }),
      fc.constantFrom(...columns),
      fc.nat(),
      fc.integer({ min: 32, max: 126 }),
      async (index, column, place, code) => {
        const row = rows[index]!
        const text = row[column] ?? ''
        const at = text.length === 0 ? 0 : place % text.length
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)
        fc.pre(changed !== text)
        const fault = await faultOf(rows.with(index, { ...row, [column]: changed }))
        assert.equal(fault?.seq, row.seq)
      },
    ),
    { numRuns: 150 },
  )
  for (const [index, row] of rows.entries()) {
    assert.equal((await faultOf(rows.with(index, { ...row, at: row.at + 1 })))?.seq, row.seq)
    const renumbered = await faultOf(rows.with(index, { ...row, seq: row.seq + 7 }))
    assert.ok(renumbered, 'a number')
  }
})

test('audit: a record that is missing, moved, repeated or of another server is found', async () => {
  const [one, two, three, four, five] = rows as unknown as Record<number, AuditRow> & AuditRow[]
  assert.ok(one && two && three && four && five)
  assert.deepEqual(await faultOf([one, two, four, five]), { seq: 3, problem: 'it is missing' })
  assert.deepEqual(await faultOf([one, five]), { seq: 2, problem: 'the records 2 to 4 are missing' })
  assert.equal((await faultOf([one, three, two, four, five]))?.seq, 2)
  assert.equal((await faultOf([one, two, two, three, four, five]))?.seq, 2)
  assert.match((await faultOf([two, three, four, five]))?.problem ?? '', /up to 1 are missing/)

  const other = auditWorld({ secret: 8 })
  await other.write('alice', 'bob', 'carol', 'dave', 'erin')
  const theirs = await other.rows()
  assert.match((await faultOf(theirs))?.problem ?? '', /another server/)
  assert.equal((await faultOf(rows.with(2, theirs[2]!)))?.seq, 3)
  const others = auditWorld()
  await others.write('alice', 'bob', 'carol', 'dave', 'erin')
  const again = await others.rows()
  assert.match((await faultOf([...rows.slice(0, 3), ...again.slice(3)]))?.problem ?? '', /another log/)
})

test('audit: a chain that is written again without the key is found', async () => {
  const forged = chained(
    rows.map(({ record }) => JSON.parse(record)),
    undefined,
    auditKey(auditWorld({ secret: 9 }).derived),
  )
  assert.deepEqual((await faultOf(forged))?.seq, 1)
})

test('audit: missing newest records are found by a head that was noted before', async () => {
  assert.equal(await faultOf(rows.slice(0, 3)), undefined)
  const heads = [headOf(rows[4]!)]
  const fault = await faultOf(rows.slice(0, 3), { heads })
  assert.equal(fault?.seq, 4)
  assert.match(fault?.problem ?? '', /newest records were removed/)
  assert.match((await faultOf([], { heads }))?.problem ?? '', /newest records were removed/)
  const other = auditWorld()
  await other.write('a', 'b', 'c', 'd', 'e', 'f')
  assert.match((await faultOf(await other.rows(), { heads }))?.problem ?? '', /written again/)
})

test('audit: a part is verified by itself', async () => {
  assert.equal((await faultOf(rows.slice(2)))?.seq, 1)
  assert.equal(await faultOf(rows.slice(2), { isPart: true }), undefined)
})
