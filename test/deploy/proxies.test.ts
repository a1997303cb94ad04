/**
 * Each reverse proxy of `deploy/proxies` in front of a server: long requests and responses pass, a browser signs in, and
 * nothing that a client writes into the headers of proxies is believed. A proxy that is not installed is skipped.
 */

import assert from 'node:assert/strict'
import { request } from 'node:https'
import { after, test } from 'node:test'
import { listen } from '../../packages/server/src/http/node.ts'
import { createCookieJar } from '../../packages/server/src/testing/cookie-jar.ts'
import { readPageForm } from '../../packages/server/src/testing/page-form.ts'
import { testFolder } from '../support/folder.ts'
import { authorizePath } from '../support/sign-in.ts'
import { createTestServer, type TestServer } from '../support/tessera.ts'
import { certificate } from '../support/tls.ts'
import { findCommand, proxies, startProxy } from './proxies.ts'

const host = 'login.example.com'
const configuration = {
  issuer: `https://${host}`,
  trusted_proxies: ['127.0.0.1'],
  mtls: { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
  api_scopes: [{ name: 'api1' }],
  users: [{ sub: '1', username: 'alice', password: 'wonderland', claims: {} }],
  clients: [
    {
      ...{ client_id: 'web', token_endpoint_auth_method: 'none', scope: 'openid api1' },
      redirect_uris: ['https://app.example/cb'],
    },
  ],
}

type Reply = { status: number; headers: Record<string, string | string[] | undefined>; body: string }
type Asked = { method?: string; headers?: Record<string, string>; form?: Record<string, string> }

function ask(port: number, path: string, { method, headers, form }: Asked = {}): Promise<Reply> {
  const body = form && new URLSearchParams(form).toString()
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port, path, servername: host, ca: certificate, agent: false },
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: {
          host,
          ...(body && { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }),
          ...headers,
        },
      },
      response => {
        let text = ''
        response.setEncoding('utf8').on('data', chunk => {
          text += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        )
      },
    )
    sent.on('error', reject).end(body)
  })
}

/** One server for all proxies, which keeps the sender of the newest request. */
type Upstream = { readonly server: TestServer; readonly port: number; readonly peer: () => unknown }
let opened: Promise<Upstream & { close: () => Promise<void> }> | undefined
after(async () => (await opened)?.close())
function upstream(): Promise<Upstream> {
  opened ??= openUpstream()
  return opened
}

async function openUpstream() {
  const server = await createTestServer(configuration, { closedByFile: true })
  const { trustedProxies, mtls } = server.configuration
  let peer: unknown
  const edge = await listen(
    received => {
      peer = received.peer
      return server.handle(received)
    },
    { host: '127.0.0.1', port: 0, trustedProxies, ...(mtls && { mtls }) },
  )
  return {
    server,
    port: Number(new URL(edge.url).port),
    peer: () => peer,
    async close() {
      await edge.close()
      await server.close()
    },
  }
}

const long = 'x'.repeat(6000)
const discovery = '/.well-known/openid-configuration'

for (const [name, proxy] of Object.entries(proxies)) {
  const command = findCommand(proxy.command)
  const folder = testFolder()
  test(`proxies: ${name} passes 6 kB, a sign-in, and no header that a client made up`, {
    skip: command === undefined && `${name} is not installed`,
  }, async () => {
    const { port: upstreamPort, peer } = await upstream()
    const isServed = (port: number) =>
      ask(port, discovery).then(
        ({ status }) => status === 200,
        () => false,
      )
    const { port, stop } = await startProxy(proxy, command ?? '', {
      folder,
      upstream: upstreamPort,
      isServed,
    })
    try {
      assert.equal(JSON.parse((await ask(port, discovery)).body).issuer, `https://${host}`)

      const redirected = await ask(port, authorizePath({ prompt: 'none', state: long }))
      assert.equal(redirected.status, 302, redirected.body)
      assert.equal(new URL(String(redirected.headers.location)).searchParams.get('state'), long)
      assert.equal((await ask(port, discovery, { headers: { 'x-large': long } })).status, 200)
      const pushed = Object.fromEntries(new URL(`https://x${authorizePath({ state: long })}`).searchParams)
      assert.equal((await ask(port, '/connect/par', { form: pushed })).status, 201)

      await signIn(port)

      const hostile = {
        ...{ 'x-forwarded-for': '203.0.113.9', 'x-forwarded-host': 'evil.example', 'client-cert': ':MIIB:' },
        ...{ forwarded: 'for=203.0.113.9', 'x-forwarded-proto': 'http' },
      }
      assert.equal((await ask(port, discovery, { headers: hostile })).status, 200)
      assert.deepEqual(peer(), { address: '127.0.0.1' })

      for (const path of ['/metrics', '/admin', '/admin/api/v1', '/healthz', '/readyz'])
        assert.equal((await ask(port, path)).status, 404, path)
    } finally {
      await stop()
    }
  })
}

/** Signs in with the forms and cookies that pass the proxy, and expects a code. */
async function signIn(port: number): Promise<void> {
  const jar = createCookieJar()
  const browse = async (path: string, form?: Record<string, string>): Promise<Reply> => {
    const url = new URL(path, `https://${host}`)
    const cookie = jar.header(url)
    const reply = await ask(port, url.pathname + url.search, {
      ...(form && { form }),
      headers: { ...(cookie && { cookie }), origin: `https://${host}` },
    })
    const set = [reply.headers['set-cookie'] ?? []].flat()
    for (const line of set) assert.match(line, /^__Host-[^;]+;.*\bSecure\b/)
    jar.store(url, set)
    const { location } = reply.headers
    const target = typeof location === 'string' ? new URL(location, url) : undefined
    return target?.host === host ? browse(target.href) : reply
  }
  const page = await browse(authorizePath({}))
  const { action, fields } = readPageForm(page.body) ?? assert.fail(`no form: ${page.status} ${page.body}`)
  const done = await browse(action, { ...fields, username: 'alice', password: 'wonderland', button: 'login' })
  assert.ok(new URL(String(done.headers.location)).searchParams.get('code'), done.body)
}
