import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashHandle } from '../../packages/server/src/model/handle.ts'
import { approveDevice } from '../support/issue-code.ts'
import { assertRefused } from '../support/refused.ts'
import { type Answer, claimsOf, createTestServer, type TestServer } from '../support/tessera.ts'
import { secret, withClients, world } from '../support/world.ts'

const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'

const poll = (server: TestServer, device_code: string, more: Record<string, string> = {}): Promise<Answer> =>
  server.token({ grant_type, client_id: 'device', device_code, ...more })

async function start(
  server: TestServer,
  client_id = 'device',
): Promise<{ device_code: string; userCode: never }> {
  const { json } = await server.send('POST', '/connect/deviceauthorization', { form: { client_id } })
  const found = await server.stores.devices.find(hashHandle(json.device_code))
  return { device_code: json.device_code, userCode: found!.device.user_code_hash as never }
}

test('device: pending until the user decides, then tokens [token-device-009] [RFC 8628 §3.5]', async () => {
  const server = await createTestServer(world)
  const { device_code, userCode } = await start(server)
  const pending = await poll(server, device_code)
  assert.equal(pending.status, 400)
  assert.equal(pending.json.error, 'authorization_pending')
  await approveDevice(server, userCode, { scope: ['api1', 'offline_access', 'openid'] })
  server.clock.advance(5)
  const { status, json } = await poll(server, device_code)
  assert.equal(status, 200)
  assert.equal(claimsOf(json.id_token).sub, '88421113')
  assert.ok(json.refresh_token)
  server.clock.advance(11)
  assertRefused(await poll(server, device_code), 'invalid_grant', 'device_code_used')
})

const errorsOf = async (server: TestServer, device_code: string, waits: readonly number[]) => {
  const errors: string[] = []
  for (const wait of waits) {
    server.clock.advance(wait)
    errors.push((await poll(server, device_code)).json.error)
  }
  return errors
}
const [wait, slow] = ['authorization_pending', 'slow_down']

test('device: the first poll is never too fast; each fast poll adds 5 s [token-device-012] [RFC 8628 §3.5]', async () => {
  const server = await createTestServer(world)
  const { device_code } = await start(server)
  assert.deepEqual(await errorsOf(server, device_code, [0, 4, 5, 1, 5]), [wait, slow, slow, slow, slow])
  assert.equal(server.reason(), 'device_polled_too_fast')
  // After four of them the interval is 25 s, counted from the last poll that was in time.
  assert.deepEqual(await errorsOf(server, device_code, [10, 24, 6]), [wait, slow, wait])
})

test('device: a device that waits 5 s longer after each slow_down succeeds, however many responses are lost [RFC 8628 §3.5]', async () => {
  for (const lost of [0, 1, 5, 20]) {
    const server = await createTestServer(world)
    const { device_code } = await start(server)
    await poll(server, device_code)
    await Promise.all(Array.from({ length: lost }, () => poll(server, device_code)))
    let interval = 5
    const seen: string[] = []
    for (let count = 0; count <= lost + 1; count++) {
      server.clock.advance(interval)
      const { json } = await poll(server, device_code)
      seen.push(json.error)
      if (json.error === wait) break
      interval += 5
    }
    assert.equal(seen.at(-1), wait, `${lost} lost: ${seen}`)
  }
})

test('device: a device that polled too fast learns of approval, denial and expiry immediately [RFC 8628 §3.5]', async () => {
  const server = await createTestServer(world)
  const tooFast = async (): Promise<Awaited<ReturnType<typeof start>>> => {
    const started = await start(server)
    assert.deepEqual(await errorsOf(server, started.device_code, [0, 0, 1, 1]), [wait, slow, slow, slow])
    return started
  }
  const approved = await tooFast()
  await approveDevice(server, approved.userCode, { scope: ['api1'] })
  assert.equal((await poll(server, approved.device_code)).status, 200)
  assertRefused(await poll(server, approved.device_code), 'invalid_grant', 'device_code_used')

  const denied = await tooFast()
  await server.stores.devices.deny(denied.userCode, server.clock.now())
  for (const _ of [1, 2])
    assertRefused(await poll(server, denied.device_code), 'access_denied', 'device_denied')

  const expired = await tooFast()
  server.clock.advance(297)
  assert.deepEqual(await errorsOf(server, expired.device_code, [0, 0]), [wait, slow])
  server.clock.advance(1)
  for (const _ of [1, 2])
    assertRefused(await poll(server, expired.device_code), 'expired_token', 'device_code_expired')
})

test('device: concurrent polls while the user approves return tokens once, and no permanent error', async () => {
  const server = await createTestServer(world)
  const { device_code, userCode } = await start(server)
  await poll(server, device_code)
  const [answers] = await Promise.all([
    Promise.all(Array.from({ length: 20 }, () => poll(server, device_code))),
    approveDevice(server, userCode, { scope: ['api1'] }),
  ])
  const last = await poll(server, device_code)
  assert.equal([...answers, last].filter(({ status }) => status === 200).length, 1)
  for (const answer of [...answers, last])
    if (answer.json.error === slow) assertRefused(answer, slow, 'device_polled_too_fast')
    else if (answer.status !== 200) assertRefused(answer, 'invalid_grant', 'device_code_used')
})

test('device: expired_token after its lifetime [token-device-007]', async () => {
  const server = await createTestServer(world)
  const { device_code } = await start(server)
  server.clock.advance(300)
  assert.equal((await poll(server, device_code)).json.error, 'expired_token')
})

test('device: access_denied if the user refuses', async () => {
  const server = await createTestServer(world)
  const { device_code, userCode } = await start(server)
  await server.stores.devices.deny(userCode, server.clock.now())
  const { status, json } = await poll(server, device_code)
  assert.equal(status, 400)
  assert.equal(json.error, 'access_denied')
})

test('device: an unknown code, one that is too long and one of another client are invalid_grant [token-device-002] [token-device-005] [token-device-006]', async () => {
  const server = await createTestServer(world)
  const { device_code } = await start(server, 'device2')
  for (const [code, reason] of [
    ['unknown', 'device_code_unknown'],
    ['x'.repeat(101), 'parameter_too_long'],
    [device_code, 'device_code_of_another_client'],
  ] as const)
    assertRefused(await poll(server, code), 'invalid_grant', reason)
  assertRefused(await poll(server, ''), 'invalid_request', 'device_code_missing')
})

test('device: a client without the grant is unauthorized_client [token-device-003]', async () => {
  const server = await createTestServer(world)
  const { json } = await server.token({ grant_type, device_code: 'x' }, { client: ['client', secret] })
  assert.equal(json.error, 'unauthorized_client')
})

test('device: a resource limits the tokens of a code that was approved for several APIs, also at refresh [token-device-004] [RFC 8707 §2.2]', async () => {
  const scope = ['api1', 'other_api', 'offline_access']
  const client = { client_id: 'device', scope: scope.join(' ') }
  const server = await createTestServer(withClients(client))
  const approved = async (resources: readonly string[]) => {
    const { device_code, userCode } = await start(server)
    assert.ok(await approveDevice(server, userCode, { scope, resources }))
    return device_code
  }
  const refresh = (refresh_token: string, resource: string) =>
    server.token({ grant_type: 'refresh_token', client_id: 'device', refresh_token, resource })
  const whole = await approved([])
  const audienceOf = ({ json }: Answer) => claimsOf(json.access_token).aud
  assertRefused(await poll(server, whole, { resource: 'urn:nowhere' }), 'invalid_target', 'resource_unknown')
  const narrow = await poll(server, whole, { resource: 'urn:api' })
  assert.deepEqual(audienceOf(narrow), 'urn:api')
  // A retry may name another API, as a refresh may.
  assert.deepEqual(audienceOf(await poll(server, whole, { resource: 'urn:other' })), 'urn:other')
  assert.deepEqual(audienceOf(await refresh(narrow.json.refresh_token, 'urn:other')), 'urn:other')

  const limited = await approved(['urn:api'])
  const outside = await poll(server, limited, { resource: 'urn:other' })
  assertRefused(outside, 'invalid_target', 'resource_not_agreed')
  const answer = await poll(server, limited)
  assert.deepEqual(audienceOf(answer), 'urn:api')
  const refreshed = await refresh(answer.json.refresh_token, 'urn:other')
  assertRefused(refreshed, 'invalid_target', 'resource_not_agreed')
})

test('device: approval without a user stays pending; a disabled user is invalid_grant [token-device-010] [token-device-011]', async () => {
  const server = await createTestServer(world)
  const { device_code, userCode } = await start(server)
  assert.equal((await poll(server, device_code)).json.error, 'authorization_pending')
  await approveDevice(server, userCode, { sub: '2', scope: ['api1'] })
  server.clock.advance(5)
  assertRefused(await poll(server, device_code), 'invalid_grant', 'user_inactive')
})

test('device: a hundred concurrent polls of an approved code return tokens once', async () => {
  const server = await createTestServer(withClients())
  const { device_code, userCode } = await start(server)
  await approveDevice(server, userCode, { scope: ['api1'] })
  const answers = await Promise.all(Array.from({ length: 100 }, () => poll(server, device_code)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  for (const answer of answers)
    if (answer.status !== 200) assertRefused(answer, 'invalid_grant', 'device_code_used')
})
