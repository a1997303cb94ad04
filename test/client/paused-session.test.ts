/**
 * A process that is paused while it holds the lock of a session, such as a frozen tab. The lock is taken over meanwhile,
 * so these session objects have no common one.
 */

import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import {
  clientSecretBasic,
  createClient,
  createSession,
  type Fetch,
  memoryStore,
  type Session,
  type SessionStore,
  type SessionTokens,
  unwrap,
} from '@tessera/client'
import { secret } from '../support/world.ts'
import { createFaultyNetwork } from './faulty-network.ts'
import { startSessionWorld } from './session-world.ts'

/** Long enough for a lock to be taken over, and longer than the retry window. */
const pause = 60

/** Starts a session whose access token has expired, and another process that has the same store. */
async function startPausedWorld() {
  const world = await startSessionWorld()
  const store = memoryStore()
  const { first } = await world.start({ store })
  world.clock.advance(600)
  const refreshElsewhere = async (times: number): Promise<void> => {
    for (let count = 0; count < times; count++) unwrap(await world.open({ store }).refresh())
  }
  return { ...world, store, first, refreshElsewhere, network: createFaultyNetwork(world.fetch) }
}

type World = Awaited<ReturnType<typeof startPausedWorld>>

/** Creates the session that is paused. */
const openWith = (
  world: World,
  options: { store?: SessionStore; sleep?: () => Promise<void>; credentials?: () => Promise<void> },
): Session => {
  const authentication = clientSecretBasic(secret)
  const fetch: Fetch = world.network.fetch
  const client = createClient({
    ...{ issuer: world.issuer, client_id: 'roclient', fetch, now: world.clock.now, timeout: 60 },
    authentication: {
      ...authentication,
      async credentials(request) {
        await options.credentials?.()
        return authentication.credentials(request)
      },
    },
  })
  return createSession(client, {
    ...{ store: options.store ?? world.store, random: () => 0 },
    sleep: options.sleep ?? (async seconds => world.clock.advance(seconds)),
  })
}

/** Runs work the first time only. */
const once = (work: () => Promise<void>): (() => Promise<void>) => {
  let isDone = false
  return async () => {
    if (isDone) return
    isDone = true
    await work()
  }
}

for (const [lost, fault] of [
  ['request', 'before'],
  ['response', 'after'],
] as const)
  test(`paused session: after a lost ${lost}, it uses the newer tokens of the process that took the lock over`, async () => {
    const world = await startPausedWorld()
    const session = openWith(world, {
      sleep: once(async () => {
        await world.refreshElsewhere(2)
        world.clock.advance(pause)
      }),
    })
    world.network.next.push(fault)
    const tokens = unwrap(await session.accessToken())
    assert.deepEqual(tokens, await world.store.load())
    assert.equal(world.network.requests(), 1)
    assert.deepEqual(world.refusals(), [])
    assert.ok(await world.isAlive(world.store))
  })

test('paused session: newer tokens are used also if the pause was shorter than the retry window', async () => {
  const world = await startPausedWorld()
  const session = openWith(world, { sleep: once(() => world.refreshElsewhere(2)) })
  world.network.next.push('before')
  assert.deepEqual(unwrap(await session.accessToken()), await world.store.load())
  assert.equal(world.network.requests(), 1)
  assert.deepEqual(world.refusals(), [])
})

test('paused session: a refresh token is not sent again after the retry window, by either clock', async () => {
  const pauses: readonly ((world: World) => void)[] = [
    world => void world.clock.advance(pause),
    () => {
      const { now } = performance
      mock.method(performance, 'now', () => now.call(performance) + pause * 1000)
    },
  ]
  for (const begin of pauses) {
    const world = await startPausedWorld()
    const session = openWith(world, { sleep: once(async () => begin(world)) })
    world.network.next.push('after')
    const result = await session.accessToken()
    mock.restoreAll()
    assert.ok(!result.ok)
    assert.equal(result.error.kind, 'network')
    assert.equal(result.error.mayHaveSucceeded, true)
    assert.equal(world.network.requests(), 1)
    assert.deepEqual(await world.store.load(), world.first)
    assert.deepEqual(world.refusals(), [])
  }
})

test('paused session: a pause while a repeated request is prepared ends the retry window, too', async () => {
  const world = await startPausedWorld()
  let prepared = 0
  const session = openWith(world, {
    credentials: async () => {
      if (++prepared === 2) world.clock.advance(pause)
    },
  })
  world.network.next.push('after')
  const result = await session.accessToken()
  assert.ok(!result.ok)
  assert.equal(result.error.mayHaveSucceeded, true)
  assert.equal(world.network.requests(), 1)
  assert.deepEqual(world.refusals(), [])
})

test('paused session: a pause before the first request makes it use the newer tokens, too', async () => {
  const world = await startPausedWorld()
  const session = openWith(world, {
    credentials: once(async () => {
      await world.refreshElsewhere(2)
      world.clock.advance(pause)
    }),
  })
  assert.deepEqual(unwrap(await session.accessToken()), await world.store.load())
  assert.equal(world.network.requests(), 0)
  assert.deepEqual(world.refusals(), [])
})

test('paused session: a sign-out elsewhere during the pause ends it without a request', async () => {
  const world = await startPausedWorld()
  const session = openWith(world, { sleep: once(async () => void (await world.open(world).end())) })
  world.network.next.push('before')
  const result = await session.accessToken()
  assert.equal(!result.ok && result.error.code, 'session_missing')
  assert.equal(world.network.requests(), 1)
  assert.equal(await world.store.load(), undefined)
})

/** Returns the store, paused while the load with this number returns what it has read. */
function pausedAt(world: World, number: number, meanwhile: () => Promise<void>): SessionStore {
  let loads = 0
  return {
    ...world.store,
    async load(): Promise<SessionTokens | undefined> {
      const stored = await world.store.load()
      if (++loads === number) {
        await meanwhile()
        world.clock.advance(pause)
      }
      return stored
    },
  }
}

// accessToken, the lock, the request, the response.
for (const [step, number] of [
  ['after it has the lock', 2],
  ['before it sends the refresh token', 3],
  ['before it saves the refreshed tokens', 4],
] as const)
  test(`paused session: what it read ${step} is read again after a pause, and newer tokens stay`, async () => {
    const world = await startPausedWorld()
    let newest: SessionTokens | undefined
    const store = pausedAt(world, number, async () => {
      await world.refreshElsewhere(2)
      newest = await world.store.load()
    })
    const tokens = unwrap(await openWith(world, { store }).accessToken())
    assert.ok(newest)
    assert.deepEqual(tokens, newest)
    assert.deepEqual(await world.store.load(), newest)
    assert.deepEqual(world.refusals(), [])
  })

test('paused session: a refused refresh token removes no newer tokens that were saved during a pause', async () => {
  const world = await startPausedWorld()
  world.clock.advance(40 * 24 * 3600)
  let newest: SessionTokens | undefined
  const store = pausedAt(world, 4, async () => {
    newest = await world.open(world).start(await world.signIn())
  })
  const tokens = unwrap(await openWith(world, { store }).accessToken())
  assert.ok(newest)
  assert.deepEqual(tokens, newest)
  assert.deepEqual(await world.store.load(), newest)
})
