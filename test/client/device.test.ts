import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createClient,
  type DeviceAuthorization,
  type DeviceProgress,
  type Fetch,
  pollDeviceToken,
  startDeviceAuthorization,
  unwrap,
} from '@tessera/client'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { approveDevice } from '../support/issue-code.ts'
import { claimsOf } from '../support/tessera.ts'
import { world } from '../support/world.ts'
import { createFaultyNetwork, type Fault } from './faulty-network.ts'
import { startTessera } from './servers.ts'

/** A device at Tessera that is waiting for its user. Its waits advance the clock of the server. */
async function startDevice(fetched?: (fetch: Fetch) => Fetch) {
  const started = await startTessera(world)
  const { server, issuer } = started
  const faulty = createFaultyNetwork(fetched?.(started.fetch) ?? started.fetch)
  const client = createClient({ issuer, client_id: 'device', fetch: faulty.fetch, now: server.clock.now })
  const device = unwrap(await startDeviceAuthorization(client, { scope: 'api1 offline_access' }))
  const found = await server.stores.devices.find(hashHandle(device.device_code))
  const userCode = found!.device.user_code_hash as never
  const reports: DeviceProgress[] = []
  const waits: number[] = []
  /** Polls; before the wait with this number, the user acts. */
  const poll = (actions: Readonly<Record<number, () => unknown>> = {}, signal?: AbortSignal) =>
    pollDeviceToken(client, device, {
      progress: report => void reports.push(report),
      async sleep(seconds) {
        await actions[waits.length]?.()
        waits.push(seconds)
        server.clock.advance(seconds)
      },
      signal,
    })
  return {
    ...started,
    client,
    device,
    fail: (...moments: Fault[]) => faulty.next.push(...moments),
    approve: (scope: readonly string[] = ['api1', 'offline_access']) =>
      approveDevice(server, userCode, { scope }),
    deny: () => server.stores.devices.deny(userCode, server.clock.now()),
    poll,
    reports,
    waits,
  }
}

test('device: the codes are plain JSON with the time at which they expire [RFC 8628 §3.2]', async () => {
  const { device, issuer, server } = await startDevice()
  assert.equal(device.verification_uri, `${issuer}/device`)
  assert.equal(device.verification_uri_complete, `${issuer}/device?user_code=${device.user_code}`)
  assert.equal(device.expires_at, server.clock.now() + 300)
  assert.equal(device.interval, 5)
  assert.deepEqual(JSON.parse(JSON.stringify(device)), device)
})

test('device: waits the interval before each request, and returns tokens when the user approves', async () => {
  const { poll, approve, waits, reports, server } = await startDevice()
  const tokens = unwrap(await poll({ 2: () => approve() }))
  assert.equal(claimsOf(tokens.access_token).scope, 'api1 offline_access')
  assert.ok(tokens.refresh_token)
  assert.deepEqual(waits, [5, 5, 5])
  assert.deepEqual(
    reports.map(({ state }) => state),
    ['pending', 'pending', 'pending'],
  )
  assert.equal(server.logged.filter(({ reason }) => reason === 'device_pending').length, 2)
})

test('device: an ID token is validated [OpenID Connect Core 1.0 §3.1.3.7]', async () => {
  const { poll, approve } = await startDevice()
  const tokens = unwrap(await poll({ 0: () => approve(['openid']) }))
  assert.equal(tokens.claims?.sub, '88421113')

  const { poll: pollOther, approve: approveOther } = await startDevice(fetch => async (url, init) => {
    const response = await fetch(url, init)
    return url.includes('jwks') ? Response.json({ keys: [] }) : response
  })
  const refused = await pollOther({ 0: () => approveOther(['openid']) })
  assert.ok(!refused.ok)
  assert.equal(refused.error.code, 'key_not_found')
})

test('device: the server’s word ends the polling when the user refuses', async () => {
  const { poll, deny, waits, server } = await startDevice()
  const tokens = await poll({ 1: deny })
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.kind, 'response')
  assert.equal(tokens.error.code, 'access_denied')
  assert.equal(server.reason(), 'device_denied')
  assert.equal(waits.length, 2)
})

test('device: nothing is sent after expires_in', async () => {
  const { poll, waits, sent, server, device } = await startDevice()
  const tokens = await poll()
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'expired_token')
  assert.equal(server.clock.now(), device.expires_at)
  assert.equal(server.reason(), 'device_pending')
  assert.equal(sent.filter(({ url }) => url.endsWith('/connect/token')).length, waits.length - 1)
})

test('device: the server’s own expired_token is an error', async () => {
  const { client, device, server } = await startDevice()
  const tokens = await pollDeviceToken(
    client,
    { ...device, expires_at: device.expires_at + 100 },
    { sleep: async () => server.clock.advance(300) },
  )
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'expired_token')
  assert.equal(server.reason(), 'device_code_expired')
})

/** A token endpoint that responds to each poll with the next of these. */
const scripted = (responses: readonly (Response | Error)[]) => {
  const left = [...responses]
  return (fetch: Fetch): Fetch =>
    async (url, init) => {
      if (!url.endsWith('/connect/token')) return fetch(url, init)
      const next = left.shift()
      if (next instanceof Response) return next
      throw next ?? new TypeError('no more responses')
    }
}
const refusal = (error: string): Response => Response.json({ error }, { status: 400 })
const success = (): Response => Response.json({ access_token: 'a', token_type: 'bearer' })

test('device: each slow_down adds 5 seconds to this and all later waits [RFC 8628 §3.5]', async () => {
  const { poll, waits, reports } = await startDevice(
    scripted([
      refusal('slow_down'),
      refusal('authorization_pending'),
      refusal('slow_down'),
      refusal('authorization_pending'),
      success(),
    ]),
  )
  assert.ok((await poll()).ok)
  assert.deepEqual(waits, [5, 10, 10, 15, 15])
  assert.deepEqual(
    reports.map(({ state }) => state),
    ['pending', 'slow_down', 'pending', 'slow_down', 'pending'],
  )
})

test('device: a device that polls as it should never hears slow_down from Tessera', async () => {
  const { poll, server } = await startDevice()
  await poll()
  assert.equal(server.logged.filter(({ reason }) => reason === 'device_polled_too_fast').length, 0)
})

test('device: failures double the wait up to a minute, and a response ends that [RFC 8628 §3.5]', async () => {
  const failure = new TypeError('fetch failed')
  const { poll, waits, reports } = await startDevice(
    scripted([
      ...[failure, failure, failure, failure, failure],
      refusal('authorization_pending'),
      new Response('', { status: 503, headers: { 'retry-after': '40' } }),
      Response.json({ error: 'temporarily_unavailable' }, { status: 429 }),
      success(),
    ]),
  )
  assert.ok((await poll()).ok)
  assert.deepEqual(waits, [5, 7.5, 20, 40, 60, 60, 5, 40, 20])
  assert.deepEqual(
    reports.map(({ state, error }) => [state, error?.code]),
    [
      ['pending', undefined],
      ...Array.from({ length: 5 }, () => ['unreachable', 'network_error']),
      ['pending', undefined],
      ['unreachable', 'http_503'],
      ['unreachable', 'temporarily_unavailable'],
    ],
  )
})

test('device: a request that times out is repeated after a longer wait', async () => {
  const { server, issuer, fetch } = await startTessera(world)
  let polls = 0
  const client = createClient({
    issuer,
    client_id: 'device',
    timeout: 0.5,
    now: server.clock.now,
    fetch: (url, init) => {
      if (!url.endsWith('/connect/token')) return fetch(url, init)
      if (++polls > 1) return Promise.resolve(success())
      return new Promise((_, reject) =>
        init.signal?.addEventListener('abort', () => reject(init.signal?.reason)),
      )
    },
  })
  const codes = { device_code: 'd', interval: 5, expires_at: server.clock.now() + 300 }
  const reports: DeviceProgress[] = []
  const tokens = await pollDeviceToken(client, codes, {
    progress: report => void reports.push(report),
    sleep: async seconds => server.clock.advance(seconds),
  })
  assert.ok(tokens.ok)
  assert.deepEqual(
    reports.map(({ state, wait, error }) => [state, wait, error?.code]),
    [
      ['pending', 5, undefined],
      ['unreachable', 7.5, 'timeout'],
    ],
  )
})

test('device: backoff leaves one request before the codes expire', async () => {
  const failure = new TypeError('fetch failed')
  const { poll, device, server } = await startDevice(
    scripted([...Array.from({ length: 7 }, () => failure), success()]),
  )
  assert.ok((await poll()).ok)
  assert.equal(server.clock.now(), device.expires_at - 1)
})

for (const moment of ['before', 'within', 'after'] as const)
  test(`device: a fault ${moment} the exchange while the user decides changes nothing`, async () => {
    const { poll, approve, fail } = await startDevice()
    fail(moment, moment)
    assert.ok((await poll({ 3: () => approve() })).ok)
  })

test('device: if the response with the tokens is lost, the next poll gets it again', async () => {
  for (const moment of ['within', 'after', 'proxy'] as const) {
    const { poll, approve, fail, server } = await startDevice()
    fail(moment)
    const tokens = unwrap(await poll({ 0: () => approve() }))
    const form = {
      grant_type: 'refresh_token',
      client_id: 'device',
      refresh_token: `${tokens.refresh_token}`,
    }
    assert.equal((await server.token(form)).status, 200)
  }
})

test('device: if the lost response contained no refresh token, the device learns that it must start again', async () => {
  for (const moment of ['within', 'after'] as const) {
    const { poll, approve, fail, server } = await startDevice()
    fail(moment)
    const tokens = await poll({ 0: () => approve(['api1']) })
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.kind, 'network')
    assert.equal(tokens.error.code, 'device_response_lost')
    assert.equal(tokens.error.mayHaveSucceeded, true)
    assert.equal(server.reason(), 'device_code_used')
  }
})

test('device: invalid_grant without a lost response stays invalid_grant', async () => {
  const { client, server } = await startDevice()
  const codes = { device_code: 'unknown', interval: 5, expires_at: server.clock.now() + 300 }
  const tokens = await pollDeviceToken(client, codes, { sleep: async () => {} })
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'invalid_grant')
  assert.equal(server.reason(), 'device_code_unknown')
})

test('device: a response that was lost before the user decided contained no tokens', async () => {
  const { poll, approve, fail, server, device } = await startDevice()
  fail('after')
  const { device_code } = device
  const tokens = await poll({
    async 2() {
      await approve(['api1'])
      const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
      await server.token({ grant_type, client_id: 'device', device_code })
    },
  })
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'invalid_grant')
  assert.equal(server.reason(), 'device_code_used')
  assert.equal(tokens.error.mayHaveSucceeded, false)
})

test('device: nothing is sent after the signal has ended a wait, not even for metadata', async () => {
  const stop = new AbortController()
  const client = createClient({
    issuer: 'https://id.example',
    client_id: 'device',
    fetch: () => assert.fail('a request was sent'),
  })
  const codes = { device_code: 'd', interval: 5, expires_at: Date.now() / 1000 + 300 }
  const tokens = await pollDeviceToken(client, codes, {
    signal: stop.signal,
    sleep: async () => stop.abort(),
  })
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.kind, 'aborted')
  assert.equal(tokens.error.mayHaveSucceeded, false)
})

test('device: the signal ends a wait and a request', async () => {
  const { client, device, sent } = await startDevice()
  const stop = new AbortController()
  const before = sent.length
  // The default sleep: its timer would run for 5 s.
  const waiting = pollDeviceToken(client, device, { signal: stop.signal, progress: () => stop.abort() })
  const tokens = await waiting
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.kind, 'aborted')
  assert.equal(sent.length, before)

  const during = new AbortController()
  const hanging = createClient({
    issuer: client.issuer,
    client_id: 'device',
    fetch: (_, init) =>
      new Promise((_, reject) => {
        init.signal?.addEventListener('abort', () => reject(init.signal?.reason))
        during.abort()
      }),
  })
  const aborted = await pollDeviceToken(hanging, device, { signal: during.signal, sleep: async () => {} })
  assert.ok(!aborted.ok)
  assert.equal(aborted.error.kind, 'aborted')
  assert.equal(aborted.error.mayHaveSucceeded, true)
})

test('device: an interval of 0 does not become a busy loop', async () => {
  const { client, device, server } = await startDevice(
    scripted([refusal('authorization_pending'), success()]),
  )
  const waits: number[] = []
  await pollDeviceToken(
    client,
    { ...device, interval: 0 },
    {
      async sleep(seconds) {
        waits.push(seconds)
        server.clock.advance(seconds)
      },
    },
  )
  assert.deepEqual(waits, [1, 1])
})

const codes = {
  device_code: 'd',
  user_code: 'u',
  verification_uri: 'https://id.example/device',
  expires_in: 300,
}
const startWith = async (response: object) => {
  const { issuer, fetch } = await startTessera(world)
  const client = createClient({
    issuer,
    client_id: 'device',
    fetch: (url, init) =>
      url.endsWith('/deviceauthorization') ? Promise.resolve(Response.json(response)) : fetch(url, init),
  })
  return startDeviceAuthorization(client)
}

test('device: a server that names no interval means 5 seconds [RFC 8628 §3.2]', async () => {
  const device: DeviceAuthorization = unwrap(await startWith(codes))
  assert.equal(device.interval, 5)
})

for (const [what, change, code] of [
  ['without a device code', { device_code: undefined }, 'invalid_response'],
  ['with an empty user code', { user_code: '' }, 'invalid_response'],
  ['without a verification URI', { verification_uri: 7 }, 'invalid_response'],
  ['without a lifetime', { expires_in: undefined }, 'invalid_response'],
  ['with a lifetime that is no number', { expires_in: 'soon' }, 'invalid_response'],
  ['with an interval that is no number', { interval: -1 }, 'invalid_response'],
  // A program may open it.
  ['with a script for a URI', { verification_uri: 'javascript:alert(1)' }, 'verification_uri_not_allowed'],
  [
    'with a plain http URI',
    { verification_uri_complete: 'http://x.example/' },
    'verification_uri_not_allowed',
  ],
] as const)
  test(`device: a response ${what} is refused [RFC 8628 §3.2]`, async () => {
    const device = await startWith({ ...codes, ...change })
    assert.ok(!device.ok)
    assert.equal(device.error.code, code)
  })

test('device: a client without the grant gets the server’s refusal', async () => {
  const { issuer, fetch, server } = await startTessera(world)
  const client = createClient({ issuer, client_id: 'web', fetch })
  const device = await startDeviceAuthorization(client)
  assert.ok(!device.ok)
  assert.equal(device.error.code, 'invalid_client')
  assert.equal(server.reason(), 'client_secret_missing')
})

test('device: a server without the endpoint is unsupported, and nothing is sent', async () => {
  const client = createClient({
    issuer: 'https://id.example',
    client_id: 'device',
    metadata: { issuer: 'https://id.example' },
    fetch: () => assert.fail('a request was sent'),
  })
  const device = await startDeviceAuthorization(client)
  assert.ok(!device.ok)
  assert.equal(device.error.kind, 'unsupported')
  assert.equal(device.error.code, 'endpoint_missing')
})
