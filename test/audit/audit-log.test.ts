/** The audit log: one chain by several processes, erasure and retention. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditEndpoint } from '../../packages/server/src/model/audit-record.ts'
import { headOf } from '../../packages/server/src/operations/audit/record.ts'
import { verifyAuditLog } from '../../packages/server/src/operations/audit/verification.ts'
import { withOrigin } from '../../packages/server/src/runtime/async/origin.ts'
import { StoreUnavailable } from '../../packages/server/src/runtime/ports.ts'
import { createMemoryStores } from '../../packages/server/src/storage/memory/stores.ts'
import { emptyTables } from '../../packages/server/src/storage/memory/tables.ts'
import { auditWorld, day } from '../support/audit.ts'
import { startOfTime } from '../support/tessera.ts'

type World = ReturnType<typeof auditWorld>

const verified = async ({ audit, rows }: World) =>
  verifyAuditLog(await rows(), { publicKey: audit.publicKey() })
const typesOf = async ({ rows }: World) => (await rows()).map(({ type }) => type)

test('audit: two nodes append to one chain, and each record is there once', async () => {
  const stores = createMemoryStores()
  const nodes = [auditWorld({ stores }), auditWorld({ stores })]
  for (let round = 0; round < 5; round++) {
    for (const { audit } of nodes)
      await stores.webhookMessages.add([1, 2, 3].flatMap(() => audit.messagesOf('key.removed', { kid: 'k' })))
    await Promise.all(nodes.flatMap(({ audit }) => [audit.run(), audit.erase('nobody'), audit.run()]))
  }
  const { records, fault } = await verified(nodes[0]!)
  assert.deepEqual({ records, fault }, { records: 30, fault: undefined })
})

test('audit: a process that signs more slowly than another appends its records, fewer at once', async () => {
  const stores = createMemoryStores()
  const fast = auditWorld({ stores })
  const { auditRecords } = stores
  const slow = auditWorld({
    stores: {
      ...stores,
      auditRecords: {
        ...auditRecords,
        async append(rows, changes) {
          // Meanwhile, the other process appends a record.
          if (rows.length > 2) {
            await fast.write('bob')
            await fast.audit.run()
          }
          return auditRecords.append(rows, changes)
        },
      },
    },
  })
  const names = Array.from({ length: 20 }, (_, index) => `user-${index}`)
  await stores.webhookMessages.add(names.flatMap(sub => slow.audit.messagesOf('user.enabled', { sub })))
  assert.equal(await slow.audit.run(), names.length)
  const subs = (await slow.rows()).map(({ sub }) => sub).filter(sub => sub !== 'bob')
  assert.deepEqual(subs, names)
  assert.equal((await verified(slow)).fault, undefined)
})

test('audit: records of a process that ended before it appended them are appended by another', async () => {
  const world = auditWorld()
  await world.stores.webhookMessages.add(world.audit.messagesOf('user.enabled', { sub: 'alice' }))
  // As a process does that is killed next.
  assert.equal(
    (await world.stores.webhookMessages.claim('audit', 2e9, world.derived ? 1_790_000_020 : 0, 9)).length,
    1,
  )
  const other = auditWorld({ stores: world.stores })
  assert.equal(await other.audit.run(), 0)
  other.advance(60)
  assert.equal(await other.audit.run(), 1)
  assert.deepEqual(await typesOf(world), ['user.enabled'])
})

test('audit: who acted, from where and by which request is recorded', async () => {
  const world = auditWorld()
  const origin = {
    actor: { kind: 'admin', client_id: 'ops' },
    ...{ request_id: 'r-1', network: '192.0.2.7' },
  } as const
  await withOrigin(origin, async () => {
    await world.write('alice')
    await world.audit.add('admin.requested', { operation: 'rotateKeys', path: {} })
  })
  await world.audit.run()
  const [of, without] = await world.rows()
  const { time, id, personal, ...record } = JSON.parse(of?.record ?? '')
  assert.deepEqual(record, {
    ...{ seq: 1, previous: null, issuer: 'https://id.example', type: 'user.disabled' },
    ...{ actor: { kind: 'admin', client_id: 'ops' }, request_id: 'r-1', data: {} },
  })
  const { salt, ...members } = JSON.parse(of?.personal ?? '')
  assert.deepEqual(members, { sub: 'alice', network: '192.0.2.7' })
  assert.equal(salt.length, 22)
  assert.deepEqual(JSON.parse(without?.record ?? '').data, {
    ...{ operation: 'rotateKeys', path: {}, network: '192.0.2.7' },
  })
  assert.equal(without?.sub, undefined)
})

test('audit: what is personal can be erased, and the log remains verifiable', async () => {
  const world = auditWorld()
  await world.write('alice', 'bob', 'alice', 'alice')
  await world.stores.webhookMessages.add(world.audit.messagesOf('user.deleted', { sub: 'alice' }))
  assert.equal(await world.audit.erase('alice'), 4)
  assert.equal(await world.audit.erase('alice'), 0)
  const rows = await world.rows()
  assert.doesNotMatch(JSON.stringify(rows), /alice/)
  assert.match(JSON.stringify(rows), /bob/)
  assert.deepEqual(JSON.parse(rows.at(-1)?.record ?? '').data, { records: '1,3-5', count: 4 })
  assert.equal((await verified(world)).fault, undefined)
  assert.equal((await verified(world)).erased, 4)
  const secretly = rows.map(({ personal: _, sub: __, ...row }) => row)
  const { fault } = await verifyAuditLog(secretly, { publicKey: world.audit.publicKey() })
  assert.equal(fault?.seq, 2)
})

test('audit: records that another process has claimed are erased too', async () => {
  const world = auditWorld()
  await world.write('alice')
  await world.stores.webhookMessages.add(world.audit.messagesOf('user.disabled', { sub: 'alice' }))
  const claimed = await world.stores.webhookMessages.claim(auditEndpoint, startOfTime, startOfTime + 30, 10)
  assert.equal(claimed.length, 1)
  const erasing = world.audit.erase('alice')
  // The other process crashes, and its lease expires.
  world.advance(31)
  assert.equal(await erasing, 2)
  assert.doesNotMatch(JSON.stringify(await world.rows()), /alice/)
  assert.equal((await verified(world)).fault, undefined)
})

test('audit: erasing does not wait for claimed records about others', async () => {
  const world = auditWorld()
  await world.write('alice')
  await world.stores.webhookMessages.add(world.audit.messagesOf('user.disabled', { sub: 'bob' }))
  await world.stores.webhookMessages.claim(auditEndpoint, startOfTime, startOfTime + 30, 10)
  assert.equal(await world.audit.erase('alice'), 1)
})

test('audit: erasing fails if another process holds a record about the user', async t => {
  const world = auditWorld()
  await world.write('alice')
  await world.stores.webhookMessages.add(world.audit.messagesOf('user.disabled', { sub: 'alice' }))
  await world.stores.webhookMessages.claim(auditEndpoint, startOfTime, startOfTime + 9999, 10)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const erasing = world.audit.erase('alice').catch(String)
  let outcome: unknown
  void erasing.then(value => {
    outcome = value
  })
  for (let turn = 0; turn < 10_000 && outcome === undefined; turn++) {
    t.mock.timers.tick(100)
    await new Promise(setImmediate)
  }
  assert.match(String(outcome), /another process is appending records about the user; run the command again/)
  assert.match(JSON.stringify(await world.rows()), /alice/)
})

test('audit: the oldest records are removed after their time, and a record says so', async () => {
  const world = auditWorld({ settings: { retention: 10 * day } })
  await world.write('alice', 'bob')
  const [, last] = await world.rows()
  world.advance(10 * day)
  await world.write('carol')
  assert.equal((await world.rows()).length, 3)
  world.advance(2 * day)
  await world.write('dave')
  assert.deepEqual(
    (await world.rows()).map(({ seq }) => seq),
    [3, 4, 5],
  )
  const pruned = JSON.parse((await world.rows()).at(-1)?.record ?? '')
  assert.equal(pruned.type, 'audit.pruned')
  assert.deepEqual(pruned.data, { through: 2, hash: headOf(last!).hash })
  assert.equal((await verified(world)).fault, undefined)
  // The same records without a reason.
  const rows = (await world.rows()).slice(1)
  const { fault } = await verifyAuditLog(rows, { publicKey: world.audit.publicKey() })
  assert.match(fault?.problem ?? '', /up to 3 are missing/)
})

test('audit: strangers fill the log only to a limit, and what was left out is counted', async () => {
  const world = auditWorld()
  const fail = (network: string) =>
    withOrigin({ actor: { kind: 'browser' }, network }, () =>
      world.audit.add('user.sign_in_failed', { reason: 'credentials_refused' }),
    )
  for (let count = 0; count < 65; count++) await fail('192.0.2.1')
  for (let count = 0; count < 245; count++) await fail(`198.51.100.${count}`)
  world.advance(61)
  await world.audit.run()
  await fail('192.0.2.1')
  await world.audit.run()
  const types = await typesOf(world)
  assert.equal(types.filter(type => type === 'user.sign_in_failed').length, 301)
  const omitted = (await world.rows()).find(({ type }) => type === 'audit.omitted')
  const data = { type: 'user.sign_in_failed', count: 10 }
  assert.deepEqual(JSON.parse(omitted?.record ?? '').data, data)
})

test('audit: a user at pages fills the log only to a limit of each type, and what was left out is counted', async () => {
  const world = auditWorld()
  const note = (kind: 'browser' | 'admin', type: 'consent.given' | 'user.factor_removed', sub: string) =>
    withOrigin({ actor: { kind } }, () =>
      world.stores.webhookMessages.add(world.audit.messagesOf(type, { sub })),
    )
  for (let count = 0; count < 65; count++) await note('browser', 'consent.given', 'eve')
  for (let count = 0; count < 61; count++) await note('admin', 'consent.given', 'eve')
  await note('browser', 'user.factor_removed', 'eve')
  await note('browser', 'consent.given', 'bob')
  world.advance(61)
  await world.audit.run()
  const types = await typesOf(world)
  const countOf = (type: string) => types.filter(one => one === type).length
  assert.deepEqual([countOf('consent.given'), countOf('user.factor_removed')], [60 + 61 + 1, 1])
  const omitted = (await world.rows()).filter(({ type }) => type === 'audit.omitted')
  assert.deepEqual(
    omitted.map(({ record, sub }) => [JSON.parse(record).data, sub]),
    [[{ type: 'consent.given', count: 5 }, 'eve']],
  )
  await note('browser', 'consent.given', 'eve')
  await world.audit.run()
  assert.equal((await typesOf(world)).at(-1), 'consent.given')
})

test('audit: the count of what was left out is kept until it is stored', async () => {
  const stores = createMemoryStores()
  const { webhookMessages } = stores
  let fails = false
  const add = async (...given: Parameters<typeof webhookMessages.add>) => {
    if (fails) throw new StoreUnavailable('the disk is full')
    await webhookMessages.add(...given)
  }
  const world = auditWorld({ stores: { ...stores, webhookMessages: { ...webhookMessages, add } } })
  const failSignIn = () =>
    withOrigin({ actor: { kind: 'browser' }, network: '192.0.2.1' }, () =>
      world.audit.add('user.sign_in_failed', { reason: 'credentials_refused' }),
    )
  for (let count = 0; count < 65; count++) await failSignIn()
  world.advance(61)
  fails = true
  await assert.rejects(world.audit.run())
  await assert.rejects(failSignIn())
  fails = false
  for (let count = 0; count < 60; count++) await failSignIn()
  await world.audit.run()
  for (let count = 0; count < 2; count++) await failSignIn()
  await world.audit.reportOmitted('immediately')
  await world.audit.run()
  const counts = (await world.rows())
    .filter(({ type }) => type === 'audit.omitted')
    .map(({ record }) => JSON.parse(record).data.count)
  // The one that could not be stored used up a place of its minute.
  assert.deepEqual(counts, [6, 2])
})

test('audit: the networks of one /48 leave records to other networks', async () => {
  const world = auditWorld()
  const fail = (network: string) =>
    withOrigin({ actor: { kind: 'browser' }, network }, () =>
      world.audit.add('user.sign_in_failed', { reason: 'credentials_refused' }),
    )
  const count = async () => {
    await world.audit.run()
    return (await typesOf(world)).length
  }
  for (let subnet = 0; subnet < 400; subnet++)
    for (let tries = 0; tries < 2; tries++) await fail(`2001:db8:7:${(subnet * 150).toString(16)}`)
  assert.equal(await count(), 240)
  await fail('198.51.100.7')
  await fail('2001:db8:8:1')
  assert.equal(await count(), 242)
})

test('audit: a waiting record that was changed becomes a record that says so', async () => {
  const world = auditWorld()
  const [message] = world.audit.messagesOf('user.deleted', { sub: 'alice' })
  await world.stores.webhookMessages.add([{ ...message!, sealed: new Uint8Array(40).fill(1) }])
  await world.audit.run()
  const [row] = await world.rows()
  assert.equal(row?.type, 'audit.unreadable')
  assert.deepEqual(JSON.parse(row?.record ?? '').data, { event_id: message?.event_id })
})

test('audit: a waiting record that is stored again next to itself is found', async () => {
  const world = auditWorld()
  const messages = world.audit.messagesOf('user.disabled', { sub: 'alice' })
  for (let count = 0; count < 2; count++) {
    await world.stores.webhookMessages.add(messages)
    await world.audit.run()
  }
  const { fault } = await verified(world)
  assert.deepEqual(fault, { seq: 2, problem: 'it was stored again: an earlier record has its id' })
})

test('audit: every member with the sub of the user is erased with the others, whatever its name', async () => {
  const world = auditWorld()
  const messages = world.audit.messagesOf('user.deleted', { sub: 'alice', actor: 'alice' })
  await world.stores.webhookMessages.add(messages)
  await world.audit.run()
  const [row] = await world.rows()
  assert.doesNotMatch(row?.record ?? '', /alice/)
  assert.match(row?.personal ?? '', /alice/)
})

test('audit: a waiting record that is stored again after it was appended is found', async () => {
  const world = auditWorld()
  const [kept, other] = ['alice', 'bob'].flatMap(sub => world.audit.messagesOf('user.disabled', { sub }))
  await world.stores.webhookMessages.add([kept!])
  await world.audit.run()
  await world.stores.webhookMessages.add([other!])
  await world.audit.run()
  assert.equal((await verified(world)).fault, undefined)
  await world.stores.webhookMessages.add([kept!])
  await world.audit.run()
  const { fault } = await verified(world)
  assert.deepEqual(fault, { seq: 3, problem: 'it was stored again: an earlier record has its id' })
  // At once, and several times.
  await world.stores.webhookMessages.add([kept!])
  await world.audit.run()
  assert.equal((await verified(world)).fault?.seq, 4)
  const [, ...part] = await world.rows()
  const options = { publicKey: world.audit.publicKey(), isPart: true }
  assert.equal((await verifyAuditLog(part, options)).fault?.seq, 4)
})

test('audit: a record with an earlier time lets no younger ones be removed', async () => {
  const world = auditWorld({ settings: { retention: 10 * day } })
  await world.write('alice')
  world.advance(day)
  const [early] = world.audit.messagesOf('user.enabled', { sub: 'erin' })
  world.advance(8 * day)
  await world.write('bob')
  // Of a process that could not store it for days.
  await world.stores.webhookMessages.add([early!])
  await world.audit.run()
  world.advance(4 * day)
  await world.write('carol')
  const subs = (await world.rows()).flatMap(({ sub }) => sub ?? [])
  assert.deepEqual(subs, ['bob', 'erin', 'carol'])
  assert.equal((await verified(world)).fault, undefined)
})

test('audit: records whose time was changed in the store are not removed before their time', async () => {
  const tables = emptyTables()
  const world = auditWorld({ stores: createMemoryStores(tables), settings: { retention: 10 * day } })
  await world.write('alice', 'bob')
  for (const row of await world.rows()) tables.auditRecords.put({ ...row, at: 0 })
  world.advance(2 * day)
  await world.write('carol')
  assert.equal((await world.rows()).length, 3)
  assert.equal((await verified(world)).fault?.seq, 1)
})

test('audit: a record that was made to name another user is not erased with that user', async () => {
  const tables = emptyTables()
  const world = auditWorld({ stores: createMemoryStores(tables) })
  await world.write('alice', 'mallory')
  const [, other] = await world.rows()
  tables.auditRecords.put({ ...other!, sub: 'alice' })
  await assert.rejects(
    world.audit.erase('alice'),
    /record 2: its user differs from the personal members; nothing was erased/,
  )
  assert.equal((await verified(world)).fault?.seq, 2)
  assert.match((await world.rows())[1]?.personal ?? '', /mallory/)
})

/** A log that keeps the events. */
function eventsLog() {
  const logged: string[] = []
  const line = (event: string) => void logged.push(event)
  return { logged, log: { debug: line, info: line, warn: line, error: line } }
}

test('audit: a process logs that a record which it has seen was replaced', async () => {
  const { logged, log } = eventsLog()
  const tables = emptyTables()
  const stores = createMemoryStores(tables)
  const [world, other] = [auditWorld({ stores, log }), auditWorld({ stores })]
  await world.write('alice')
  await other.write('bob')
  await world.write('carol')
  tables.auditRecords.delete(3)
  await other.write('dave', 'erin')
  await world.write('frank')
  assert.deepEqual(logged, ['audit_log_truncated'])
})

test('audit: a process logs that records are gone which it has seen', async () => {
  const { logged, log } = eventsLog()
  const tables = emptyTables()
  const stores = createMemoryStores(tables)
  const world = auditWorld({ stores, log })
  await world.write('alice', 'bob')
  await world.write('carol')
  assert.deepEqual(logged, [])
  tables.auditRecords.clear()
  await world.write('dave')
  assert.deepEqual(logged, ['audit_log_truncated'])
})

test('audit: a process logs that the newest record which it has seen is gone', async () => {
  const { logged, log } = eventsLog()
  const tables = emptyTables()
  const stores = createMemoryStores(tables)
  const world = auditWorld({ stores, log })
  await world.write('alice', 'bob', 'carol')
  tables.auditRecords.delete(3)
  await world.write('dave')
  assert.deepEqual(logged, ['audit_log_truncated'])
})

test('audit: nothing is recorded if it is off, and tokens only if they are on', async () => {
  const off = auditWorld({ settings: { enabled: false } })
  assert.equal(off.audit.takes('user.disabled'), false)
  await off.audit.add('configuration.started', { digest: 'd', audit: true })
  assert.equal(await off.audit.run(), 0)
  assert.equal(auditWorld().audit.takes('token.issued'), false)
  assert.equal(auditWorld({ settings: { tokens: true } }).audit.takes('token.issued'), true)
})

test('audit: a new master key still verifies the log, and signs it with the same key', async () => {
  const world = auditWorld()
  await world.write('alice')
  const before = world.audit.publicKey()
  await world.stores.webhookMessages.add(world.audit.messagesOf('user.disabled', { sub: 'bob' }))
  world.rotate()
  await world.write('carol')
  assert.deepEqual(world.audit.publicKey(), before)
  const { records, fault } = await verified(world)
  assert.deepEqual({ records, fault }, { records: 3, fault: undefined })
})
