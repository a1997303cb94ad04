/** Memories of a process with a time: none lasts longer because the clock was ahead and was then set back. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createIssuerKeysUriFinder } from '../../packages/server/src/clients/keys/issuer-metadata.ts'
import { createClientKeyFinder } from '../../packages/server/src/clients/keys/jwks.ts'
import { createDiscovery } from '../../packages/server/src/identity/federation/provider-discovery.ts'
import { createProviderKeys } from '../../packages/server/src/identity/federation/provider-keys.ts'
import type { Client } from '../../packages/server/src/model/client.ts'
import type { Outbound } from '../../packages/server/src/outbound/outbound.ts'
import { createBackOff } from '../../packages/server/src/runtime/back-off.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { isRecent } from '../../packages/server/src/runtime/recent.ts'
import { createMemoryTenantStores } from '../../packages/server/src/storage/memory/stores.ts'
import { createClock, openRing } from '../keys/keys.ts'
import { accountsWorld, addUser, doraSignsIn } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { createTime } from '../support/clocks.ts'
import { answerOf, authorizePath, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const day = 86_400
const log = silentLog
const issuer = 'https://corp.example'

type Asking = { readonly ask: () => Promise<unknown>; readonly asked: () => number }
type Ports = { readonly clock: { readonly now: () => number } }

/** Counts requests; `status` is that of each response. */
function counting(body: object, status = 200) {
  let count = 0
  const outbound: Outbound = async () => {
    count += 1
    return {
      ok: true,
      status,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }
  }
  return { outbound, asked: () => count }
}

const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
}

/** Callers of other servers that remember the response or the failure. */
const memories: Readonly<Record<string, (ports: Ports) => Asking>> = {
  'keys of a client'({ clock }) {
    const { outbound, asked } = counting({ keys: [] })
    const find = createClientKeyFinder({ outbound, clock, log })
    return { ask: async () => find({ client_id: 'web', jwks_uri: `${issuer}/jwks` } as Client), asked }
  },
  'keys of a client that could not be fetched'({ clock }) {
    const { outbound, asked } = counting({}, 500)
    const find = createClientKeyFinder({ outbound, clock, log })
    return { ask: async () => find({ client_id: 'web', jwks_uri: `${issuer}/jwks` } as Client), asked }
  },
  'the metadata of a workload issuer'({ clock }) {
    const { outbound, asked } = counting(metadata)
    const find = createIssuerKeysUriFinder({ outbound, clock, log })
    return { ask: () => find(issuer), asked }
  },
  'the metadata of a provider'({ clock }) {
    const { outbound, asked } = counting(metadata)
    const discover = createDiscovery({ algorithms: ['RS256'], outbound, clock })
    const upstream = { issuer, client_id: 'tessera', scope: ['openid'], acr_mapping: {} }
    return { ask: () => discover({ name: 'corp', upstream } as never), asked }
  },
  'a provider that fails'({ clock }) {
    const { outbound, asked } = counting({}, 500)
    const discover = createDiscovery({ algorithms: ['RS256'], outbound, clock })
    const upstream = { issuer, client_id: 'tessera', scope: ['openid'], acr_mapping: {} }
    return { ask: () => discover({ name: 'corp', upstream } as never).catch(() => {}), asked }
  },
  'keys of a provider, which are fetched twice a minute'({ clock }) {
    let count = 0
    const fetch = async () => Response.json({ keys: [], count: ++count })
    const keys = createProviderKeys(fetch, clock)
    const options = { method: 'GET', headers: {}, body: undefined, redirect: 'manual' } as const
    return { ask: () => keys.fetch(`${issuer}/jwks`, options), asked: () => count }
  },
  'a host of client documents that fails'({ clock }) {
    let count = 0
    const backOff = createBackOff(clock)
    return {
      async ask() {
        if (backOff.waitFor('host') > 0) return
        count += 1
        backOff.failed('host')
      },
      asked: () => count,
    }
  },
}

for (const [name, create] of Object.entries(memories))
  test(`clock set back: ${name}: others are asked again as if it had not been ahead`, async () => {
    let now = 1_790_000_000 + 35 * day
    const { ask, asked } = create({ clock: { now: () => now } })
    for (let times = 0; times < 20; times++) await ask()
    const before = asked()
    assert.ok(before > 0 && before < 20, 'it remembers nothing')
    now -= 35 * day
    await ask()
    assert.equal(asked(), before + 1)
  })

test('clock set back: a correction shorter than the span forgets nothing', () => {
  assert.equal(isRecent(100, 10, 91), true)
  assert.equal(isRecent(100, 10, 90), false)
  assert.equal(isRecent(100, 10, 109), true)
  assert.equal(isRecent(100, 10, 110), false)
})

test('clock set back: a sign-in while it was ahead is not recent when it is right', async () => {
  const time = createTime()
  const machine = time.machine(35 * day)
  const server = await createTestServer(accountsWorld(), {
    machine,
    tenantStores: createMemoryTenantStores(),
  })
  await addUser(server)
  const browser = createBrowser(server)
  await signIn(browser, '/account', doraSignsIn)
  assert.equal((await browser.visit('/account/email')).target, '/account/email')
  machine.skew = 0
  assert.equal((await browser.visit('/account')).target, '/account', 'the session lives')
  assert.ok((await browser.visit('/account/email')).target.startsWith('/login'))
  await server.close()
})

test('clock set back: max_age asks for a sign-in that no clock ahead dated', async () => {
  const time = createTime()
  const machine = time.machine(35 * day)
  const server = await createTestServer(pagesWorld, { machine, tenantStores: createMemoryTenantStores() })
  const browser = createBrowser(server)
  await signIn(browser, authorizePath({ scope: 'openid' }))
  machine.skew = 0
  const answerTo = async (changes: object) =>
    answerOf(await browser.visit(authorizePath({ scope: 'openid', prompt: 'none', ...changes })))
  assert.ok((await answerTo({})).has('code'), 'the session lives')
  assert.equal((await answerTo({ max_age: '3600' })).get('error'), 'login_required')
  await server.close()
})

test('clock set back: a signing key whose time is years ahead is reported, and a rotation replaces it', async () => {
  const clock = createClock()
  const warned: string[] = []
  const log = { ...silentLog, warn: (event: string) => void warned.push(event) }
  const ring = await openRing({ keys: createMemoryTenantStores().main.keys, clock, log })
  clock.advance(80 * day)
  await ring.refresh()
  clock.advance(3650 * day)
  await ring.refresh()
  clock.advance(-3650 * day)
  assert.deepEqual(warned, [])
  await ring.refresh()
  await ring.refresh()
  assert.deepEqual(warned, ['key_far_ahead'])
  await ring.rotate({ now: false })
  const latest = () => Math.max(...ring.list().map(({ active_from }) => active_from))
  assert.equal(latest(), clock.now() + 14 * day)
  clock.advance(91 * day)
  await ring.refresh()
  assert.equal(latest(), clock.now() + 14 * day)
  ring.stop()
})

test('clock set back: the log says until when a revocation of everything applies', async () => {
  const server = await createTestServer(pagesWorld)
  await server.revokeTenant('acme')
  await server.revokeClient('web')
  const until = server.clock.now() + 1
  assert.deepEqual(
    server.logged
      .filter(({ event }) => event.endsWith('_access_revoked'))
      .map(({ event, until }) => [event, until]),
    [
      ['tenant_access_revoked', until],
      ['client_access_revoked', until],
    ],
  )
})
