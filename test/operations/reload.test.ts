/** A changed configuration replaces the current one while the server runs. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createSnapshots } from '../../packages/server/src/app/reloading.ts'
import type { Snapshot } from '../../packages/server/src/app/snapshot.ts'
import type { Stores } from '../../packages/server/src/model/ports/stores.ts'
import { StoreUnavailable, silentLog } from '../../packages/server/src/runtime/ports.ts'
import { adminWorld, startAdmin } from '../support/admin.ts'
import { createBrowser } from '../support/browser.ts'
import { assertRefused } from '../support/refused.ts'
import { alice, answerOf, authorizePath, pagesWorld, signIn as signInAt } from '../support/sign-in.ts'
import { beginShared, openTenantStores } from '../support/storage.ts'
import { placesOf, tenantsWorld } from '../support/tenants.ts'
import { type Answer, basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { secret, world } from '../support/world.ts'

type Snapshots = Awaited<ReturnType<typeof createSnapshots>>

const api = basic('urn:api', 'api-secret')
const roclient = ['roclient', secret] as const

const signIn = async (server: TestServer): Promise<any> => {
  const form = {
    grant_type: 'password',
    username: 'bob',
    password: 'bob',
    scope: 'openid api1 offline_access',
  }
  const answer = await server.token(form, { client: roclient })
  assert.equal(answer.status, 200, answer.body)
  return answer.json
}

const isActive = async (server: TestServer, token: string): Promise<boolean> =>
  (await server.send('POST', '/connect/introspect', { form: { token }, headers: api })).json.active

const refresh = (server: TestServer, refresh_token: string, client = roclient): Promise<Answer> =>
  server.token({ grant_type: 'refresh_token', refresh_token }, { client })

const machine = (server: TestServer, client: readonly [string, string]): Promise<Answer> =>
  server.token({ grant_type: 'client_credentials', scope: 'api1' }, { client })

const clientsWith = (client_id: string, changes: object) => ({
  ...world,
  clients: world.clients.map(client => (client.client_id === client_id ? { ...client, ...changes } : client)),
})
const clientsWithout = (client_id: string) => ({
  ...world,
  clients: world.clients.filter(client => client.client_id !== client_id),
})

test('reload: an added client is served, and earlier tokens remain valid', async () => {
  const server = await createTestServer(clientsWithout('client'))
  const before = await signIn(server)
  assertRefused(await machine(server, ['client', secret]), 'invalid_client', 'client_unknown')
  await server.reconfigure(world)
  assert.equal((await machine(server, ['client', secret])).status, 200)
  assert.equal(await isActive(server, before.access_token), true)
  assert.equal((await refresh(server, before.refresh_token)).status, 200)
})

for (const access_token_type of ['jwt', 'reference'])
  test(`reload: a removed client loses its tokens immediately, and tokens that are still valid work again when it is back [${access_token_type}]`, async () => {
    const whole = clientsWith('roclient', { access_token_type })
    const server = await createTestServer(whole)
    const { access_token, refresh_token } = await signIn(server)
    assert.equal(await isActive(server, access_token), true)
    await server.reconfigure(clientsWithout('roclient'))
    assert.equal(await isActive(server, access_token), false)
    const { status } = await server.send('GET', '/connect/userinfo', {
      headers: { authorization: `Bearer ${access_token}` },
    })
    assert.equal(status, 401)
    assertRefused(await refresh(server, refresh_token), 'invalid_client', 'client_unknown')
    await server.reconfigure(whole)
    assert.equal((await refresh(server, refresh_token)).status, 200)
  })

test('reload: a changed secret takes effect immediately, and the previous one is refused', async () => {
  const server = await createTestServer(world)
  await server.reconfigure(clientsWith('client', { client_secrets: [{ value: 'another' }] }))
  assertRefused(await machine(server, ['client', secret]), 'invalid_client', 'client_secret_wrong')
  assert.equal((await machine(server, ['client', 'another'])).status, 200)
})

test('reload: a removed user gets no more tokens', async () => {
  const server = await createTestServer(world)
  const { access_token, refresh_token } = await signIn(server)
  await server.reconfigure({ ...world, users: world.users.filter(({ username }) => username !== 'bob') })
  assertRefused(await refresh(server, refresh_token), 'invalid_grant', 'user_inactive')
  assert.equal(await isActive(server, access_token), false)
  const form = { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1' }
  assertRefused(await server.token(form, { client: roclient }), 'invalid_grant', 'credentials_refused')
})

test('reload: browsers remain signed in, except those of a removed user', async () => {
  const server = await createTestServer(pagesWorld)
  const browser = createBrowser(server)
  await signInAt(browser, authorizePath(), alice)
  const silently = authorizePath({ prompt: 'none' })
  await server.reconfigure({ ...pagesWorld, users: pagesWorld.users.filter(({ sub }) => sub === '1') })
  assert.ok(answerOf(await browser.visit(silently)).get('code'))
  await server.reconfigure({ ...pagesWorld, users: pagesWorld.users.filter(({ sub }) => sub !== '1') })
  assert.equal(answerOf(await browser.visit(silently)).get('error'), 'login_required')
})

test('reload: a new signing algorithm gets its key, and earlier keys remain', async () => {
  const kids = async (): Promise<readonly { kid: string; alg: string; use: string }[]> => {
    const { json } = await server.send('GET', '/.well-known/openid-configuration/jwks')
    return json.keys.filter(({ use }: { use: string }) => use === 'sig')
  }
  const server = await createTestServer(world)
  const before = await kids()
  const apis = world.api_resources.map(one => ({ ...one, access_token_signing_alg: 'EdDSA' }))
  await server.reconfigure({ ...world, api_resources: apis })
  const after = await kids()
  assert.deepEqual(after.slice(0, before.length), before)
  const [added] = after.slice(before.length)
  assert.equal(added?.alg, 'EdDSA')
  const { access_token } = await signIn(server)
  assert.equal(JSON.parse(Buffer.from(access_token.split('.')[0], 'base64url').toString()).kid, added?.kid)
  assert.equal(await isActive(server, access_token), true)
})

/** An operator's validator that makes requests wait. */
function createGate() {
  const [reached, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  return {
    reached: reached.promise,
    open: held.resolve,
    tokenRequest: async () => {
      reached.resolve()
      await held.promise
      return { ok: true, members: { edition: 'first' } }
    },
  }
}

test('reload: a running request is finished with the configuration that it started with', async () => {
  const { reached, open, tokenRequest } = createGate()
  const server = await createTestServer({ ...world, validators: { tokenRequest } })
  const underWay = machine(server, ['client', secret])
  await reached
  await server.reconfigure(clientsWith('client', { client_secrets: [{ value: 'another' }] }))
  assert.equal((await machine(server, ['client', 'another'])).json.edition, undefined)
  open()
  const { status, json } = await underWay
  assert.deepEqual([status, json.edition], [200, 'first'])
})

test('reload: a client removed during its request gets nothing', async () => {
  const { reached, open, tokenRequest } = createGate()
  const server = await createTestServer({ ...world, validators: { tokenRequest } })
  const underWay = server.token(
    { grant_type: 'password', username: 'bob', password: 'bob', scope: 'openid offline_access' },
    { client: roclient },
  )
  await reached
  await server.reconfigure(clientsWithout('roclient'))
  open()
  assertRefused(await underWay, 'invalid_grant', 'no_longer_valid')
})

test('reload: a server can be closed while a request of an earlier configuration runs', async () => {
  const { reached, open, tokenRequest } = createGate()
  const server = await createTestServer({ ...world, validators: { tokenRequest } })
  const underWay = machine(server, ['client', secret])
  await reached
  await server.reconfigure(world)
  await server.close()
  open()
  assert.equal((await underWay).status, 200)
})

test('reload: of many concurrent reloads the last one takes effect', async () => {
  const server = await createTestServer(world)
  const secrets = Array.from({ length: 5 }, (_, index) => `secret-${index}`)
  await Promise.all(
    secrets.map(value => server.reconfigure(clientsWith('client', { client_secrets: [{ value }] }))),
  )
  const statuses = []
  for (const value of secrets) statuses.push((await machine(server, ['client', value])).status)
  assert.deepEqual(statuses, [401, 401, 401, 401, 200])
})

/** Composes each snapshot after the next one of these promises, and records which ones are closed. */
async function createTestSnapshots(delays: Promise<void>[] = [], unused = Promise.resolve()) {
  const composed: string[] = []
  const closed: string[] = []
  const compose = async (configuration: unknown): Promise<Snapshot> => {
    const name = String(configuration)
    await delays.shift()
    composed.push(name)
    const close = async () => void closed.push(name)
    return { configuration, server: { configuration }, unused: () => unused, retire() {}, close } as never
  }
  const snapshots = await createSnapshots('first' as never, { compose, log: silentLog })
  return { snapshots, composed, closed }
}

for (const [what, composed, run] of [
  [
    'a renewal that takes longer does not bring an earlier configuration back',
    ['first', 'first', 'second'],
    (one: Snapshots) => [one.renew(), one.replace('second' as never)],
  ],
  [
    'a renewal during a reload is of the new configuration',
    ['first', 'second', 'second'],
    (one: Snapshots) => [one.replace('second' as never), one.renew()],
  ],
] as const)
  test(`reload: ${what}, and closing waits for both`, async () => {
    const { promise: delay, resolve: proceed } = Promise.withResolvers<void>()
    const world = await createTestSnapshots([Promise.resolve(), delay])
    const running = run(world.snapshots)
    const closing = world.snapshots.close()
    await setImmediate()
    proceed()
    await closing
    assert.deepEqual(world.composed, composed)
    assert.deepEqual(world.closed.toSorted(), composed)
    await Promise.all(running)
    assert.equal(String(world.snapshots.current().configuration), 'second')
  })

test('reload: an earlier configuration is closed when no request uses it any more, or with the server', async () => {
  const { promise: unused, resolve: release } = Promise.withResolvers<void>()
  const [one, other] = [await createTestSnapshots([], unused), await createTestSnapshots([], unused)]
  for (const { snapshots, closed } of [one, other]) {
    await snapshots.replace('second' as never)
    await setImmediate()
    assert.deepEqual(closed, [])
  }
  await one.snapshots.close()
  assert.deepEqual(one.closed.toSorted(), ['first', 'second'])
  release()
  await setImmediate()
  assert.deepEqual(other.closed, ['first'])
})

/** Stores whose entries report changes, with those who are told: the issuers that follow them. */
async function createWatchedStores(tenant: () => Promise<void> = async () => {}) {
  const tenantStores = await openTenantStores()
  const following = new Set<{ readonly name: string }>()
  const watched = (name: string, stores: Stores): Stores => {
    const watch = () => {
      const one = { name }
      following.add(one)
      return () => void following.delete(one)
    }
    return { ...stores, entries: { ...stores.entries, watch } }
  }
  return {
    following: () => [...following].map(({ name }) => name).toSorted(),
    tenantStores: {
      ...tenantStores,
      main: watched('server', tenantStores.main),
      async forTenant(name: string) {
        await tenant()
        return watched(name, await tenantStores.forTenant(name))
      },
    },
  }
}
const tokenOfAcme = (server: TestServer) => placesOf(server)[1]!.token({ grant_type: 'client_credentials' })

test('reload: an earlier configuration with a request in progress no longer follows stored entries', async () => {
  const { tenantStores, following } = await createWatchedStores()
  const gates = [createGate(), createGate()]
  const server = await createTestServer(tenantsWorld, { tenantStores })
  const underWay: Promise<Answer>[] = []
  for (const { reached, tokenRequest } of gates) {
    await server.reconfigure({ ...tenantsWorld, validators: { tokenRequest } })
    underWay.push(tokenOfAcme(server))
    await reached
    assert.deepEqual(following(), ['acme', 'server'])
  }
  await server.reconfigure(tenantsWorld)
  assert.deepEqual(following(), ['server'])
  for (const { open } of gates) open()
  for (const answer of underWay) assert.equal((await answer).status, 200)
})

test('reload: a tenant that a request of an earlier configuration activates does not follow stored entries', async () => {
  const { reached, tokenRequest, open } = createGate()
  const { tenantStores, following } = await createWatchedStores(async () => void (await tokenRequest()))
  const server = await createTestServer(tenantsWorld, { tenantStores })
  const underWay = tokenOfAcme(server)
  await reached
  await server.reconfigure(tenantsWorld)
  open()
  await underWay
  assert.deepEqual(following(), ['server'])
})

test('reload: a change of an entry by a request of an earlier configuration is applied', async () => {
  const { tenantStores } = await createWatchedStores()
  const { reached, tokenRequest, open } = createGate()
  const { entries } = tenantStores.main
  const put: typeof entries.put = async (...given) => {
    await tokenRequest()
    return entries.put(...given)
  }
  const main = { ...tenantStores.main, entries: { ...entries, put } }
  const { server, call } = await startAdmin(adminWorld, { tenantStores: { ...tenantStores, main } })
  const underWay = call('POST', '/api-scopes', { name: 'later' })
  await reached
  await server.reconfigure(adminWorld)
  open()
  assert.equal((await underWay).status, 201)
  const { json } = await server.send('GET', '/.well-known/openid-configuration')
  assert.ok(json.scopes_supported.includes('later'))
})

test('reload: an earlier configuration with a request in progress does not report that the next one overrules it', async () => {
  const tenantStores = await openTenantStores()
  const { principals } = tenantStores.main
  const readings = new Set<() => void>()
  const watch = (changed: () => void) => {
    readings.add(changed)
    return () => void readings.delete(changed)
  }
  let read = 0
  const disabled: typeof principals.disabled = async () => {
    const rows = await principals.disabled()
    read += 1
    return rows
  }
  const main = { ...tenantStores.main, principals: { ...principals, watch, disabled } }
  const { reached, open, tokenRequest } = createGate()
  const server = await createTestServer(
    { ...world, validators: { tokenRequest } },
    { tenantStores: { ...tenantStores, main } },
  )
  const underWay = machine(server, ['client', secret])
  await reached
  await server.reconfigure(clientsWithout('roclient'))
  for (let times = 0; times < 3; times++) {
    const expected = read + readings.size
    for (const changed of readings) changed()
    await until('the principals are read', () => read >= expected)
  }
  assert.equal(readings.size, 2)
  assert.ok(!server.logged.some(({ event }) => event === 'configuration_overruled'))
  open()
  await underWay
})

test('reload: while the store is unreachable nothing changes, and a later reload works as if it were the first', async () => {
  const tenantStores = await openTenantStores()
  let away = false
  const keys = {
    ...tenantStores.main.keys,
    all: () => {
      if (away) throw new StoreUnavailable('away')
      return tenantStores.main.keys.all()
    },
  }
  const server = await createTestServer(world, {
    tenantStores: { ...tenantStores, main: { ...tenantStores.main, keys } },
  })
  const { refresh_token } = await signIn(server)
  away = true
  await assert.rejects(server.reconfigure(clientsWithout('roclient')), StoreUnavailable)
  away = false
  assert.equal((await refresh(server, refresh_token)).status, 200)
})

test('reload: while the store refuses some of it, a client that the file no longer contains stays enabled', async () => {
  const tenantStores = await openTenantStores()
  let away = ''
  const { settings, principals } = tenantStores.main
  const failing = <Work extends (...given: never[]) => unknown>(name: string, work: Work): Work =>
    ((...given: never[]) => {
      if (away === name) throw new StoreUnavailable('away')
      return work(...given)
    }) as Work
  const main = {
    ...tenantStores.main,
    settings: { ...settings, put: failing('settings', settings.put) },
    principals: { ...principals, disabled: failing('principals', principals.disabled) },
  }
  const server = await createTestServer(world, { tenantStores: { ...tenantStores, main } })
  const next = { ...clientsWithout('roclient'), tenants: [...world.tenants, { name: 'own', issuer: 'path' }] }
  const { refresh_token } = await signIn(server)
  for (const one of ['settings', 'principals']) {
    away = one
    await assert.rejects(server.reconfigure(next as never), StoreUnavailable)
    away = ''
    // The client stays enabled: its refreshes are checked with the principals in the store.
    const refreshed = await refresh(server, refresh_token)
    assert.equal(refreshed.status, 200, `${one} ${refreshed.body}`)
  }
})

const withoutTenant = (name: string) => ({
  ...tenantsWorld,
  tenants: tenantsWorld.tenants.filter(tenant => tenant.name !== name),
  users: tenantsWorld.users.filter(({ tenant }) => tenant !== name),
})

test('reload: tenants are added, changed and removed, including active ones', async () => {
  const tenantStores = await (await beginShared()).open()
  const server = await createTestServer(withoutTenant('acme'), { tenantStores: tenantStores })
  const place = (name: string) => placesOf(server).find(one => one.name === name)!
  const ask = (name: string, value = name) =>
    place(name).send('POST', `${place(name).base}/connect/token`, {
      form: { grant_type: 'client_credentials', scope: 'api1' },
      headers: basic('web', value),
    })
  assert.equal((await ask('acme')).status, 404)
  assert.equal((await ask('globex')).status, 200)
  await server.reconfigure(tenantsWorld)
  assert.equal((await ask('acme')).status, 200)
  assert.equal((await ask('globex')).status, 200)
  const changed = {
    ...tenantsWorld,
    tenants: tenantsWorld.tenants.map(tenant =>
      tenant.name === 'globex' && 'clients' in tenant
        ? {
            ...tenant,
            clients: tenant.clients?.map(client =>
              client.client_id === 'web' ? { ...client, client_secrets: [{ value: 'changed' }] } : client,
            ),
          }
        : tenant,
    ),
  }
  await server.reconfigure(changed)
  assert.equal((await ask('globex')).status, 401)
  assert.equal((await ask('globex', 'changed')).status, 200)
  assert.equal((await ask('initech')).status, 200)
  await server.reconfigure(withoutTenant('initech'))
  // Its host belongs to no tenant now: the server itself responds, and does not know this secret.
  assert.equal((await ask('initech')).status, 401)
  await server.close()
})
