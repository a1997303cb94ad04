import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ClientError,
  clientSecretBasic,
  createClient,
  createLock,
  createSession,
  memoryStore,
  type Result,
  type SessionTokens,
  webStorageStore,
} from '@tessera/client'
import { until } from '../support/until.ts'
import { createFaultyNetwork, faults, timeoutFor } from './faulty-network.ts'
import { slowStore, startSessionWorld } from './session-world.ts'

/** Returns the error of a call that must fail. */
async function errorOf(result: Promise<Result<unknown>>): Promise<ClientError> {
  const { ok, ...rest } = await result
  assert.ok(!ok && 'error' in rest)
  return rest.error as ClientError
}

async function tokensOf(result: Promise<Result<SessionTokens>>): Promise<SessionTokens> {
  const tokens = await result
  if (!tokens.ok) throw tokens.error
  return tokens.value
}

test('session: the access token is used until shortly before it expires, then refreshed [RFC 6749 §6]', async () => {
  const { start, clock, network } = await startSessionWorld()
  const { session, first } = await start()
  clock.advance(600 - 10 - 120 - 1)
  assert.equal((await tokensOf(session.accessToken())).access_token, first.access_token)
  assert.equal(network.requests(), 0)
  clock.advance(1)
  const second = await tokensOf(session.accessToken())
  assert.notEqual(second.access_token, first.access_token)
  assert.notEqual(second.refresh_token, first.refresh_token)
  assert.equal(second.expires_at, clock.now() + 600)
  assert.equal(second.id, first.id)
  assert.deepEqual(await session.tokens(), second)
  assert.equal(network.requests(), 1)
})

test('session: tokens tell the expiry of the refresh token and of the authorization, and an early refresh that gains nothing is left out', async () => {
  const { start, clock, network } = await startSessionWorld({ absolute_refresh_token_lifetime: 1000 })
  const { session, first } = await start()
  assert.equal(first.refresh_token_expires_at, clock.now() + 1000)
  assert.equal(first.authorization_expires_at, clock.now() + 1000)
  clock.advance(500)
  const second = await tokensOf(session.accessToken())
  assert.deepEqual([second.expires_in, second.expires_at], [500, second.authorization_expires_at])
  assert.equal(second.authorization_expires_at, first.authorization_expires_at)
  clock.advance(489)
  assert.equal((await tokensOf(session.accessToken())).access_token, second.access_token)
  assert.equal(network.requests(), 1)
  // The server decides: the authorization could have been extended.
  clock.advance(11)
  assert.equal((await errorOf(session.accessToken())).code, 'session_ended')
})

test('session: a refresh token that expires before the access token is used in time', async () => {
  const sliding = { refresh_token_expiration: 'sliding', sliding_refresh_token_lifetime: 100 }
  const { start, clock, network } = await startSessionWorld(sliding)
  const { session, first } = await start()
  clock.advance(69)
  assert.equal((await tokensOf(session.accessToken())).access_token, first.access_token)
  clock.advance(1)
  const second = await tokensOf(session.accessToken())
  assert.notEqual(second.access_token, first.access_token)
  assert.equal(second.refresh_token_expires_at, clock.now() + 100)
  assert.equal(network.requests(), 1)
})

test('session: callers at the same time share one refresh', async () => {
  const { start, clock, network } = await startSessionWorld()
  const { session } = await start()
  clock.advance(600)
  const tokens = await Promise.all([1, 2, 3].map(() => tokensOf(session.accessToken())))
  assert.equal(new Set(tokens.map(({ access_token }) => access_token)).size, 1)
  assert.equal(network.requests(), 1)
})

test('session: a refused access token is refreshed once, however many requests had it', async () => {
  const { start, network } = await startSessionWorld()
  const { session, first } = await start()
  const refused = first.access_token
  const [one, two] = await Promise.all([session.renew(refused), session.renew(refused)])
  assert.deepEqual(one, two)
  assert.deepEqual(await session.renew(refused), one)
  assert.equal(network.requests(), 1)
  await session.refresh()
  assert.equal(network.requests(), 2)
})

test('session: session objects with one store and one lock refresh one at a time, and use what another one got', async () => {
  const { start, open, clock, network, refusals } = await startSessionWorld({ refresh_token_retry_window: 0 })
  const shared = { store: slowStore(), lock: createLock() }
  const { session } = await start(shared)
  const tabs = [session, open(shared), open(shared)]
  for (let round = 0; round < 3; round++) {
    clock.advance(600)
    const tokens = await Promise.all(tabs.map(tab => tokensOf(tab.accessToken())))
    assert.equal(new Set(tokens.map(({ access_token }) => access_token)).size, 1)
  }
  assert.equal(network.requests(), 3)
  assert.deepEqual(refusals(), [])
})

for (const fault of faults) {
  test(`session: a fault during a refresh (${fault}) is repaired with the same refresh token`, async () => {
    const timeout = timeoutFor(fault)
    const { start, clock, network, refusals, isAlive } = await startSessionWorld({}, timeout)
    const store = memoryStore()
    const { session, first } = await start({ store, attemptTimeout: Math.min(timeout, 2.5) })
    clock.advance(600)
    network.next.push(fault, fault)
    const tokens = await tokensOf(session.accessToken())
    assert.notEqual(tokens.access_token, first.access_token)
    assert.equal(network.requests(), 3)
    assert.deepEqual(refusals(), [])
    assert.ok(await isAlive(store))
  })

  test(`session: a network that fails for longer (${fault}) ends no session`, async () => {
    const timeout = timeoutFor(fault)
    const { start, clock, network, refusals, isAlive } = await startSessionWorld(
      { refresh_token_retry_window: 60 },
      timeout,
    )
    const store = memoryStore()
    const { session, first } = await start({ store, attemptTimeout: Math.min(timeout, 2.5) })
    clock.advance(600)
    network.next.push(fault, fault, fault, fault)
    const error = await errorOf(session.accessToken())
    assert.equal(error.mayHaveSucceeded, true)
    assert.notEqual(error.kind, 'session')
    assert.equal(network.requests(), 4)
    assert.deepEqual(await session.tokens(), first)
    clock.advance(20)
    await tokensOf(session.accessToken())
    assert.deepEqual(refusals(), [])
    assert.ok(await isAlive(store))
  })
}

test('session: attempts are bounded by the retry window, too', async () => {
  const { start, clock, network } = await startSessionWorld()
  const { session } = await start({ maxAttempts: 100, attemptTimeout: 0.5 })
  clock.advance(600)
  const before = clock.now()
  network.next.push(...Array.from({ length: 100 }, () => 'before' as const))
  assert.equal((await errorOf(session.accessToken())).code, 'network_error')
  // Pauses of 0.5, 1, 2 and 4 s; the next one would end after 10 s.
  assert.equal(network.requests(), 5)
  // The clock has whole seconds.
  assert.equal(clock.now() - before, 7)
})

test('session: without a retry window a refresh is sent once', async () => {
  const { start, clock, network } = await startSessionWorld()
  const { session } = await start({ retryWindow: 0 })
  clock.advance(600)
  network.next.push('before')
  assert.equal((await errorOf(session.accessToken())).code, 'network_error')
  assert.equal(network.requests(), 1)
  await tokensOf(session.accessToken())
})

test('session: while the access token can be used, a failed refresh is no error, and not repeated at once', async () => {
  const { start, clock, network } = await startSessionWorld()
  const { session, first } = await start({ retryWindow: 0 })
  clock.advance(600 - 60)
  network.next.push('before')
  for (let call = 0; call < 3; call++)
    assert.equal((await tokensOf(session.accessToken())).access_token, first.access_token)
  assert.equal(network.requests(), 1)
  clock.advance(10)
  assert.notEqual((await tokensOf(session.accessToken())).access_token, first.access_token)
})

test('session: a refused refresh token ends the session, and the error names the reason', async () => {
  const { start, clock, server } = await startSessionWorld()
  const { session } = await start()
  clock.advance(40 * 24 * 3600)
  const error = await errorOf(session.accessToken())
  assert.equal(error.kind, 'session')
  assert.equal(error.code, 'session_ended')
  assert.equal((error.cause as ClientError).code, 'invalid_grant')
  assert.equal(server.reason(), 'refresh_token_expired')
  assert.equal(await session.tokens(), undefined)
  assert.equal((await errorOf(session.accessToken())).code, 'session_missing')
})

test('session: a server without retry window ends the session after a lost response, and the error says so', async () => {
  const { start, clock, network, refusals } = await startSessionWorld({ refresh_token_retry_window: 0 })
  const { session } = await start()
  clock.advance(600)
  network.next.push('after')
  const error = await errorOf(session.accessToken())
  assert.equal(error.code, 'session_ended')
  assert.match(error.message, /after an earlier response was lost/)
  assert.deepEqual(refusals(), ['refresh_token_reused'])
})

test('session: other errors of the server do not end the session', async () => {
  const { start, clock, server, reconfigureSecret } = await startSessionWorld()
  const { session, first } = await start()
  clock.advance(600)
  await reconfigureSecret('another secret')
  const error = await errorOf(session.accessToken())
  assert.equal(error.code, 'invalid_client')
  assert.equal(server.reason(), 'client_secret_wrong')
  assert.deepEqual(await session.tokens(), first)
  await reconfigureSecret('secret')
  await tokensOf(session.accessToken())
})

test('session: 429 with invalid_grant, which limits guesses, does not end the session', async () => {
  const { start, clock, fetch, open } = await startSessionWorld()
  const store = memoryStore()
  const { first } = await start({ store })
  clock.advance(600)
  const client = createClient({
    ...{ issuer: 'https://id.example', client_id: 'roclient', authentication: clientSecretBasic('secret') },
    now: clock.now,
    fetch: (url, init) =>
      url.endsWith('/connect/token')
        ? Promise.resolve(
            Response.json({ error: 'invalid_grant' }, { status: 429, headers: { 'retry-after': '600' } }),
          )
        : fetch(url, init),
  })
  const error = await errorOf(createSession(client, { store }).accessToken())
  assert.equal(error.status, 429)
  assert.equal(error.retryAfter, 600)
  assert.deepEqual(await store.load(), first)
  await tokensOf(open({ store }).accessToken())
})

test('session: tokens that another process stored without the lock are used instead of ending the session', async () => {
  const { start, open, clock, refusals } = await startSessionWorld({ refresh_token_retry_window: 0 })
  const store = memoryStore()
  const { first } = await start({ store })
  clock.advance(600)
  // It reads the older tokens, and is refused because a process without the lock has used them.
  const newer = await tokensOf(open({ store }).accessToken())
  let loads = 0
  const stale = { ...store, load: () => (++loads <= 3 ? first : store.load()) }
  const tokens = await tokensOf(open({ store: stale }).accessToken())
  assert.equal(tokens.access_token, newer.access_token)
  assert.deepEqual(refusals(), ['refresh_token_reused'])
  assert.deepEqual(await store.load(), newer)
})

test('session: tokens are saved before they are used, and saved again if that failed', async () => {
  const { start, clock, network, refusals } = await startSessionWorld({ refresh_token_retry_window: 0 })
  const store = slowStore()
  const { session, first } = await start({ store })
  clock.advance(600)
  store.failNext = true
  await assert.rejects(session.accessToken(), /the disk is full/)
  assert.deepEqual(await store.load(), first)
  const second = await tokensOf(session.accessToken())
  assert.deepEqual(await store.load(), second)
  assert.equal(network.requests(), 1)
  clock.advance(600)
  await tokensOf(session.accessToken())
  assert.deepEqual(refusals(), [])
})

test('session: a sign-out in another tab during a refresh ends the session', async () => {
  const { start, open, connect, fetch, clock } = await startSessionWorld()
  const store = memoryStore()
  const { first } = await start({ store })
  const network = createFaultyNetwork(fetch)
  const other = createSession(connect(network.fetch), { store })
  clock.advance(600)
  const responding = Promise.withResolvers<void>()
  network.next.push(responding.promise)
  const refreshing = other.accessToken()
  await until('the refresh was sent', () => network.requests() === 1)
  // Without a common lock.
  assert.deepEqual(await open({ store }).end(), first)
  responding.resolve()
  assert.equal((await errorOf(refreshing)).code, 'session_missing')
  assert.equal(await store.load(), undefined)
})

test('session: a sign-out waits for tokens that another tab is saving, and removes them', async () => {
  const { start, open, clock } = await startSessionWorld()
  const store = memoryStore()
  const lock = createLock()
  const { session, first } = await start({ store, lock })
  const saving = Promise.withResolvers<void>()
  let isSaving = false
  const slow = {
    ...store,
    async save(tokens: SessionTokens) {
      isSaving = true
      await saving.promise
      await store.save(tokens)
    },
  }
  clock.advance(600)
  const refreshing = open({ store: slow, lock }).accessToken()
  await until('the tokens are being saved', () => isSaving)
  const ending = session.end()
  await until('the older tokens are removed', async () => (await store.load()) === undefined)
  saving.resolve()
  assert.deepEqual(await ending, first)
  assert.ok((await refreshing).ok)
  assert.equal(await store.load(), undefined)
})

test('session: a sign-out ends a refresh of the same session object at once', async () => {
  const { connect, fetch, signIn, clock } = await startSessionWorld()
  const network = createFaultyNetwork(fetch)
  const session = createSession(connect(network.fetch))
  await session.start(await signIn())
  clock.advance(600)
  network.next.push(new Promise(() => undefined))
  const refreshing = session.accessToken()
  await until('the refresh was sent', () => network.requests() === 1)
  await session.end()
  assert.equal((await errorOf(refreshing)).code, 'session_missing')
  assert.equal(await session.tokens(), undefined)
  assert.equal(network.requests(), 1)
})

test('session: another sign-in during a refresh replaces the session', async () => {
  const { start, open, connect, fetch, clock, signIn } = await startSessionWorld()
  const store = memoryStore()
  const { first } = await start({ store })
  const network = createFaultyNetwork(fetch)
  const other = createSession(connect(network.fetch), { store })
  clock.advance(600)
  const responding = Promise.withResolvers<void>()
  network.next.push(responding.promise)
  const refreshing = other.accessToken()
  await until('the refresh was sent', () => network.requests() === 1)
  // Without a common lock.
  const second = await open({ store }).start(await signIn())
  responding.resolve()
  assert.notEqual(second.id, first.id)
  assert.deepEqual(await refreshing, { ok: true, value: second })
  assert.deepEqual(await store.load(), second)
})

test('session: tokens that another tab stored during a refresh are not replaced by older ones', async () => {
  const { start, open, connect, fetch, clock, server } = await startSessionWorld()
  const store = memoryStore()
  const { first } = await start({ store })
  const network = createFaultyNetwork(fetch)
  const slow = createSession(connect(network.fetch), { store })
  clock.advance(600)
  const responding = Promise.withResolvers<void>()
  network.next.push(responding.promise)
  const refreshing = slow.accessToken()
  const isRefreshed = () => server.logged.some(({ grant_type }) => grant_type === 'refresh_token')
  await until('the server has refreshed the tokens', isRefreshed)
  // Without a common lock: the first of these repeats the refresh whose response is on its way.
  const tab = open({ store })
  await tokensOf(tab.refresh())
  const newest = await tokensOf(tab.refresh())
  responding.resolve()
  assert.equal(newest.id, first.id)
  assert.deepEqual(await refreshing, { ok: true, value: newest })
  assert.deepEqual(await store.load(), newest)
})

test('session: without a refresh token it ends when the access token expires', async () => {
  const { open, clock, signIn } = await startSessionWorld()
  const session = open()
  const { refresh_token, ...tokens } = await signIn()
  assert.ok(refresh_token)
  const first = await session.start(tokens)
  clock.advance(580)
  assert.deepEqual(await tokensOf(session.accessToken()), first)
  clock.advance(20)
  const error = await errorOf(session.accessToken())
  assert.equal(error.kind, 'session')
  assert.equal(error.code, 'refresh_token_missing')
})

test('session: a caller that aborts stops waiting, and the refresh continues', async () => {
  const { start, clock, network } = await startSessionWorld()
  const { session, first } = await start()
  clock.advance(600)
  const stop = new AbortController()
  const aborted = session.accessToken({ signal: stop.signal })
  const waiting = session.accessToken()
  stop.abort()
  assert.equal((await errorOf(aborted)).kind, 'aborted')
  assert.notEqual((await tokensOf(waiting)).access_token, first.access_token)
  assert.equal(network.requests(), 1)
})

test('session: no error contains a token', async () => {
  const { start, clock, network, refusals } = await startSessionWorld({ refresh_token_retry_window: 0 })
  const { session, first } = await start()
  clock.advance(600)
  network.next.push('within')
  const error = await errorOf(session.accessToken())
  const texts = [error, error.cause as ClientError].map(one => `${one.message} ${JSON.stringify(one)}`).join()
  assert.ok(first.refresh_token && !texts.includes(first.refresh_token))
  assert.ok(!texts.includes(first.access_token))
  assert.deepEqual(refusals(), ['refresh_token_reused'])
})

test('session: a text store keeps everything, and reads anything else as no session', async () => {
  const { signIn, open } = await startSessionWorld()
  const items = new Map<string, string>()
  const storage = {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  }
  const session = open({ store: webStorageStore(storage) })
  const tokens = await session.start(await signIn())
  assert.deepEqual(await session.tokens(), tokens)
  assert.deepEqual([...items.keys()], ['tessera.session'])
  const text = JSON.stringify(tokens)
  for (const invalid of [
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '{}',
    text.replace('"access_token":"', '"access_token":1,"x":"'),
  ]) {
    items.set('tessera.session', invalid)
    assert.equal(await session.tokens(), undefined, invalid)
  }
  items.set('tessera.session', text)
  await session.end()
  assert.equal(items.size, 0)
})

test('session: a refreshed ID token is validated and compared with the one of the sign-in [OpenID Connect Core 1.0 §12.2]', async () => {
  const { start, clock, open, network } = await startSessionWorld()
  const store = memoryStore()
  const { session } = await start({ store })
  // The password grant issues no ID token.
  const first = await tokensOf(session.refresh())
  assert.equal(first.claims?.sub, '88421113')
  clock.advance(600)
  const second = await tokensOf(session.accessToken())
  assert.notEqual(second.id_token, first.id_token)
  assert.equal(second.claims?.iat, clock.now())
  assert.equal(second.claims?.auth_time, first.claims?.auth_time)

  assert.ok(second.claims)
  await store.save({ ...second, claims: { ...second.claims, sub: 'someone else' } })
  clock.advance(600)
  network.reset()
  const error = await errorOf(open({ store }).accessToken())
  assert.equal(error.code, 'sub_mismatch')
  assert.equal(network.requests(), 1)
  assert.notEqual(await store.load(), undefined)
})
