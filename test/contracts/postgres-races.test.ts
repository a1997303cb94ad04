/** Two nodes on one PostgreSQL with conflicting writes: none fails, and the result is that of some serial order. */

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { AuthorizationId } from '../../packages/server/src/model/authorization.ts'
import type { Stores, TenantStores, Use } from '../../packages/server/src/model/ports/stores.ts'
import { StoreUnavailable, type TokenHash } from '../../packages/server/src/runtime/ports.ts'
import { type Connection, openConnection } from '../../packages/server/src/storage/postgres/connection.ts'
import { retriedAfterDeadlock } from '../../packages/server/src/storage/postgres/retries.ts'
import { openPostgresTenantStores } from '../../packages/server/src/storage/postgres/stores.ts'
import { openDelayedTcp } from '../support/delayed-tcp.ts'
import { providePostgres } from '../support/postgres.ts'
import { untilSomebodyWaits, waitingFor } from '../support/postgres-locks.ts'
import { inTime, until } from '../support/until.ts'
import { accessEnding } from './stores/access.ts'
import { sampleEntry } from './stores/entries.ts'
import { sampleRegisteredClient } from './stores/registered-clients.ts'
import {
  approvedDevice,
  day,
  enablePrincipals,
  foundedFamily,
  issuedCode,
  minute,
  newHash,
  now,
  sampleAuthorization,
  sampleCode,
  sampleCommit,
  sampleDevice,
  sampleFamily,
  sampleSession,
  sampleUser,
  tally,
} from './stores/samples.ts'

const postgres = providePostgres()
let url = ''
let nodes: readonly TenantStores[] = []
const node = (index: number): Stores => nodes[index % nodes.length]!.main

before(async () => {
  url = await (await postgres()).database()
  nodes = await Promise.all([1, 2].map(() => openPostgresTenantStores({ url })))
})
after(() => Promise.all(nodes.map(tenantStores => tenantStores.close())))
beforeEach(() => enablePrincipals(node(0)))

const times = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => make(index))
const isRevoked = async (id: AuthorizationId) =>
  (await node(0).authorizations.find(id))?.revoked_at !== undefined
const sessionEnding = { at: now + 1, revokes: 'all', notices_until: now + day } as const

test('postgres races: concurrent sign-ins, the end of the user, the removal of the client and clean-up do not fail', async () => {
  for (let round = 0; round < 25; round++) {
    const user = sampleUser()
    const { sub } = user
    const client = sampleRegisteredClient()
    const { client_id } = client
    await node(0).storedUsers.add(user)
    await node(0).registeredClients.add(client, 1_000_000)
    const commits = times(10, async index => {
      const authorization = sampleAuthorization({ sub, client_id })
      const asked = sampleCommit({ sub, client_id, epoch: 0, issue: { authorization } })
      return { id: authorization.id, outcome: await node(index).commit(asked) }
    })
    const [issued, replaced, removed] = await Promise.all([
      Promise.all(commits),
      node(0).storedUsers.replace({ ...user, version: 2, epoch: 1, disabled_at: now }, accessEnding()),
      node(1).registeredClients.remove(client_id),
      node(1).cleanUp(now),
    ])
    assert.deepEqual([replaced.outcome, removed], ['replaced', true])
    for (const { id, outcome } of issued) {
      assert.ok(outcome === 'committed' || outcome === 'revoked', outcome)
      const found = await node(0).authorizations.find(id)
      assert.equal(found?.revoked_at !== undefined, outcome === 'committed')
    }
    const late = { sub, client_id, issue: { authorization: sampleAuthorization({ sub, client_id }) } }
    assert.equal(await node(1).commit(sampleCommit(late)), 'revoked')
  }
})

/** Adds a client with this id at a node; resolves to whether it was added. */
const clientAdders = {
  entry: async (id, index) =>
    node(index).entries.put(sampleEntry({ id }), await node(index).entries.revision()),
  registration: (client_id, index) =>
    node(index).registeredClients.add(sampleRegisteredClient({ client_id }), 1_000_000),
} as const satisfies Record<string, (id: string, index: number) => Promise<boolean>>

/** Resolves when this many queries wait for locks. */
const untilWaiting = (connection: Connection, count: number): Promise<unknown> =>
  until(`${count} queries wait for locks`, async () => {
    const waiting = `select 1 from pg_stat_activity
      where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0`
    return (await connection.run(waiting, [])).count >= count
  })

for (const [name, addClient] of Object.entries(clientAdders))
  test(`postgres races: of a user and a client that two nodes add with one id, one is added (${name})`, async () => {
    // The first write has locked the id, and is held up before it is committed.
    for (const isUserFirst of [true, false]) {
      const id = newHash()
      const user = sampleUser({ sub: id })
      const ways = [() => node(0).storedUsers.add(user), () => addClient(id, 1)]
      const [first, second] = isUserFirst ? ways : ways.toReversed()
      const held = isUserFirst ? 'stored_user' : 'stored_client'
      const holder = await openConnection({ url })
      try {
        await holder.script(`set search_path = tessera; begin;
          insert into standing (kind, id, stands) values ('${held}', '${id}', 1)`)
        const one = first!()
        await untilSomebodyWaits(holder, one)
        const other = second!()
        // The second one waits for the first, unless it is added beside it.
        await Promise.race([other, untilWaiting(holder, 2)])
        await holder.script('rollback')
        assert.deepEqual(await Promise.all([one, other]), [true, false])
      } finally {
        await holder.close()
      }
    }
  })

test('postgres races: a client whose client_id is the sub of a user since before can be replaced', async () => {
  const client = sampleEntry()
  const { entries } = node(0)
  assert.equal(await entries.put(client, await entries.revision()), true)
  const holder = await openConnection({ url })
  try {
    await holder.script(`set search_path = tessera; insert into stored_users
      (sub, version, epoch, username, username_key, claims, created_at)
      values ('${client.id}', 1, 0, '${client.id}', '${client.id}', '{}', ${now})`)
  } finally {
    await holder.close()
  }
  assert.equal(await entries.put({ ...client, version: 2 }, await entries.revision()), true)
})

test('postgres races: concurrent refreshes, redemptions, revocations and deletions of surplus authorizations do not fail', async () => {
  for (let round = 0; round < 10; round++) {
    const sub = newHash()
    const redeemed = await Promise.all(
      times(40, async index => {
        const authorization = sampleAuthorization({ sub, expires_at: now + day + index })
        const code = sampleCode(authorization)
        const family = sampleFamily(authorization)
        await node(index).codes.issue(authorization, code)
        const use = { kind: 'authorization_code', hash: code.hash } as const
        assert.equal(await node(index).commit(sampleCommit({ sub, use, issue: { family } })), 'committed')
        return { authorization, family }
      }),
    )
    const waiting = await Promise.all(
      times(20, async index => {
        const authorization = sampleAuthorization({ sub, expires_at: now + minute })
        const code = sampleCode(authorization)
        await node(index).codes.issue(authorization, code)
        return { authorization, code }
      }),
    )
    const extended = (id: AuthorizationId, days: number) => ({
      authorization: { id, until: now + days * day },
    })
    const [rotated, redeemedLater] = await Promise.all([
      Promise.all(
        redeemed.map(({ authorization, family }, index) =>
          node(index).commit(
            sampleCommit({
              ...{ sub, ...extended(authorization.id, 2) },
              use: {
                ...{ kind: 'refresh_rotation', family: family.id, generation: 1 },
                idleExpiresAt: now + day,
              },
            }),
          ),
        ),
      ),
      Promise.all(
        waiting.map(({ authorization, code }, index) =>
          node(index).commit(
            sampleCommit({
              ...{ sub, ...extended(authorization.id, 3) },
              use: { kind: 'authorization_code', hash: code.hash },
              issue: { family: sampleFamily(authorization) },
            }),
          ),
        ),
      ),
      ...times(6, index => node(index).authorizations.trim(sub, 20, 100)),
      ...redeemed.slice(0, 10).map(({ authorization: { id } }) => node(1).authorizations.revoke(id, now)),
    ])
    // A refresh finds its authorization, or finds it deleted.
    for (const outcome of rotated) assert.match(outcome, /^(committed|revoked|already_used)$/)
    // No pending code was deleted.
    assert.deepEqual(tally(redeemedLater), { committed: 20 })
    for (const { authorization } of waiting) assert.ok(await node(0).authorizations.find(authorization.id))
    for (const { authorization, family } of redeemed)
      if (!(await node(0).authorizations.find(authorization.id)))
        assert.equal(await node(0).families.find(family.id), undefined)
  }
})

test('postgres races: consents, sessions and all access of a user can end concurrently over the same authorizations', async () => {
  for (let round = 0; round < 10; round++) {
    const user = sampleUser()
    const { sub } = user
    await node(0).storedUsers.add(user)
    const clients = times(5, index => `client-${index}`)
    const sessions = times(5, () => sampleSession({ sub, epoch: 0 }))
    const ids: AuthorizationId[] = []
    for (const client_id of clients)
      await node(0).consents.save({ sub, client_id, scope: ['openid'], created_at: now })
    for (const session of sessions) await node(0).sessions.create(session)
    // Those of a client are locked in another order than those of a session.
    await Promise.all(
      times(100, async index => {
        const [client_id, { sid }] = [clients[index % 5]!, sessions[(index * 3 + (index >> 3)) % 5]!]
        const authorization = sampleAuthorization({ sub, client_id, sid })
        ids.push(authorization.id)
        await node(index).codes.issue(authorization, sampleCode(authorization))
      }),
    )
    await Promise.all([
      ...clients.map((client_id, index) => node(index).consents.revoke(sub, client_id, now + 1)),
      ...sessions.map(({ sid }, index) => node(index).sessions.end(sid, sessionEnding)),
      node(1).storedUsers.replace({ ...user, version: 2, epoch: 1 }, accessEnding()),
      node(0).cleanUp(now),
    ])
    assert.deepEqual(tally(await Promise.all(ids.map(isRevoked))), { true: ids.length })
    assert.deepEqual(await node(1).sessions.ofUser(sub), [])
  }
})

test('postgres races: a client that joined a session before its end is notified, and its tokens are revoked', async () => {
  for (let round = 0; round < 30; round++) {
    const session = sampleSession()
    const { sid } = session
    await node(0).sessions.create(session)
    const answers = times(8, async index => {
      const client_id = `client-${index}`
      const authorization = sampleAuthorization({ sid, client_id })
      await node(index).codes.issue(authorization, sampleCode(authorization))
      return { client_id, id: authorization.id, joined: await node(index).sessions.join(sid, client_id) }
    })
    const [ended, ...answered] = await Promise.all([node(1).sessions.end(sid, sessionEnding), ...answers])
    const joined = answered.filter(answer => answer.joined)
    assert.deepEqual([...(ended?.clients ?? [])].sort(), joined.map(({ client_id }) => client_id).sort())
    assert.ok((await Promise.all(joined.map(({ id }) => isRevoked(id)))).every(Boolean))
    assert.deepEqual(await node(0).sessions.clients(sid), [])
  }
})

test('postgres races: tokens written while a consent was valid are revoked with it', async () => {
  for (let round = 0; round < 50; round++) {
    const [sub, client_id] = [newHash(), 'web']
    await node(0).consents.save({ sub, client_id, scope: ['openid'], created_at: now })
    const answers = times(8, async index => {
      const authorization = sampleAuthorization({ sub, client_id })
      await node(index).codes.issue(authorization, sampleCode(authorization))
      return { id: authorization.id, stood: await node(index).consents.stillGiven(sub, client_id) }
    })
    const [revoked, ...answered] = await Promise.all([
      node(1).consents.revoke(sub, client_id, now + 1),
      ...answers,
    ])
    assert.equal(revoked, true)
    for (const { id, stood } of answered) if (stood) assert.ok(await isRevoked(id))
  }
})

test('postgres races: a device approved while the session of its user ends gets no tokens', async () => {
  for (let round = 0; round < 50; round++) {
    const [session, device] = [sampleSession(), sampleDevice()]
    await node(0).sessions.create(session)
    await node(0).devices.issue(device)
    const authorization = sampleAuthorization({ sid: session.sid })
    const [approved, ended] = await Promise.all([
      node(round).devices.approve(device.user_code_hash, authorization, now, session.sid),
      node(round + 1).sessions.end(session.sid, sessionEnding),
    ])
    assert.ok(ended)
    const found = await node(0).authorizations.find(authorization.id)
    assert.equal(found !== undefined, approved)
    if (found) assert.notEqual(found.revoked_at, undefined, 'the approved device is still authorized')
  }
})

/**
 * Makes `write` wait for a row that this transaction locks, then waits for a row that `write` locks: a deadlock, and
 * one is rolled back.
 */
async function standInTheWay<Value>(
  { held, wanted }: { readonly held: string; readonly wanted: string },
  write: () => Promise<Value>,
): Promise<Value> {
  const other = await openConnection({ url })
  try {
    // This one checks for deadlocks so late that the node's write is rolled back.
    await other.script(`set search_path = tessera; set deadlock_timeout = '1min'; begin; ${held}`)
    const written = write()
    await untilSomebodyWaits(other, written)
    const both = Promise.all([written, other.script(`${wanted}; commit`)])
    const [value] = await inTime('one of the two is rolled back', both)
    return value
  } finally {
    await other.close()
  }
}

test('postgres races: tokens whose write was rolled back by a deadlock are written afterwards', async () => {
  const user = sampleUser()
  const { sub } = user
  await node(0).storedUsers.add(user)
  const authorization = sampleAuthorization({ sub })
  const way = {
    held: `update standing set stands = stands where kind = 'stored_user' and id = '${sub}'`,
    wanted: `update stored_users set username = username where sub = '${sub}'`,
  }
  const commit = () => node(0).commit(sampleCommit({ sub, epoch: 0, issue: { authorization } }))
  assert.equal(await standInTheWay(way, commit), 'committed')
  assert.deepEqual(await node(1).authorizations.find(authorization.id), authorization)
})

test('postgres races: a retry after a deadlock is sent when the other transaction had time to continue', async () => {
  const deadlock = Object.assign(new Error('deadlock detected'), { code: '40P01', severity: 'ERROR' })
  let continued = false
  let attempts = 0
  const work = async () => {
    attempts++
    setImmediate(() => {
      continued = true
    })
    if (!continued) throw deadlock
    return 'committed'
  }
  assert.deepEqual([await retriedAfterDeadlock(work), attempts], ['committed', 2])
  const always = () => Promise.reject(deadlock)
  await assert.rejects(retriedAfterDeadlock(always), deadlock)
})

test('postgres races: a write that waits too long for a row delays no other write of the same batch', async () => {
  const impatient = await openPostgresTenantStores({
    url,
    timeouts: { connection: 30_000, statement: 30_000, lock: 300 },
  })
  const other = await openConnection({ url })
  try {
    const asked = await Promise.all(times(12, () => issuedCode(node(0))))
    const { hash } = asked[5]!.code
    await other.script(
      `set search_path = tessera; begin; update codes set nonce = nonce where hash = '${hash}'`,
    )
    const redeem = (code: { readonly hash: TokenHash }) =>
      impatient.main.commit(sampleCommit({ use: { kind: 'authorization_code', hash: code.hash } }))
    const settled = await Promise.allSettled(asked.map(({ code }) => redeem(code)))
    assert.deepEqual(
      settled.map(one => (one.status === 'fulfilled' ? one.value : one.reason.constructor)),
      settled.map((_, index) => (index === 5 ? StoreUnavailable : 'committed')),
    )
    await other.script('rollback')
    assert.equal(await redeem(asked[5]!.code), 'committed')
  } finally {
    await Promise.all([other.close(), impatient.close()])
  }
})

test('postgres races: the end of a user’s access that was rolled back by a deadlock is complete afterwards', async () => {
  const user = sampleUser()
  const { sub } = user
  await node(0).storedUsers.add(user)
  const session = sampleSession({ sub, epoch: 0 })
  await node(0).sessions.create(session)
  const authorization = sampleAuthorization({ sub, sid: session.sid })
  await node(0).codes.issue(authorization, sampleCode(authorization))
  const way = {
    held: `update authorizations set scope = scope where id = '${authorization.id}'`,
    wanted: `update stored_users set username = username where sub = '${sub}'`,
  }
  const end = () => node(0).storedUsers.replace({ ...user, version: 2, epoch: 1 }, accessEnding())
  const replaced = await standInTheWay(way, end)
  assert.ok('ended' in replaced)
  assert.deepEqual(
    replaced.ended.map(({ session: { sid } }) => sid),
    [session.sid],
  )
  assert.ok(await isRevoked(authorization.id))
})

test('postgres races: nodes that count attempts of one network and many names concurrently never exceed the limit', async () => {
  const nodes = await Promise.all([1, 2, 3, 4].map(() => openPostgresTenantStores({ url })))
  try {
    for (const most of [1, 37, 200]) {
      const network = { hash: newHash(), most, span: 600 }
      const names = times(7, () => ({ hash: newHash(), most: 600, span: 600 }))
      const asked = times(800, index => {
        const name = names[index % names.length]!
        return {
          tenantStores: nodes[index % 4]!,
          name,
          limits: index % 3 ? [network, name] : [name, network],
        }
      })
      const waits = await Promise.all(
        asked.map(({ tenantStores, limits }) => tenantStores.main.attempts.count(limits, now)),
      )
      assert.deepEqual(tally(waits), { 0: most, 600: asked.length - most })
      for (const name of names) {
        const counted = asked.filter((one, index) => one.name === name && waits[index] === 0).length
        assert.equal(await node(0).attempts.wait([{ ...name, most: counted + 1 }], now), 0)
        if (counted > 0) assert.equal(await node(0).attempts.wait([{ ...name, most: counted }], now), 600)
      }
    }
  } finally {
    await Promise.all(nodes.map(tenantStores => tenantStores.close()))
  }
})

test('postgres races: an attempt whose last room another node takes meanwhile must wait, and nothing of it is counted', async () => {
  const [nearlyFull, other] = [
    { hash: newHash(), most: 2, span: 600 },
    { hash: newHash(), most: 9, span: 600 },
  ]
  await node(0).attempts.count([nearlyFull], now)
  const last = `update attempts set count = 2 where hash = '${nearlyFull.hash}'`
  const wait = await waitingFor(url, last, async () => node(1).attempts.count([nearlyFull, other], now))
  assert.equal(wait, 600)
  assert.equal(await node(0).attempts.wait([{ ...other, most: 1 }], now), 0)
})

test('postgres races: attempts counted and undone concurrently end at zero, and do not block each other', async () => {
  const network = { hash: newHash(), most: 100_000, span: 600 }
  const names = times(20, () => ({ hash: newHash(), most: 100_000, span: 600 }))
  const waits = await Promise.all(
    times(600, async index => {
      const name = names[index % names.length]!
      const limits = index % 2 ? [network, name] : [name, network]
      const wait = await node(index).attempts.count(limits, now)
      await node(index + 1).attempts.forgive(limits.map(({ hash }) => hash).toReversed())
      return wait
    }),
  )
  assert.deepEqual(tally(waits), { 0: 600 })
  const least = [network, ...names].map(limit => ({ ...limit, most: 1 }))
  assert.equal(await node(0).attempts.wait(least, now), 0)
})

test('postgres races: with a distant database, concurrent attempts of one network share few round trips', async () => {
  const { hostname, port } = new URL(url)
  const proxy = await openDelayedTcp({ host: hostname, port: Number(port) }, 10)
  const tenantStores = await openPostgresTenantStores({
    url: Object.assign(new URL(url), { port: proxy.port }).href,
  })
  try {
    const network = { hash: newHash(), most: 1000, span: 600 }
    const count = (index: number) =>
      tenantStores.main.attempts.count([network, { hash: newHash(), most: index + 1, span: 600 }], now)
    await count(0)
    const before = proxy.sent()
    assert.deepEqual(tally(await Promise.all(times(100, count))), { 0: 100 })
    // One round trip for each statement, and for its connections: two statements at once, of 64 each.
    assert.ok(proxy.sent() - before <= 20, `${proxy.sent() - before} round trips`)
  } finally {
    await tenantStores.close()
    await proxy.close()
  }
})

test('postgres races: of codes that two nodes issue for one pushed request, one is stored', async () => {
  for (let round = 0; round < 10; round++) {
    const use = { hash: newHash(), expires_at: now + day }
    const all = times(20, () => sampleAuthorization())
    const outcomes = await Promise.all(
      all.map((authorization, index) =>
        node(index).codes.issue(authorization, sampleCode(authorization), { use }),
      ),
    )
    assert.deepEqual(tally(outcomes.map(String)), { true: 1, false: 19 })
    const stored = await Promise.all(all.map(({ id }) => node(0).authorizations.find(id)))
    assert.deepEqual(
      stored.map(one => one !== undefined),
      outcomes,
    )
  }
})

test('postgres races: a write that waited for its row is stored with the time at which it locked it', async () => {
  // As clean-up and a poll write it, which leaves it as valid as before.
  const held = (table: string, key: string, value: string) =>
    `update ${table} set expires_at = expires_at where ${key} = '${value}'`
  const wait = (lock: string, use: Use) =>
    waitingFor(url, lock, () => node(0).commit(sampleCommit({ use })), 1.1)
  const { code } = await issuedCode(node(0))
  const { device } = await approvedDevice(node(0))
  const { family } = await foundedFamily(node(0))
  const rotation = { family: family.id, generation: 1, idleExpiresAt: now + day } as const
  const outcomes = [
    await wait(held('codes', 'hash', code.hash), { kind: 'authorization_code', hash: code.hash }),
    await wait(held('devices', 'hash', device.hash), { kind: 'device_code', hash: device.hash }),
    await wait(held('families', 'id', family.id), { kind: 'refresh_rotation', ...rotation }),
  ]
  assert.deepEqual(outcomes, ['committed', 'committed', 'committed'])
  for (const [what, at] of [
    ['code', (await node(0).codes.find(code.hash))?.code.used_at],
    ['device', (await node(0).devices.find(device.hash))?.device.used_at],
    ['family', (await node(0).families.find(family.id))?.family.rotated_at],
  ] as const)
    assert.ok(at !== undefined && at > now, `${what}: ${at}`)
})
