/** Faults: lost, late, failing and broken responses, as a client sees them. */

import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import * as client from 'openid-client'
import { startTestServer, type TestServer } from '../../packages/server/src/testing.ts'
import { until } from '../support/until.ts'
import { discover } from './application.ts'

describe('testing', () => {
  let idp: TestServer
  let configuration: client.Configuration
  before(async () => {
    idp = await startTestServer()
    configuration = await discover(idp)
  })
  beforeEach(() => idp.reset())
  after(() => idp.close())

  const token = () => client.clientCredentialsGrant(configuration, { scope: 'api' })
  const tokenUrl = () => `${idp.issuer}/connect/token`
  const post = (init: RequestInit = {}) =>
    fetch(tokenUrl(), {
      method: 'POST',
      headers: { authorization: `Basic ${btoa('test-client:test-secret')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'api' }),
      ...init,
    })

  test('faults: a lost response has its effect, and a retried refresh gets the same tokens', async () => {
    const { refresh_token: first } = await idp.tokens({ user: 'alice' })
    idp.faults.loseResponse('token')
    await assert.rejects(client.refreshTokenGrant(configuration, first!), { message: 'fetch failed' })
    const retried = await client.refreshTokenGrant(configuration, first!)
    const next = await client.refreshTokenGrant(configuration, retried.refresh_token!)
    assert.ok(next.access_token)
    assert.deepEqual(
      idp.requests.map(({ endpoint, status }) => [endpoint, status]),
      [
        ['token', undefined],
        ['token', 200],
        ['token', 200],
      ],
    )
    assert.equal(idp.log.filter(({ event }) => event === 'tokens_issued').length, 3)
  })

  test('faults: a connection is reset before the request has an effect', async () => {
    const { refresh_token } = await idp.tokens({ user: 'alice' })
    idp.faults.fail('token', 'reset')
    await assert.rejects(client.refreshTokenGrant(configuration, refresh_token!), (error: any) => {
      assert.equal(error.cause?.code, 'ECONNRESET')
      return true
    })
    assert.equal(idp.log.filter(({ event }) => event === 'tokens_issued').length, 0)
  })

  test('faults: a status is responded with, with the usual headers and error', async () => {
    for (const [status, error, later] of [
      [503, 'temporarily_unavailable', '1'],
      [429, 'temporarily_unavailable', '1'],
      [500, 'server_error', null],
      [400, 'invalid_request', null],
    ] as const) {
      idp.faults.fail('token', status)
      const response = await post()
      assert.equal(response.status, status)
      assert.equal(response.headers.get('retry-after'), later)
      assert.deepEqual(await response.json(), { error })
    }
    assert.equal((await post()).status, 200)
  })

  test('faults: a whole response is given, and a body that is not JSON', async () => {
    idp.faults.fail('token', { status: 400, headers: { 'x-own': '1' }, body: { error: 'invalid_grant' } })
    await assert.rejects(token(), { error: 'invalid_grant' })
    idp.faults.fail('token', { status: 502, body: '<html>Bad gateway</html>' })
    await assert.rejects(token(), (error: any) => error.cause?.status === 502 || error.code !== undefined)
    idp.faults.fail('token', 'invalid_json')
    const response = await post()
    assert.equal(response.status, 200)
    await assert.rejects(response.json(), SyntaxError)
  })

  test('faults: a slow response reaches a patient client, and an impatient one gives up', async () => {
    idp.faults.delay('token', 50)
    assert.equal((await post()).status, 200)
    idp.faults.delay('token', 60_000)
    await assert.rejects(post({ signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' })
    // Nobody waits for the rest of the delay.
    assert.equal((await post()).status, 200)
  })

  test('faults: a delay does not keep the process running after its client gave up', async () => {
    const timers = () => process.getActiveResourcesInfo().filter(resource => resource === 'Timeout').length
    const before = timers()
    idp.faults.delay('token', 60_000)
    const recorded = idp.requests.length
    await assert.rejects(post({ signal: AbortSignal.timeout(50) }), { name: 'TimeoutError' })
    await until('the request', () => idp.requests.length > recorded)
    await until('no timer of the delay', () => timers() <= before)
  })

  test('faults: they apply to as many requests as they name, one after the other', async () => {
    idp.faults.fail('token', 503, { times: 2 })
    idp.faults.fail('token', 500)
    const statuses = []
    for (let left = 4; left > 0; left--) statuses.push((await post()).status)
    assert.deepEqual(statuses, [503, 503, 500, 200])
  })

  test('faults: an endless one ends with clear, and with reset', async () => {
    for (const end of [async () => idp.faults.clear(), () => idp.reset()]) {
      idp.faults.fail('*', 503, { times: Number.POSITIVE_INFINITY })
      assert.equal((await post()).status, 503)
      assert.equal((await fetch(`${idp.issuer}/healthz`)).status, 503)
      await end()
      assert.equal((await post()).status, 200)
    }
  })

  test('faults: a delay and a lost response are combined, and other endpoints are not affected', async () => {
    idp.faults.delay('token', 20)
    idp.faults.loseResponse('/connect/token')
    assert.equal((await fetch(`${idp.issuer}/.well-known/openid-configuration`)).status, 200)
    await assert.rejects(post())
    assert.equal((await post()).status, 200)
  })

  test('faults: the discovery document and the keys fail too', async () => {
    idp.faults.fail('discovery', 503)
    await assert.rejects(discover(idp))
    idp.faults.fail('jwks', 'reset')
    await assert.rejects(fetch(`${idp.issuer}/.well-known/openid-configuration/jwks`))
    await discover(idp)
  })

  test('faults: an unknown endpoint, a status and a number that make no sense are refused', () => {
    const { faults } = idp
    assert.throws(() => faults.fail('tokens' as any, 503), /"tokens" is neither a path nor one of .*token/)
    for (const status of [199, 600, 200.5, 999])
      assert.throws(
        () => faults.fail('token', status),
        new RegExp(`: ${status} is not the status of a response`),
      )
    assert.throws(() => faults.fail('token', 503, { times: 0 }), /times is 0/)
    assert.throws(() => faults.delay('token', -1), /not a duration/)
  })

  test('faults: every status of a response is possible', async () => {
    for (const status of [200, 599]) {
      idp.faults.fail('token', { status, body: {} })
      assert.equal((await post()).status, status)
    }
  })

  test('requests: they are recorded with query and form, also those that fail', async () => {
    await token()
    idp.faults.fail('token', 500)
    await post()
    await fetch(`${idp.issuer}/connect/authorize?client_id=test-client&x=1`, { redirect: 'manual' })
    const [first, second, third] = idp.requests
    assert.equal(first?.form.get('grant_type'), 'client_credentials')
    assert.equal(first?.endpoint, 'token')
    assert.equal(first?.form.get('client_secret'), 'test-secret')
    assert.match(second?.headers.authorization ?? '', /^Basic /)
    assert.deepEqual([first?.status, second?.status], [200, 500])
    assert.equal(third?.endpoint, 'authorize')
    assert.equal(third?.query.get('x'), '1')
    assert.deepEqual(
      Object.keys(first?.headers ?? {}).filter(name => name.includes('tessera')),
      [],
    )
  })
})
