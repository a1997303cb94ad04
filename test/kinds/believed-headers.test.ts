/**
 * Every request header that the server reads, and what it may decide. Clients send each of them through a proxy that
 * does not set it: a header that only a trusted proxy may send must have no effect then.
 */

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { listen } from '../../packages/server/src/http/node.ts'
import { one } from '../support/certificates.ts'
import { ask } from '../support/edges.ts'
import { textsOf } from '../support/repository.ts'
import { tenantsWorld } from '../support/tenants.ts'
import { createTestServer } from '../support/tessera.ts'
import { assertCovers } from './coverage.ts'

/** The peers that may send the header, and the decision that depends on it. */
type Row =
  /** A proxy that is trusted for just this header. */
  | 'a trusted proxy'
  /** The client speaks for itself: a false value gains it nothing. */
  | { readonly client: string }

const rows: Readonly<Record<string, Row>> = {
  'x-forwarded-for': 'a trusted proxy',
  'x-forwarded-host': 'a trusted proxy',
  'the header of `mtls.certificate_header`': 'a trusted proxy',
  traceparent: 'a trusted proxy',
  tracestate: 'a trusted proxy',
  forwarded: { client: 'that the development mailbox is closed to it' },
  via: { client: 'that the development mailbox is closed to it' },
  'x-real-ip': { client: 'that the development mailbox is closed to it' },
  host: { client: 'which tenant of several it asks: a browser sends the one of the address bar' },
  origin: {
    client:
      'which CORS headers the response has: another origin than the page’s own is the browser’s to send',
  },
  'access-control-request-headers': {
    client: 'which headers its browser may send next: none of those that a proxy sets',
  },
  authorization: { client: 'who it is, by a secret or a token' },
  dpop: { client: 'which key its tokens are bound to, by a proof that it has the key' },
  cookie: { client: 'which session it has, by a secret' },
  accept: { client: 'in which form introspection responds' },
  'accept-language': { client: 'the language of its pages' },
  'sec-fetch-dest': {
    client: 'whether an error is shown or goes back to its client: only a browser sets it, no page can',
  },
  'sec-purpose': { client: 'that a page which it loads ahead is not there yet' },
  purpose: { client: 'the same, as older browsers say it' },
  'x-moz': { client: 'the same, as older Firefox says it' },
  'x-purpose': { client: 'the same, as older Safari says it' },
  'user-agent': { client: 'what the list of its own sessions calls it' },
  'content-type': { client: 'whether its body is read at all' },
  'if-match': { client: 'which version of an entry it changes: another one is refused' },
  'content-length': { client: 'that a body is refused unread' },
  'transfer-encoding': { client: 'that a body is read in chunks' },
  expect: { client: 'whether it receives 100 Continue' },
  'if-none-match': { client: 'that it has the document already' },
}

/** Reads of a request's headers, by name: `headers['x']`, `headers.x`, `{ headers: { x } }`. */
function headersRead(text: string): readonly string[] {
  const code = text.replace(/^\s*(?:\/\/.*|\/?\*.*)$/gm, '')
  const ofRequest = String.raw`(?:(?<![\w.-])|\b(?:raw|request)\.)headers`
  const named = new RegExp(`${ofRequest}(?:\\.get\\(|\\[)['"]([a-z-]+)['"]`, 'g')
  const member = new RegExp(`${ofRequest}\\.([a-z]+)\\b(?!\\()`, 'g')
  return [
    ...[...code.matchAll(named), ...code.matchAll(member)].map(([, name = '']) => name),
    ...[...code.matchAll(/headers: \{ ([a-z, ]+) \} ?\}/g)].flatMap(([, names = '']) => names.split(', ')),
    ...(/headers\[header\]/.test(code) ? ['the header of `mtls.certificate_header`'] : []),
  ]
}

/** Rooms that read requests; the others read responses of other servers. */
const readers = [
  'http',
  'messages',
  'endpoints',
  'pages',
  'app',
  'clients/authentication',
  'clients/registration',
  'operations',
  'proof',
  'identity',
]

test('every request header that the server reads has a row', () => {
  const texts = readers.flatMap(room => [...textsOf(`packages/server/src/${room}/**/*.ts`).values()])
  const read = new Set(texts.flatMap(headersRead))
  assertCovers(Object.keys(rows), read, 'request header')
})

test('planted reads of headers are found, in every notation', () => {
  const planted = [
    `const a = request.headers['x-a']`,
    `const b = request.headers.bee`,
    `({ headers: { cee } }: HttpRequest) => cee`,
    `const d = (headers['x-d'] ?? '')`,
    `function f({ headers }: HttpRequest) { return headers.eff }`,
    `if (raw.headers.gee) return`,
    `return headers['x-h']`,
  ]
  assert.deepEqual(planted.flatMap(headersRead), ['x-a', 'bee', 'cee', 'x-d', 'eff', 'gee', 'x-h'])
})

const discovery = '/.well-known/openid-configuration'
const hostTenant = 'id.initech.example'

type Seen = {
  readonly ask: (headers: Record<string, string | string[]>, target?: string) => Promise<object>
  readonly close: () => Promise<void>
}
const opened = new Map<string, Promise<Seen>>()
after(async () => {
  for (const server of opened.values()) await (await server).close()
})

/** One server for each setting of trusted proxies. */
async function open(peers: object): Promise<Seen> {
  const server = await createTestServer({ ...tenantsWorld, ...peers }, { closedByFile: true })
  const { trustedProxies, trustForwardedHost, mtls } = server.configuration
  let peer: unknown
  const edge = await listen(
    request => {
      peer = request.peer
      return server.handle(request)
    },
    { host: '127.0.0.1', port: 0, trustedProxies, trustForwardedHost, ...(mtls && { mtls }) },
  )
  return {
    async ask(headers, target = discovery) {
      const { status, body } = await ask(edge, 'GET', target, { headers })
      return { peer, status, issuer: status === 200 ? JSON.parse(body).issuer : undefined }
    },
    async close() {
      await edge.close()
      await server.close()
    },
  }
}

/** Returns the client and the issuer that the server derived from the request, as the response shows. */
async function seen(
  peers: object,
  headers: Record<string, string | string[]>,
  target?: string,
): Promise<{ peer?: unknown; status?: number; issuer?: string }> {
  const way = JSON.stringify(peers)
  const server = opened.get(way) ?? open(peers)
  opened.set(way, server)
  return (await server).ask(headers, target)
}

const own = { host: 'id.example' }
const certificate = `:${one}:`
const lies: Readonly<Record<string, string>> = {
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-host': hostTenant,
  'client-cert': certificate,
  forwarded: `for=203.0.113.9;host=${hostTenant};proto=https`,
  'x-forwarded-proto': 'http',
  'x-forwarded-port': '1',
  'x-real-ip': '203.0.113.9',
  'x-original-host': hostTenant,
  'x-host': hostTenant,
  'true-client-ip': '203.0.113.9',
  'cf-connecting-ip': '203.0.113.9',
  'x-original-url': '/nothing',
  'x-http-method-override': 'DELETE',
  'sec-fetch-site': 'none',
  referer: `https://${hostTenant}/`,
}
const untouched = { peer: { address: '127.0.0.1' }, status: 200, issuer: 'https://id.example' }

for (const [name, value] of Object.entries(lies))
  test(`${name}: a client that sends it decides nothing, directly or through a proxy that does not set it`, async () => {
    const mtls = { certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] }
    const elsewhere = {
      trusted_proxies: ['192.0.2.1'],
      trust_forwarded_host: true,
      mtls: { ...mtls, trusted_proxies: ['192.0.2.1'] },
    }
    const onlyAddress = { trusted_proxies: ['127.0.0.1'] }
    const onlyCertificate = { mtls }
    for (const sent of [value, [value, value], `${value}, ${value}`]) {
      const headers = { ...own, [name]: sent }
      assert.deepEqual(await seen({}, headers), untouched, 'directly')
      assert.deepEqual(await seen(elsewhere, headers), untouched, 'with proxies elsewhere')
      if (name !== 'x-forwarded-for')
        assert.deepEqual(await seen(onlyAddress, headers), untouched, 'by a proxy of x-forwarded-for')
      if (name !== 'client-cert')
        assert.deepEqual(await seen(onlyCertificate, headers), untouched, 'by a proxy of certificates')
    }
  })

test('x-forwarded-for: the nearest hop that is not a trusted proxy counts, whatever a client wrote before it', async () => {
  const proxies = { trusted_proxies: ['127.0.0.1', '10.0.0.0/8'] }
  const addressOf = async (value: string | string[]) =>
    ((await seen(proxies, { ...own, 'x-forwarded-for': value })).peer as { address: string }).address
  assert.equal(await addressOf('1.1.1.1, 203.0.113.9'), '203.0.113.9')
  assert.equal(await addressOf(['1.1.1.1', '203.0.113.9']), '203.0.113.9')
  assert.equal(await addressOf('1.1.1.1, 203.0.113.9, 10.0.0.7'), '203.0.113.9')
  for (const hostile of [
    '',
    ',',
    ', ,',
    'unknown',
    '_hidden',
    '999.1.1.1',
    '0x7f.1',
    '127.1',
    '::ffff:999.1.1.1',
    '203.0.113.9\tx',
    `${'1'.repeat(4000)}`,
    '[',
    '[::1',
    "' or 1=1",
  ])
    assert.equal(await addressOf(`1.1.1.1, ${hostile}`), '127.0.0.1', hostile)
})

test('x-forwarded-host: if trusted, the last value selects the issuer, and an unknown one none', async () => {
  const believed = { trusted_proxies: ['127.0.0.1'], trust_forwarded_host: true }
  const issuerOf = async (value: string | string[]) => {
    const { status, issuer } = await seen(believed, { ...own, 'x-forwarded-host': value })
    return issuer ?? status
  }
  assert.equal(await issuerOf(hostTenant), `https://${hostTenant}`)
  assert.equal(await issuerOf(hostTenant.toUpperCase()), `https://${hostTenant}`)
  assert.equal(await issuerOf(['evil.example', hostTenant]), `https://${hostTenant}`)
  assert.equal(await issuerOf([hostTenant, 'evil.example']), 421)
  for (const value of ['', 'evil.example', `${hostTenant}.`, `${hostTenant}:1`, `x@${hostTenant}`])
    assert.equal(await issuerOf(value), 421, value)
})

test('host: if a request has an absolute URI, its authority alone selects the issuer [RFC 9112 §3.2.2]', async () => {
  const issuerFor = async (target: string, headers: Record<string, string>) => {
    const { status, issuer } = await seen({}, headers, target)
    return issuer ?? status
  }
  const tenant = `https://${hostTenant}`
  assert.equal(await issuerFor(`http://${hostTenant}${discovery}`, own), tenant)
  assert.equal(await issuerFor(`HTTPS://${hostTenant}:443${discovery}`, own), tenant)
  assert.equal(await issuerFor(`http://id.example${discovery}`, { host: hostTenant }), 'https://id.example')
  for (const authority of ['evil.example', `x@${hostTenant}`, `${hostTenant}.`, `${hostTenant}:1`])
    assert.equal(await issuerFor(`http://${authority}${discovery}`, { host: hostTenant }), 421, authority)
  // A trusted proxy forwards the host that the browser requested, whatever host the proxy itself requests here.
  const believed = { trusted_proxies: ['127.0.0.1'], trust_forwarded_host: true }
  const forwarded = { ...own, 'x-forwarded-host': hostTenant }
  assert.equal((await seen(believed, forwarded, `http://id.example${discovery}`)).issuer, tenant)
})
