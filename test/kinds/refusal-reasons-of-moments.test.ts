/** Reasons of refusals that need a full queue, a slow hook, or two concurrent requests. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hash as argon2id } from '@node-rs/argon2'
import type { Outbound } from '../../packages/server/src/outbound/outbound.ts'
import { accountsWorld } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { redirectUri } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { bearer, manage, register } from '../support/registering.ts'
import { openTenantStores } from '../support/storage.ts'
import { type Answer, basic, createTestServer, type TestServer } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { secret, withClients, world } from '../support/world.ts'

const cheap = { memoryCost: 1024, timeCost: 1, parallelism: 1 }
const slowSecrets = [{ argon2id: await argon2id('slow', cheap) }]
const withSlowSecrets = {
  ...withClients({
    client_id: 'machine',
    client_secrets: slowSecrets,
    grant_types: ['client_credentials'],
    scope: 'api1',
  } as never),
  api_resources: world.api_resources.map(api => ({ ...api, api_secrets: slowSecrets })),
  registration: { mode: 'initial_access_token', initial_access_tokens: slowSecrets },
}

const slowSecretAt: Readonly<Record<string, (server: TestServer) => Promise<Answer>>> = {
  token: server => server.token({ grant_type: 'client_credentials' }, { client: ['machine', 'wrong'] }),
  introspect: server =>
    server.send('POST', '/connect/introspect', {
      form: { token: 'x' },
      headers: basic('urn:api', 'wrong'),
    }),
  register: server => register(server, { redirect_uris: [redirectUri] }, bearer('wrong')),
}

for (const [place, ask] of Object.entries(slowSecretAt))
  test(`refused: client_secret_queue_full at /connect/${place} while many secrets wait to be hashed`, async () => {
    const server = await createTestServer(withSlowSecrets)
    const answers = await Promise.all(Array.from({ length: 300 }, () => ask(server)))
    const busy = answers.filter(({ status }) => status === 503)
    assert.ok(busy.length > 0, 'the queue took them all')
    for (const answer of busy)
      assertRefused(answer, 'temporarily_unavailable', [
        'client_secret_queue_full',
        // How often one network may register.
        ...(place === 'register' ? ['registrations_too_often'] : []),
      ])
    assert.ok(busy.some(({ reason }) => reason === 'client_secret_queue_full'))
  })

/** Addresses that do not respond until they are released. */
function openSilence() {
  const waiting: (() => void)[] = []
  const outbound: Outbound = () =>
    new Promise(done => waiting.push(() => done({ ok: false, reason: 'outbound_timeout' })))
  return {
    outbound,
    letGo: async (count: number) => {
      await until(`${count} requests to wait`, () => waiting.length === count)
      for (const done of waiting.splice(0)) done()
    },
  }
}

test('refused: sector_identifiers_too_many_waiting for one host, while another still has free slots', async () => {
  const { outbound, letGo } = openSilence()
  const registration = { mode: 'open', max_requests_per_hour: 1000 }
  const server = await createTestServer({ ...world, registration }, { outbound })
  const registering = (host: string) =>
    register(server, {
      subject_type: 'pairwise',
      redirect_uris: ['https://one.example/cb', 'https://two.example/cb'],
      sector_identifier_uri: `https://${host}/sector`,
    })
  const waiting = Array.from({ length: 5 }, () => registering('slow.example'))
  assertRefused(
    await registering('slow.example'),
    'temporarily_unavailable',
    'sector_identifiers_too_many_waiting',
  )
  const other = registering('other.example')
  await letGo(6)
  for (const one of await Promise.all([...waiting, other]))
    assertRefused(one, 'invalid_client_metadata', 'sector_identifier_not_fetched')
  const again = registering('slow.example')
  await letGo(1)
  assertRefused(await again, 'invalid_client_metadata', 'sector_identifier_not_fetched')
})

test('refused: user_codes_exhausted after five user codes that are in use [RFC 8628 §6.1]', async () => {
  const tenantStores = await openTenantStores()
  const hashes: string[] = []
  const devices = {
    ...tenantStores.main.devices,
    issue: async ({ user_code_hash }: { readonly user_code_hash: string }) => {
      hashes.push(user_code_hash)
      return false
    },
  }
  const main = { ...tenantStores.main, devices }
  const server = await createTestServer(world, { tenantStores: { ...tenantStores, main } })
  const answer = await server.send('POST', '/connect/deviceauthorization', {
    form: { client_id: 'device', scope: 'api1' },
  })
  assertRefused(answer, 'temporarily_unavailable', 'user_codes_exhausted')
  assert.equal(answer.status, 503)
  assert.equal(new Set(hashes).size, 5)
})

test('refused: registration_token_replaced for the second of two concurrent updates [RFC 7592 §2.2]', async () => {
  const server = await createTestServer({ ...world, registration: { mode: 'open' } })
  const { json } = await register(server, { redirect_uris: [redirectUri], client_name: 'Before' })
  const answers = await Promise.all(
    ['One', 'Two'].map(client_name =>
      manage(server, 'PUT', json, {
        client_id: json.client_id,
        redirect_uris: [redirectUri],
        client_name,
      }),
    ),
  )
  const [won, lost] = answers.toSorted((one, other) => one.status - other.status)
  assert.ok(won && lost)
  assert.equal(won.status, 200, won.body)
  assertRefused(lost, 'invalid_token', 'registration_token_replaced')
  const read = await manage(server, 'GET', won.json)
  assert.equal(read.json.client_name, won.json.client_name)
})

const gone: Readonly<Record<string, (server: TestServer) => unknown>> = {
  'expired and was removed': async server => {
    server.clock.advance(300)
    await server.stores.cleanUp(server.clock.now())
  },
  'is of a disabled client': server =>
    server.reconfigure({
      ...accountsWorld(),
      clients: accountsWorld().clients.map(client =>
        client.client_id === 'tv' ? { ...client, enabled: false } : client,
      ),
    }),
}
for (const [what, happen] of Object.entries(gone))
  test(`refused: device_authorization_gone if a user signs up for a device that ${what} [RFC 8628 §3.3]`, async () => {
    const server = await createTestServer(accountsWorld())
    const browser = createBrowser(server)
    const form = { client_id: 'tv' }
    const { json } = await server.send('POST', '/connect/deviceauthorization', { form })
    const login = await browser.submit(await browser.visit('/device'), { user_code: json.user_code })
    assert.ok(login.target.startsWith('/login?'), login.target)
    const path = login.target.replace('/login?', '/register?')
    assert.equal((await browser.visit(path)).status, 200)
    await happen(server)
    assert.equal((await browser.visit(path)).status, 400)
    assert.equal(server.reason(), 'device_authorization_gone')
  })

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
test('refused: extension_subject_token_expired if the token expires while a hook runs [RFC 8693 §2.1]', async () => {
  let takes = 0
  const profile = {
    claims: async () => {
      server.clock.advance(takes)
      return {}
    },
  }
  const server = await createTestServer({ ...world, profile })
  const { json } = await server.token(
    { grant_type: 'password', username: 'bob', password: 'bob', scope: 'api1' },
    { client: ['roclient', secret] },
  )
  const exchanging = () =>
    server.token(
      {
        grant_type: exchange,
        subject_token: json.access_token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      },
      { client: ['exchanger', secret] },
    )
  takes = 3599
  const last = await exchanging()
  assert.equal(last.status, 200, last.body)
  assert.equal(last.json.expires_in, 1)
  server.clock.advance(-3599)
  takes = 3600
  assertRefused(await exchanging(), 'invalid_grant', 'extension_subject_token_expired')
})

test('refused: token_without_user if a client’s own token has the scope openid [OpenID Connect Core 1.0 §5.3]', async () => {
  const grantType = 'urn:example:machine'
  const decide = () => ({ ok: true, scope: ['openid'] }) as const
  const server = await createTestServer({
    ...withClients({
      client_id: 'custom',
      client_secrets: [{ value: secret }],
      grant_types: [grantType],
      scope: 'openid api1',
    } as never),
    grants: [{ grantType, parameters: {}, decide }],
  })
  const { json } = await server.token({ grant_type: grantType }, { client: ['custom', secret] })
  assert.equal(json.scope, 'openid')
  const answer = await server.send('GET', '/connect/userinfo', { headers: bearer(json.access_token) })
  assert.equal(answer.status, 401)
  assert.equal(answer.reason, 'token_without_user')
})
