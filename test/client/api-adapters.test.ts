/** The guard of an API in real frameworks, with Tessera on loopback. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import { createIssuer } from '@tessera/client'
import { type ApiGuardOptions, createApiGuard } from '@tessera/client/api'
import { accessOf } from '@tessera/client/api/express'
import { nodeGuard } from '@tessera/client/api/node'
import { one, two } from '../support/certificates.ts'
import { createTestServer } from '../support/tessera.ts'
import { applications, type Reply, runApi } from './api-apps.ts'
import { configuration, startIssuer } from './api-world.ts'

const resource = 'https://api.example/v1'

/** Tessera as its own HTTP server, so that the guard sends real requests. */
async function listeningTessera() {
  let listener: RequestListener = () => {}
  const http = createServer((request, response) => listener(request, response))
  await once(http.listen(0, '127.0.0.1'), 'listening')
  const url = `http://localhost:${(http.address() as AddressInfo).port}`
  const server = await createTestServer({ ...configuration, issuer: url })
  listener = server.listener
  after(async () => {
    http.closeAllConnections()
    http.close()
    await server.close()
  })
  return { server, url }
}

const { server, url } = await listeningTessera()
const issuer = createIssuer(url, { now: server.clock.now })

async function tokenOf(client_id: string, scope = 'read'): Promise<string> {
  const form = { grant_type: 'client_credentials', scope }
  const { json } = await server.token(form, { client: [client_id, 'secret'], certificate: one })
  return json.access_token
}

const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` })
const metadataUrl = 'https://api.example/.well-known/oauth-protected-resource/v1'
const challenge = ({ headers }: Reply): string | undefined => headers['www-authenticate']

for (const [name, application] of Object.entries(applications)) {
  const start = (options: Partial<ApiGuardOptions> = {}) =>
    runApi(application, createApiGuard(issuer, { audience: 'urn:api', resource, ...options }))

  describe(`API guard in ${name}`, () => {
    test('a request that meets the requirements reaches the handler with its access', async () => {
      const { get } = await start()
      const { status, body } = await get('/orders?page=1', bearer(await tokenOf('machine', 'read write')))
      assert.equal(status, 200)
      const access = { subject: 'machine', client_id: 'machine', scopes: ['read', 'write'] }
      const expected: Readonly<Record<string, object>> = {
        'Next.js route handlers': { ...access, id: '1' },
        'Next.js middleware': { passed: true },
      }
      assert.deepEqual(JSON.parse(body), expected[name] ?? access)
    })

    test('a request without a token gets 401, with the metadata and without an error', async () => {
      const { get } = await start()
      const refused = await get('/orders')
      assert.equal(refused.status, 401)
      assert.equal(challenge(refused), `Bearer scope="read", resource_metadata="${metadataUrl}"`)
      assert.equal(refused.headers['cache-control'], 'no-store')
      assert.equal(refused.headers['content-type'], undefined)
      assert.equal(refused.body, '')
    })

    test('a token with too little scope gets 403 with the scope of the route', async () => {
      const { get } = await start()
      const refused = await get('/admin', bearer(await tokenOf('machine')))
      assert.equal(refused.status, 403)
      assert.equal(
        challenge(refused),
        `Bearer error="insufficient_scope", error_description="the access token lacks a required scope", scope="admin", resource_metadata="${metadataUrl}"`,
      )
      assert.match(`${refused.headers['content-type']}`, /^application\/json/)
      assert.equal(JSON.parse(refused.body).error, 'insufficient_scope')
    })

    test('several Authorization headers get 400, even if one of them is valid', async () => {
      const { get } = await start()
      const token = await tokenOf('machine')
      for (const authorization of [
        [`Bearer ${token}`, 'Bearer other'],
        ['Bearer other', `Bearer ${token}`],
        [`Bearer ${token}`, 'Basic x'],
      ]) {
        const refused = await get('/orders', { authorization })
        assert.equal(refused.status, 400)
        assert.equal(JSON.parse(refused.body).error, 'invalid_request')
        const reason = /several Authorization headers/
        assert.match(`${challenge(refused)}`, reason)
      }
    })

    test('a token in the query gets 400', async () => {
      const { get } = await start()
      const refused = await get(`/orders?access_token=${await tokenOf('machine')}`)
      assert.equal(refused.status, 400)
      assert.match(refused.body, /not in the query/)
    })

    test('a token in the query is accepted if the API says so, and no shared cache stores the response', async t => {
      if (name === 'Next.js middleware') return t.skip('it has no response of the handler')
      const { get } = await start({ bearer_methods_supported: ['query'] })
      const allowed = await get(`/orders?access_token=${await tokenOf('machine')}`)
      assert.equal(allowed.status, 200)
      assert.equal(allowed.headers['cache-control'], 'private')
    })

    test('an oversize Authorization header gets 401', async () => {
      const { get } = await start()
      const refused = await get('/orders', bearer('x'.repeat(9000)))
      assert.equal(refused.status, 401)
      assert.match(refused.body, /too long/)
    })

    test('a certificate-bound token is accepted only with its certificate, from the header that the API trusts', async () => {
      const { get } = await start()
      const token = await tokenOf('bound')
      const withCertificate = (der: string) => ({ ...bearer(token), 'client-cert': `:${der}:` })
      assert.equal((await get('/orders', withCertificate(one))).status, 200)
      const refused = await get('/orders', withCertificate(two))
      assert.equal(refused.status, 401)
      assert.match(`${challenge(refused)}`, /bound to another client certificate/)
      assert.equal((await get('/orders', bearer(token))).status, 401)
    })

    test('the metadata are served at the well-known path [RFC 9728 §3]', async () => {
      const { get } = await start()
      const { status, headers, body } = await get('/.well-known/oauth-protected-resource/v1')
      assert.equal(status, 200)
      assert.match(`${headers['content-type']}`, /^application\/json/)
      assert.equal(headers['access-control-allow-origin'], '*')
      assert.deepEqual(JSON.parse(body), {
        authorization_servers: [url],
        bearer_methods_supported: ['header'],
        resource,
      })
      assert.equal((await get('/.well-known/oauth-protected-resource')).status, 404)
    })

    test('a browser may send any header with a request for the metadata [Fetch §3.3]', async () => {
      const { get } = await start()
      const asked = {
        origin: 'https://app.example',
        'access-control-request-headers': 'mcp-protocol-version',
      }
      const path = '/.well-known/oauth-protected-resource/v1'
      const { status, headers } = await get(path, asked, { method: 'OPTIONS' })
      assert.equal(status, 204)
      assert.equal(headers['access-control-allow-origin'], '*')
      assert.equal(headers['access-control-allow-headers'], '*')
    })

    test('a check that throws leads to an error of the framework, and the handler does not run', async () => {
      const { get } = await start()
      const { status, body } = await get('/broken', bearer(await tokenOf('machine')))
      assert.equal(status, 500)
      assert.doesNotMatch(body, /machine/)
    })

    test('a token of a server that is unreachable gets 503', async () => {
      const failing = startIssuer()
      failing.keys = async () => {
        throw new TypeError('unreachable')
      }
      const guard = createApiGuard(failing.issuer, { audience: 'urn:api' })
      const { get } = await runApi(application, guard)
      const refused = await get('/orders', bearer(await failing.token()))
      assert.equal(refused.status, 503)
      assert.equal(refused.headers['retry-after'], '5')
      assert.equal(challenge(refused), undefined)
    })
  })
}

for (const name of ['Express 5', 'Express 4'])
  test(`API guard in ${name}: a token in a form that was parsed before gets 400`, async () => {
    const guard = createApiGuard(issuer, { audience: 'urn:api' })
    const { get } = await runApi(applications[name]!, guard)
    const form = { method: 'POST', body: `access_token=${await tokenOf('machine')}` }
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const refused = await get('/orders', headers, form)
    assert.equal(refused.status, 400)
    assert.match(refused.body, /not in the body/)
  })

test('API guard: a handler without a guard has no access, which is an error instead of an open route', () => {
  assert.throws(() => accessOf({}), TypeError)
})

test('API guard in node:http: an error of the handler gets 500 and is reported, and the process goes on', async () => {
  const failures: unknown[] = []
  const guard = createApiGuard(issuer, { audience: 'urn:api' })
  const listener = nodeGuard(
    guard,
    {},
    () => {
      throw new Error('the database is unreachable')
    },
    { failed: error => failures.push(error) },
  )
  const { get } = await runApi({ create: () => listener }, guard)
  const refused = await get('/orders', bearer(await tokenOf('machine')))
  assert.equal(refused.status, 500)
  assert.equal(refused.body, '')
  assert.match(`${failures}`, /the database is unreachable/)
})
