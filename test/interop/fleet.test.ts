/**
 * Three nodes on one PostgreSQL under load, during failures and an upgrade; then the history of all responses is
 * checked.
 */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { provideOwnPostgres } from '../support/postgres.ts'
import { writeConfiguration } from '../support/process.ts'
import { world } from '../support/world.ts'
import { type Held, refreshOn, requireGood, signInOn } from './fleet/clients.ts'
import { freePorts, startFleet } from './fleet/fleet.ts'
import { check, createHistory, type Exchange } from './fleet/history.ts'

test('fleet: the check of a history finds planted errors', () => {
  const refreshed = (next: string) => ({
    ...({ kind: 'refresh', node: 0, uses: 'r', began: 1, status: 200, headers: {} } as const),
    text: JSON.stringify({ refresh_token: next }),
  })
  const redeemed = { ...refreshed('n'), kind: 'code' } as const
  const refused = { ...refreshed('n'), status: 400, text: '{"error":"invalid_grant"}' }
  const unavailable = { ...refreshed('n'), status: 503, headers: { 'retry-after': '5' } }
  const found = (planted: readonly Omit<Exchange, 'ended'>[], away?: string): void => {
    const history = createHistory()
    const back = away === undefined ? () => {} : history.away(away)
    for (const exchange of planted) history.add({ ...exchange, began: history.tick() })
    back()
    check(history)
  }
  found([refreshed('n'), refreshed('n')])
  assert.throws(() => found([refreshed('n'), refreshed('m')]), /two successors/)
  found([redeemed, { ...refused, kind: 'code' }])
  assert.throws(() => found([redeemed, redeemed]), /redeemed twice/)
  assert.throws(() => found([{ ...refused, kind: 'code' }]), /by nobody/)
  assert.throws(() => found([refused]), /invalid_grant/)
  found([unavailable], 'database')
  assert.throws(() => found([unavailable]), /503/)
  assert.throws(() => found([{ ...unavailable, headers: {} }], 'database'), /503/)
  found([{ ...refused, status: 'lost' }], 'node 0')
  assert.throws(() => found([{ ...refused, status: 'lost' }], 'node 1'), /lost/)
})

const postgres = provideOwnPostgres({ durable: true })
process.env.TESSERA_MASTER_KEY = randomBytes(32).toString('base64')

/** How long the database is away, and how long load continues between one event and the next, in milliseconds. */
const [outage, between] = [1500, 500]

test('fleet: kill -9, a database outage and a rolling upgrade with a migration reuse no credential and lose no acknowledged token', async () => {
  const server = await postgres()
  const ports = await freePorts(3)
  const clients = world.clients.map(client =>
    // Longer than the outage: a client without a response retries with the same token.
    client.client_id === 'roclient' ? { ...client, refresh_token_retry_window: 120 } : client,
  )
  const storage = await server.database()
  const shared = { issuer: `http://localhost:${ports[0]}`, workers: 1, storage }
  const { file, remove } = await writeConfiguration({ ...world, ...shared, clients })
  const history = createHistory()
  const fleet = await startFleet(file, ports, history)
  const held: Held[] = []
  let stopped = false
  const isStopped = () => stopped
  const load = Promise.all([
    ...Array.from({ length: 6 }, () => refreshOn(fleet, isStopped, held)),
    ...Array.from({ length: 2 }, () => signInOn(fleet, isStopped)),
  ])
  try {
    // If one client fails, the test fails at once.
    const meanwhile = <Done>(event: Promise<Done>) => Promise.race([event, load.then(() => event)])

    await meanwhile(setTimeout(between))
    await meanwhile(fleet.kill(1))
    await meanwhile(setTimeout(between))
    const back = history.away('database')
    await meanwhile(server.stop())
    await meanwhile(setTimeout(outage))
    await meanwhile(server.start())
    await meanwhile(fleet.ready())
    back()
    await meanwhile(setTimeout(between))
    for (let node = 0; node < fleet.size; node++) {
      await meanwhile(fleet.upgrade(node))
      await meanwhile(setTimeout(between))
    }
    stopped = true
    await load
    await requireGood(fleet, held)
  } finally {
    stopped = true
    await fleet.close()
    await Promise.allSettled([load])
    await remove()
  }
  check(history)
  const answered = history.exchanges.filter(({ status }) => status === 200)
  for (const kind of ['password', 'refresh', 'code', 'introspection'] as const)
    assert.ok(
      answered.some(exchange => exchange.kind === kind),
      kind,
    )
  for (let node = 0; node < fleet.size; node++) assert.ok(answered.some(exchange => exchange.node === node))
  // Whether one of these is lost or refused depends on chance: a kill may affect no request, and a short outage
  // may go unnoticed.
  for (const { what, from, to } of history.absences)
    assert.ok(
      history.exchanges.some(({ began, ended }) => began < to && from < ended),
      `no request was sent while the ${what} was away`,
    )
})
