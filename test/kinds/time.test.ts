/**
 * Every comparison of two times says whose clocks they are, and every deletion how it knows that time has passed.
 * Nodes with different clocks are in `skewed-nodes.test.ts`; this file has single machines, and the list of
 * comparisons.
 */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { openSqliteTenantStores } from '../../packages/server/src/storage/sqlite/stores.ts'
import { temporaryFolder } from '../contracts/stores/storage.ts'
import { createTime, type Machine } from '../support/clocks.ts'
import { issueCode, redirectUri, verifier } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { type Answer, basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, world } from '../support/world.ts'
import { assertCovers } from './coverage.ts'

/** Files by the clocks that they compare. */
const comparisons = {
  // Stored times with the server's clock, which is the store's own if machines share it: the nodes' tests verify
  // it.
  'stored, by the clock that all nodes share': [
    'clients/sealed/sealed-clients.ts',
    'clients/authentication/secrets.ts',
    'model/consent.ts',
    'model/ports/users.ts',
    'model/session.ts',
    'pages/device/device.ts',
    'endpoints/introspection/token-description.ts',
    'pages/mfa/mfa.ts',
    'endpoints/token/grants/authorization-code.ts',
    'endpoints/token/grants/device-code.ts',
    'endpoints/token/grants/refresh-token.ts',
    'endpoints/token/previous-refresh-token.ts',
    'endpoints/token/issue-tokens.ts',
    'endpoints/token/retry-window.ts',
    'identity/federation/upstream-authorization-request.ts',
    'identity/federation/upstream-session.ts',
    'identity/access-endings.ts',
    'identity/passkey-challenge.ts',
    'identity/totp.ts',
    'pages/flow/account-session.ts',
    'pages/flow/continuation.ts',
    'pages/flow/next-prompt.ts',
    'pages/flow/pending-sign-in.ts',
    'pages/flow/browser-cookies.ts',
    'pages/flow/seal.ts',
    'pages/flow/browser-session.ts',
    'pages/flow/waiting-codes.ts',
    'keys/key-state.ts',
    'keys/opened-ring.ts',
    'keys/ring-changes.ts',
    'operations/audit/audit-log.ts',
    'operations/audit/waiting.ts',
    'endpoints/admin/audit.ts',
    'cli/audit.ts',
    'identity/personal-data.ts',
    'keys/master-key-rotation.ts',
    'keys/root-key-watch.ts',
    'keys/root-keys.ts',
    'operations/metrics/endpoint.ts',
    'operations/principals.ts',
    'clients/registration/client-lookup.ts',
    'storage/memory/authorizations.ts',
    'storage/memory/commit.ts',
    'storage/memory/installation.ts',
    'storage/memory/users.ts',
    'storage/memory/webhooks.ts',
    'storage/postgres/attempt-admission.ts',
    'storage/postgres/attempts.ts',
    'storage/postgres/authorizations.ts',
    'storage/postgres/commit-statement.ts',
    'storage/postgres/devices.ts',
    'storage/postgres/due-rows.ts',
    'storage/postgres/registered-clients.ts',
    'storage/postgres/sessions.ts',
    'storage/postgres/webhooks.ts',
    'storage/sqlite/reads/authorizations.ts',
    'storage/sqlite/reads/installation.ts',
    'storage/sqlite/reads/users.ts',
    'storage/sqlite/reads/webhooks.ts',
    'storage/sqlite/writes/authorizations.ts',
    'storage/sqlite/writes/commit.ts',
    'storage/sqlite/writes/installation.ts',
    'storage/sqlite/writes/users.ts',
    'storage/sqlite/writes/webhooks.ts',
    'testing/endings.ts',
    'tokens/verification.ts',
  ],
  // `passedBy(clock)`: time that has certainly passed.
  'deletes, by the time that has certainly passed': [
    'keys/rotation.ts',
    'sessions/logout-delivery.ts',
    'operations/mail/mail-queue.ts',
    'operations/events/webhook.ts',
    'storage/memory/clean-up.ts',
    'storage/memory/sessions.ts',
    'storage/postgres/browser-sessions.ts',
    'storage/postgres/clean-up.ts',
    'storage/sqlite/reads/clean-up.ts',
    'storage/sqlite/reads/sessions.ts',
    'storage/sqlite/writes/clean-up.ts',
    'storage/sqlite/writes/sessions.ts',
  ],
  // Times of other clocks, compared with the server's clock and a tolerance.
  'of others, with a tolerance': [
    'cli/doctor/store-checks.ts',
    'authorization-request/request-object.ts',
    'clients/authentication/private-key-jwt.ts',
    'clients/authentication/workload-identity.ts',
    'clients/authentication/tls-client-auth.ts',
    'pages/federation/upstream-parameters.ts',
    'migration/identityserver/users.ts',
    'endpoints/token/grants/jwt-bearer.ts',
    'proof/dpop-proof.ts',
  ],
  // Two stored times, or the time of something that is only in this process's memory.
  'of one row, or of one process': [
    'clients/authentication/failed-attempts.ts',
    'clients/authentication/unencoded-basic.ts',
    'clients/documents/documents.ts',
    'clients/keys/issuer-metadata.ts',
    'clients/keys/jwks.ts',
    'app/tenants.ts',
    'configuration/rules/client.ts',
    'runtime/back-off.ts',
    'identity/federation/pauses.ts',
    'identity/federation/provider-discovery.ts',
    'identity/federation/provider-keys.ts',
    'operations/events/admission.ts',
    'runtime/async/deference.ts',
    'runtime/recent.ts',
    'storage/postgres/codes.ts',
    'testing/cookie-jar.ts',
  ],
  // Waits and measurements: by the monotonic clock, which never leaps.
  'how long something takes, by the monotonic clock': [
    'cli/serve.ts',
    'http/admission.ts',
    'http/exchange.ts',
    'http/node.ts',
    'http/router.ts',
    'http/stall.ts',
    'operations/metrics/metrics.ts',
    'operations/overload.ts',
    'operations/output/line-sink.ts',
    'storage/postgres/database.ts',
    'storage/postgres/replica.ts',
    'storage/postgres/shortage.ts',
    'storage/sqlite/database.ts',
    'storage/sqlite/open-file.ts',
    'runtime/async/batch-per-tick.ts',
    'storage/sqlite/writer/lock.ts',
    'storage/sqlite/writer/thread.ts',
    'operations/workers/supervision.ts',
  ],
  // Counters, positions and time steps of an authenticator.
  'no time': [
    'storage/postgres/entries.ts',
    'storage/postgres/persons.ts',
    'storage/sqlite/reads/persons.ts',
    'storage/sqlite/reads/entries.ts',
    'storage/postgres/audit.ts',
    'storage/sqlite/reads/audit.ts',
    'storage/sqlite/writes/audit.ts',
    'storage/sqlite/writes/federation.ts',
    'configuration/validation/objects.ts',
    'model/hook-result.ts',
    'storage/postgres/stored-users.ts',
    'storage/postgres/users.ts',
    'storage/sqlite/writes/stored-users.ts',
    'model/distinguished-name.ts',
    'configuration/module.ts',
    'pages/flow/sign-in-options.ts',
  ],
} as const

const source = new URL('../../packages/server/src/', import.meta.url)
const time =
  '(?:\\w*_at|since|\\w*[uU]ntil|expiresAt|exp|nbf|iat|auth_time|deadline|clean_at|openedAt|at|now)'
const comparing = new RegExp(
  `\\b(?:${time}|\\$\\{due\\})(?:\\(\\))?\\)? ?(?:<=|>=|<|>) |(?:^|[^=<]) (?:<=|>=|<|>) ?\\(?(?:[\\w?]+\\.)*(?:${time})\\b|performance\\.now\\(\\) ?(?:-|<|>)|(?:<=|>=|<|>) (?:\\$\\d|\\?\\d?)(?![\\w.?])|\\bisRecent\\(`,
)

/** Files with a line that compares times. */
const comparingFiles = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts') && !name.includes('locales/'))
  .filter(name =>
    readFileSync(new URL(name, source), 'utf8')
      .split('\n')
      .some(line => !/^\s*(\*|\/\*|\/\/)/.test(line) && comparing.test(line.replace(/\/\/.*/, ''))),
  )

test('time: every file that compares times says whose clocks they are', () => {
  assertCovers(Object.values(comparisons).flat(), comparingFiles, 'file that compares times')
})

test('time: only code that monitors the machine’s clock compares with it', () => {
  const reading = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    name => name.endsWith('.ts') && /\bDate\.now\(\)/.test(readFileSync(new URL(name, source), 'utf8')),
  )
  assertCovers(
    [
      // The time is a prefix of a handle or id, and decides nothing.
      'model/handle.ts',
      // The server's clock, passed to a library that has its own.
      'identity/federation/provider-discovery.ts',
      // The cookies of a browser that a test plays.
      'testing/cookie-jar.ts',
      // Before a store is open: warns of a secret that has expired.
      'configuration/parse.ts',
      // Writes the creation time into a file.
      'app/archives.ts',
      // Detects that the machine was suspended, which the monotonic clock does not show.
      'http/stall.ts',
      // Decides which users of another server are locked out now.
      'cli/import.ts',
      // Checks a server from outside.
      'cli/doctor.ts',
      // Draws a bar.
      'cli/progress.ts',
      // The only place.
      'operations/time.ts',
    ],
    reading,
    'file that reads the machine’s clock',
  )
})

test('time: every record of a used id outlives the original, by one shared function', () => {
  const marking = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(name => {
    if (!name.endsWith('.ts') || name.startsWith('storage/')) return false
    const text = readFileSync(new URL(name, source), 'utf8')
    return /usedAssertions\.add\(|kind: 'assertion',\s*hash/.test(text)
  })
  const counted = marking.map(name => {
    const text = readFileSync(new URL(name, source), 'utf8')
    return [name, /rememberUntil\(/.test(text)]
  })
  assert.deepEqual(
    counted.filter(([, marked]) => !marked),
    [],
  )
  assertCovers(
    [
      // Tested with their flows: an assertion is used, expires, clean-up runs, and it is refused.
      'clients/authentication/private-key-jwt.ts',
      'pages/federation/federation-logout.ts',
      'endpoints/token/grants/extension.ts',
      'endpoints/token/previous-refresh-token.ts',
      'proof/dpop-proof.ts',
      // The same place accepts and marks, without a tolerance.
      'identity/passkey-challenge.ts',
      'pages/flow/mail-link.ts',
    ],
    marking,
    'file that marks a one-use id',
  )
})

const hour = 3600
const day = 86_400
const input = {
  ...world,
  clients: world.clients.map(client =>
    client.client_id === 'onlypassword' ? { ...client, access_token_type: 'reference' } : client,
  ),
}
const password = async (server: TestServer, client_id: string, scope: string): Promise<Answer> => {
  const form = { grant_type: 'password', username: 'bob', password: 'bob', scope }
  return server.token(form, { client: [client_id, secret] })
}
const isActive = async (server: TestServer, token: string): Promise<boolean> => {
  const headers = basic('urn:api', 'api-secret')
  return (await server.send('POST', '/connect/introspect', { form: { token }, headers })).json.active
}

/** Issues rows that are still valid, and that clean-up must not delete. */
async function issueAll(server: TestServer) {
  const [refreshable, reference, code] = [
    (await password(server, 'roclient', 'openid api1 offline_access')).json.refresh_token,
    (await password(server, 'onlypassword', 'api1')).json.access_token,
    await issueCode(server),
  ]
  return {
    /** Throws unless all of it works. */
    async assertAlive(by: TestServer): Promise<void> {
      assert.equal(await isActive(by, reference), true, 'the reference token was deleted')
      const form = {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
      }
      assert.equal((await by.token(form, { client: ['web', secret] })).status, 200, 'the code was deleted')
      const refreshed = await by.token(
        { grant_type: 'refresh_token', refresh_token: refreshable },
        { client: ['roclient', secret] },
      )
      assert.equal(refreshed.status, 200, 'the refresh family was deleted')
    },
    reference,
  }
}

const turnsOfTheLoop = async (): Promise<void> => {
  for (let tick = 0; tick < 10; tick++) await new Promise(resolve => setImmediate(resolve))
}

const runAllJobs = async (server: TestServer): Promise<void> => {
  await server.runCleanUp()
  await server.runLogouts()
  await server.runMails()
}

/** A store in a file, which outlives the process; each server is a process. */
async function beginFile(t: { after: (end: () => Promise<void>) => void }, time = createTime()) {
  const folder = await temporaryFolder()
  t.after(folder.remove)
  return {
    time,
    async start(machine: Machine): Promise<TestServer> {
      const tenantStores = await openSqliteTenantStores({ file: folder.file })
      const server = await createTestServer(input, { machine, tenantStores })
      const close = async () => {
        await server.close()
        await tenantStores.close()
      }
      return { ...server, close, clock: time }
    },
  }
}

const ahead = { '+2 h': 2 * hour, '+2 d': 2 * day, '+35 d': 35 * day }

/** An hour, so that the store has recorded the time. */
async function settle(server: TestServer, time: ReturnType<typeof createTime>): Promise<void> {
  for (let minute = 0; minute <= 60; minute++) {
    await runAllJobs(server)
    time.advance(60)
  }
  await server.stores.settings.put(
    'time_passed',
    JSON.stringify({ passed: time.now(), confirmed: 0, wall: time.now() }),
  )
}

for (const [name, skew] of Object.entries(ahead)) {
  test(`time: on SQLite, a process whose clock is ${name} ahead at its start deletes no valid rows`, async t => {
    const { start, time } = await beginFile(t)
    const machine = time.machine()
    const server = await start(machine)
    await settle(server, time)
    const issued = await issueAll(server)
    await server.close()
    machine.skew = skew
    const wrong = await start(machine)
    for (let minute = 0; minute < 10; minute++) {
      await runAllJobs(wrong)
      time.advance(30)
    }
    const warning = wrong.logged.find(({ event }) => event === 'clock_leapt')
    assert.deepEqual([warning?.level, warning?.ahead_seconds], ['warn', skew])
    assert.equal((await wrong.send('GET', '/readyz')).status, 200)
    await wrong.close()
    time.advance(-300)
    machine.skew = 0
    const right = await start(machine)
    await issued.assertAlive(right)
    await right.close()
  })

  for (const store of ['memory', 'sqlite'] as const)
    test(`time: a clock that jumps ${name} ahead at run time deletes no valid rows (${store})`, async t => {
      const { start, time } = await beginFile(t)
      const machine = time.machine()
      const server =
        store === 'sqlite'
          ? await start(machine)
          : {
              ...(await createTestServer(input, { machine, tenantStores: createMemoryTenantStores() })),
              clock: time,
            }
      await settle(server, time)
      const issued = await issueAll(server)
      machine.skew = skew
      for (let look = 0; look < 5; look++) {
        await runAllJobs(server)
        time.advance(30)
      }
      assert.ok(server.logged.some(({ event, level }) => event === 'clock_leapt' && level === 'warn'))
      machine.skew = 0
      await runAllJobs(server)
      time.advance(-150)
      await issued.assertAlive(server)
      await server.close()
    })
}

for (const kind of ['sqlite', 'shared'] as const)
  test(`time: a clock that leaps repeatedly deletes no valid rows (${kind})`, async t => {
    const { start, time } = await beginFile(t)
    const machine = time.machine()
    const opened = createMemoryTenantStores()
    // A database on the same machine has the same wrong clock.
    const tenantStores = { ...opened, now: async () => machine.wall() }
    const server =
      kind === 'sqlite'
        ? await start(machine)
        : { ...(await createTestServer(input, { machine, tenantStores })), clock: time }
    await settle(server, time)
    const issued = await issueAll(server)
    for (let leap = 0; leap < 20; leap++) {
      machine.skew += 590
      await runAllJobs(server)
      await turnsOfTheLoop()
      await runAllJobs(server)
    }
    machine.skew = 0
    if (kind === 'sqlite') await issued.assertAlive(server)
    else {
      assert.notEqual(await server.stores.referenceTokens.find(hashHandle(issued.reference)), undefined)
      assert.equal((await server.send('GET', '/readyz')).status, 503, 'its clock was set back')
    }
    await server.close()
  })

test('time: after a machine was off for 40 days, expired credentials are refused immediately, and deleted an hour later', async t => {
  const { start, time } = await beginFile(t)
  const before = await start(time.machine())
  await settle(before, time)
  const { reference } = await issueAll(before)
  await before.close()
  time.advance(40 * day)
  // Its monotonic clock starts again from zero.
  const off = 40 * day * 1000
  const { wall, monotonic } = time.machine()
  const after = await start({ skew: 0, wall, monotonic: () => monotonic() - off })
  const rows = async () => after.stores.referenceTokens.find(hashHandle(reference))
  assert.equal(await isActive(after, reference), false)
  await runAllJobs(after)
  assert.notEqual(await rows(), undefined)
  for (let minute = 0; minute < 59; minute++) {
    time.advance(60)
    await runAllJobs(after)
  }
  assert.notEqual(await rows(), undefined, 'before an hour has passed nothing is deleted')
  for (let minute = 0; minute < 2; minute++) {
    time.advance(60)
    await runAllJobs(after)
  }
  assert.equal(await rows(), undefined)
  assert.ok(after.logged.some(({ event }) => event === 'clock_confirmed'))
  await after.close()
})

test('time: a clock that is set back deletes no valid rows, and is logged', async t => {
  const { start, time } = await beginFile(t)
  const machine = time.machine()
  const server = await start(machine)
  await settle(server, time)
  machine.skew = -2 * hour
  await runAllJobs(server)
  const issued = await issueAll({ ...server, clock: { ...time, now: () => time.now() - 2 * hour } })
  await runAllJobs(server)
  await issued.assertAlive(server)
  assert.ok(
    server.logged.some(({ event, ahead_seconds }) => event === 'clock_leapt' && ahead_seconds === -2 * hour),
  )
  await server.close()
})

test('time: a clock that is ahead neither delays a mail nor gives it up', async t => {
  const { start, time } = await beginFile(t)
  const machine = time.machine()
  const server = await start(machine)
  await settle(server, time)
  machine.skew = 35 * day
  const mail = {
    id: 'mail',
    sealed: new Uint8Array(1),
    attempts: 0,
    due_at: time.now(),
    expires_at: time.now() + hour,
  }
  await server.stores.waitingMails.add(mail, 10)
  await runAllJobs(server)
  assert.deepEqual(await server.mails(), [])
  machine.skew = 0
  await server.runCleanUp()
  assert.equal(await server.stores.waitingMails.anyDue(time.now()), true, 'it waits for the wrong time')
  machine.skew = 35 * day
  const [kept] = await server.stores.waitingMails.claim(time.now() + 40 * day, time.now() + 41 * day, 10)
  assert.equal(kept?.id, 'mail')
  await server.close()
})

test('time: a clock that is ahead removes no signing key', async t => {
  const { start, time } = await beginFile(t)
  const machine = time.machine()
  const server = await start(machine)
  await settle(server, time)
  const before = server.keys.list().map(({ kid }) => kid)
  await server.keys.rotate({ now: true })
  machine.skew = 35 * day
  await server.keys.refresh()
  for (const kid of before)
    assert.ok(
      server.keys.list().some(key => key.kid === kid),
      'a key was removed',
    )
  await server.close()
})

test('time: a clock that is ahead does not end the rotation of signing keys', async t => {
  const { start, time } = await beginFile(t)
  const machine = time.machine()
  const server = await start(machine)
  await settle(server, time)
  const before = server.keys.list().map(({ kid }) => kid)
  machine.skew = 3650 * day
  await server.keys.refresh()
  assert.deepEqual(
    server.keys.list().map(({ kid }) => kid),
    before,
  )
  machine.skew = 0
  await server.keys.refresh()
  const signing = () => server.keys.list().flatMap(({ kid, state }) => (state === 'signing' ? kid : []))
  for (let passed = 0; passed < 100; passed += 10) {
    time.advance(10 * day)
    // As the machine's clocks agree, it counts within two rounds.
    await server.keys.refresh()
    await server.keys.refresh()
  }
  assert.ok(
    signing().every(kid => !before.includes(kid)),
    'the old keys still sign',
  )
  await server.close()
})

test('refresh: a rotation in the future is neither retried nor treated as a replay', async () => {
  const server = await createTestServer(world)
  const signedIn = await password(server, 'roclient', 'openid api1 offline_access')
  const first = signedIn.json.refresh_token
  const refresh = (refresh_token: string) =>
    server.token({ grant_type: 'refresh_token', refresh_token }, { client: ['roclient', secret] })
  server.clock.advance(100)
  const second = (await refresh(first)).json.refresh_token
  // A difference within the tolerance of synchronized clocks may count as now.
  server.clock.advance(-2)
  assert.equal((await refresh(first)).json.refresh_token, second)
  server.clock.advance(-1)
  assertRefused(await refresh(first), 'invalid_grant', 'refresh_rotated_in_future')
  const alarm = server.logged.find(({ event }) => event === 'refresh_rotated_in_future')
  assert.deepEqual([alarm?.level, alarm?.ahead_seconds], ['error', 3])
  assert.equal((await refresh(second)).status, 200, 'the sign-in lives')
})

for (const store of ['memory', 'sqlite'] as const)
  test(`time: guesses that were counted while the clock was ahead block nobody once it is right (${store})`, async t => {
    const time = createTime()
    const machine = time.machine(35 * day)
    const { start } = await beginFile(t, time)
    const server =
      store === 'sqlite'
        ? await start(machine)
        : await createTestServer(input, { machine, tenantStores: createMemoryTenantStores() })
    const guess = (username: string, client: readonly [string, string]) =>
      server.token({ grant_type: 'password', username, password: 'bob', scope: 'api1' }, { client })
    const blocked = async (attempt: () => Promise<Answer>) => {
      let answer = await attempt()
      for (let count = 0; count < 200 && answer.status !== 429; count++) answer = await attempt()
      assert.equal(answer.status, 429)
    }
    const wrong = { grant_type: 'password', username: 'bob', password: 'wrong', scope: 'api1' }
    await blocked(() => server.token(wrong, { client: ['roclient', secret] }))
    await blocked(() => guess('bob', ['web', 'wrong']))
    machine.skew = 0
    assert.equal((await guess('bob', ['roclient', secret])).status, 200)
    assert.equal((await guess('bob', ['web', 'wrong'])).status, 401)
    await server.close()
  })
