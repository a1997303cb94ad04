/**
 * Tenants’ issuers in servers as operators run them: over sockets, through a proxy, with several processes, through
 * restarts.
 */

import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, test } from 'node:test'
import * as openid from 'openid-client'
import { discovery, initiateDeviceAuthorization } from 'openid-client'
import { tessera } from '../cli/tessera.ts'
import { freePort, type RunningServer, serveConfiguration, writeConfiguration } from '../support/process.ts'
import { basic, claimsOf, formOf } from '../support/tessera.ts'

const clients = (secret: string) => [
  {
    client_id: 'app',
    client_secrets: [{ value: secret }],
    grant_types: ['password', 'refresh_token', 'client_credentials'],
    scope: 'openid api1 offline_access',
  },
  {
    client_id: 'tv',
    token_endpoint_auth_method: 'none',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    scope: 'openid',
  },
]
const user = (tenant?: string) => ({
  sub: '1',
  username: 'alice',
  password: 'alice',
  ...(tenant && { tenant }),
})

let written: Awaited<ReturnType<typeof writeConfiguration>>
let port = 0
let hostTenant = ''
before(async () => {
  port = await freePort()
  hostTenant = `http://globex.localhost:${port}`
  written = await writeConfiguration({
    issuer: `http://localhost:${port}`,
    storage: 'sqlite:./tessera.db',
    trusted_proxies: ['127.0.0.1'],
    trust_forwarded_host: true,
    api_scopes: [{ name: 'api1' }],
    clients: clients('main'),
    users: [user(), user('acme'), user('globex')],
    tenants: [
      { name: 'acme', issuer: 'path', clients: clients('acme') },
      { name: 'globex', issuer: hostTenant, clients: clients('globex') },
    ],
  })
})
after(() => written.remove())

type Reply = { readonly status: number; readonly json: any }

/** By `node:http`, which sends the given `host`. */
function send(
  { url }: Pick<RunningServer, 'url'>,
  path: string,
  { host, form, headers = {} }: { host?: string; form?: Record<string, string>; headers?: object } = {},
): Promise<Reply> {
  const body = form && formOf(form)
  return new Promise((resolve, reject) => {
    const sent = request(url.replace('localhost', '127.0.0.1') + path, {
      method: body === undefined ? 'GET' : 'POST',
      agent: false,
      headers: {
        host: host ?? `localhost:${new URL(url).port}`,
        ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
    })
    sent.once('error', reject)
    sent.once('response', async response => {
      let text = ''
      for await (const chunk of response.setEncoding('utf8')) text += chunk
      resolve({ status: response.statusCode ?? 0, json: JSON.parse(text || '{}') })
    })
    sent.end(body)
  })
}

const token = (
  server: RunningServer,
  base: string,
  secret: string,
  form: Record<string, string>,
  host?: string,
) => send(server, `${base}/connect/token`, { form, headers: basic('app', secret), ...(host && { host }) })

const signIn = {
  grant_type: 'password',
  username: 'alice',
  password: 'alice',
  scope: 'openid offline_access',
}
const refresh = (refresh_token: string) => ({ grant_type: 'refresh_token', refresh_token })
const kids = async (server: RunningServer, base: string): Promise<readonly string[]> =>
  (await send(server, `${base}/.well-known/openid-configuration/jwks`)).json.keys
    .map(({ kid }: { kid: string }) => kid)
    .sort()

test('tenants: over a socket, the issuer is selected by path, by host and by the header of a trusted proxy', async () => {
  const server = await serveConfiguration(written.file, port)
  const acme = await token(server, '/t/acme', 'acme', signIn)
  assert.equal(acme.status, 200, JSON.stringify(acme.json))
  assert.equal(claimsOf(acme.json.access_token).iss, `${server.url}/t/acme`)
  const globex = await token(server, '', 'globex', signIn, new URL(hostTenant).host)
  assert.equal(claimsOf(globex.json.access_token).iss, hostTenant)
  const forwarded = await send(server, '/.well-known/openid-configuration', {
    headers: { 'x-forwarded-host': new URL(hostTenant).host },
  })
  assert.equal(forwarded.json.issuer, hostTenant)
  const unknown = await send(server, '/.well-known/openid-configuration', {
    headers: { 'x-forwarded-host': 'evil.example' },
  })
  assert.equal(unknown.status, 421)
  const large = await token(server, '/t/acme', 'acme', { ...signIn, scope: 'x'.repeat(70_000) })
  assert.equal(large.status, 413)
  await server.stop()
})

test('tenants: openid-client discovers a tenant’s issuer by path, in both ways, and gets a device code there', async () => {
  const server = await serveConfiguration(written.file, port)
  for (const algorithm of ['oidc', 'oauth2'] as const) {
    const config = await discovery(new URL(`${server.url}/t/acme`), 'tv', undefined, openid.None(), {
      algorithm,
      execute: [openid.allowInsecureRequests],
    })
    assert.equal(config.serverMetadata().issuer, `${server.url}/t/acme`)
    const device = await initiateDeviceAuthorization(config, { scope: 'openid' })
    assert.equal(device.verification_uri, `${server.url}/t/acme/device`)
  }
  await server.stop()
})

test('tenants: keys and refresh families survive a restart and a kill, and others can’t use them', async () => {
  let server = await serveConfiguration(written.file, port)
  let { refresh_token } = (await token(server, '/t/acme', 'acme', signIn)).json
  const keys = await kids(server, '/t/acme')
  assert.equal(keys.length, 3)
  for (const end of ['kill', 'stop'] as const) {
    await server[end]()
    server = await serveConfiguration(written.file, port)
    assert.deepEqual(await kids(server, '/t/acme'), keys)
    assert.notDeepEqual(await kids(server, ''), keys)
    assert.equal((await token(server, '', 'main', refresh(refresh_token))).json.error, 'invalid_grant')
    const next = await token(server, '/t/acme', 'acme', refresh(refresh_token))
    assert.equal(next.status, 200, JSON.stringify(next.json))
    refresh_token = next.json.refresh_token
  }
  await server.stop()
})

test('tenants: two processes that start a tenant concurrently have the same keys, and one of them uses a token once', async () => {
  const fresh = await writeConfiguration({
    issuer: `http://localhost:${port}`,
    storage: 'sqlite:./tessera.db',
    tenants: [{ name: 'acme', issuer: 'path', clients: clients('acme') }],
    api_scopes: [{ name: 'api1' }],
    users: [user('acme')],
  })
  const ports = [port, await freePort()]
  const servers = await Promise.all(ports.map(one => serveConfiguration(fresh.file, one)))
  const [first, second] = await Promise.all(servers.map(one => kids(one, '/t/acme')))
  // The process that lost a race for a key reads the winner's before it responds.
  assert.deepEqual(first, second)
  const { refresh_token } = (await token(servers[0]!, '/t/acme', 'acme', signIn)).json
  const once = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      token(servers[index % 2]!, '/t/acme', 'acme', refresh(refresh_token)),
    ),
  )
  // A retry within its window returns the same next token: there is no second branch.
  const next = new Set(once.flatMap(({ json }) => json.refresh_token ?? []))
  assert.equal(next.size, 1)
  await Promise.all(servers.map(server => server.stop()))
  await fresh.remove()
})

test('cli: the keys of a tenant’s issuer are listed and rotated separately from the server’s', async () => {
  const list = async (...more: string[]) =>
    (await tessera(['keys', 'list', '--config', written.file, ...more])).stdout
  const own = await list()
  const acme = await list('--tenant', 'acme')
  assert.match(acme, /^(?:kid=.*\n){2}master_key=local .*\n$/)
  assert.notEqual(acme, own)
  const rotated = await tessera(['keys', 'rotate', '--config', written.file, '--tenant', 'acme', '--now'])
  assert.equal(rotated.code, 0, rotated.stderr)
  assert.equal(rotated.stdout.trim().split('\n').length, 4)
  assert.equal(await list(), own)
  const unknown = await tessera(['keys', 'list', '--config', written.file, '--tenant', 'nobody'])
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /no tenant "nobody" with its own issuer/)
})

test('cli: config check reports each issuer', async () => {
  const { code, stdout } = await tessera(['config', 'check', written.file])
  assert.equal(code, 0)
  assert.match(stdout, /is valid: 2 clients, .*1 user; issuer http:\/\/localhost:\d+, storage sqlite/)
  assert.match(stdout, /tenant acme: 2 clients, .*1 user; issuer http:\/\/localhost:\d+\/t\/acme/)
  assert.match(stdout, /tenant globex: .*issuer http:\/\/globex\.localhost:\d+/)
})
