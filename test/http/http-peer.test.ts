/**
 * Who sent a request: only trusted proxies may report another address or a client certificate (RFC 8705 §6.3, RFC
 * 9440).
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpRequest, Route } from '@tessera/protocol/http'
import { createPeerReader } from '../../packages/server/src/http/peer.ts'
import { ask, type EdgeOptions, serve } from '../support/edges.ts'

const routes: readonly Route[] = [
  {
    path: '/echo',
    methods: ['GET'],
    endpoint: request => ({ status: 200, headers: {}, body: JSON.stringify(request) }),
  },
]

async function seen(headers: Record<string, string | string[]>, options: EdgeOptions): Promise<HttpRequest> {
  const edge = await serve(routes, options)
  const { body } = await ask(edge, 'GET', '/echo', { headers })
  await edge.close()
  return JSON.parse(body)
}

const header = 'client-cert'
const trusted = { mtls: { certificateHeader: 'Client-Cert', trustedProxies: ['127.0.0.1'] } }
const stranger = {
  mtls: { certificateHeader: 'Client-Cert', trustedProxies: ['192.0.2.1', '2001:db8::/32'] },
}

const der = `MIIB${'Ab+/'.repeat(40)}AA==`
const pem = `-----BEGIN CERTIFICATE-----\n${der.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`

test('peer: a trusted proxy forwards a certificate between colons [RFC 9440 §2.2]', async () => {
  const { peer, headers } = await seen({ [header]: `:${der}:` }, trusted)
  assert.equal(peer.certificate, der)
  assert.equal(headers[header], undefined)
})

test('peer: a trusted proxy forwards a percent-encoded PEM, as nginx does', async () => {
  assert.equal((await seen({ [header]: encodeURIComponent(pem) }, trusted)).peer.certificate, der)
})

test('peer: a range of proxies can be trusted', async () => {
  const ranges = { mtls: { certificateHeader: 'client-cert', trustedProxies: ['10.0.0.0/8', '127.0.0.0/8'] } }
  assert.equal((await seen({ [header]: `:${der}:` }, ranges)).peer.certificate, der)
})

test('peer: the header of any other sender is ignored', async () => {
  const { peer, headers } = await seen({ [header]: `:${der}:` }, stranger)
  assert.deepEqual(peer, { address: '127.0.0.1' })
  assert.equal(headers[header], undefined)
})

test('peer: a proxy that may report addresses may not send a certificate', async () => {
  const { peer } = await seen({ [header]: `:${der}:` }, { ...stranger, trustedProxies: ['127.0.0.1'] })
  assert.deepEqual(peer, { address: '127.0.0.1' })
})

test('peer: a trusted proxy forwards a PEM without its first and last line, as Traefik does', async () => {
  assert.equal((await seen({ [header]: der }, trusted)).peer.certificate, der)
  assert.equal((await seen({ [header]: encodeURIComponent(der) }, trusted)).peer.certificate, der)
})

test('peer: a trusted proxy forwards a certificate as AWS ALB (in verify mode), Envoy and Cloudflare write it', async () => {
  const safe = (text: string) => encodeURIComponent(text).replace(/%2B|%2F|%3D/g, decodeURIComponent)
  for (const [name, value] of [
    ['x-amzn-mtls-clientcert-leaf', safe(pem)],
    // `%DOWNSTREAM_PEER_CERT%`
    ['client-cert', encodeURIComponent(pem)],
    ['cf-client-cert-der-base64', der],
  ] as const) {
    const mtls = { certificateHeader: name, trustedProxies: ['127.0.0.1'] }
    assert.equal((await seen({ [name]: value }, { mtls })).peer.certificate, der, name)
    // A client that adds its own has none.
    assert.equal((await seen({ [name]: [value, value] }, { mtls })).peer.certificate, undefined, name)
  }
})

test('peer: of the chain that Traefik writes into its own header, the first certificate is the client’s', async () => {
  const name = 'x-forwarded-tls-client-cert'
  const traefik = {
    mtls: { certificateHeader: 'X-Forwarded-Tls-Client-Cert', trustedProxies: ['127.0.0.1'] },
  }
  const above = `MIIC${'Ab+/'.repeat(40)}`
  for (const value of [der, `${der},${above}`, `${der},${above},${above}`])
    assert.equal((await seen({ [name]: value }, traefik)).peer.certificate, der)
  // Traefik joins with a comma alone. Two headers come from a client and a proxy.
  for (const value of [[der, above], `${der}, ${above}`, `${der},`, `,${der}`, `${der},:${above}:`])
    assert.equal((await seen({ [name]: value }, traefik)).peer.certificate, undefined, String(value))
})

test('peer: without configured proxies no header counts as a certificate', async () => {
  assert.deepEqual((await seen({ [header]: `:${der}:` }, {})).peer, { address: '127.0.0.1' })
})

test('peer: anything but exactly one certificate is ignored', async () => {
  const broken = [
    '',
    '::',
    ':',
    `:${der}`,
    `${der},${der}`,
    der.slice(4),
    `:${der}:, :${der}:`,
    ':Zm9v:',
    `:${der}AAA:`,
    encodeURIComponent(pem + pem),
    encodeURIComponent('-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----'),
    `${encodeURIComponent(pem)}%`,
    encodeURIComponent(pem).replace('BEGIN%20CERTIFICATE', 'BEGIN%20PRIVATE%20KEY'),
  ]
  for (const value of broken) {
    assert.equal((await seen({ [header]: value }, trusted)).peer.certificate, undefined, value)
  }
  // Two headers: the proxy passed on the client's own beside its own.
  assert.equal((await seen({ [header]: [`:${der}:`, `:${der}:`] }, trusted)).peer.certificate, undefined)
})

test('peer: x-forwarded-for counts only from trusted proxies, read from the right', async () => {
  const proxies = { trustedProxies: ['127.0.0.1', '10.0.0.0/8', '2001:db8:1::/48'] }
  const cases: readonly [string, string][] = [
    ['203.0.113.9', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9, 10.1.2.3', '203.0.113.9'],
    ['2001:db8:2::7,2001:db8:1::7 , 10.1.2.3', '2001:db8:2::7'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, ::ffff:a01:203', '203.0.113.9'],
    ['203.0.113.9, ::FFFF:10.1.2.3, [0:0:0:0:0:ffff:a01:203]:80', '203.0.113.9'],
    ['10.9.9.9, 10.1.2.3', '10.9.9.9'],
    ['203.0.113.9, unknown', '127.0.0.1'],
    ['203.0.113.9, unknown, 10.1.2.3', '10.1.2.3'],
    ['', '127.0.0.1'],
  ]
  for (const [forwarded, address] of cases) {
    assert.equal((await seen({ 'x-forwarded-for': forwarded }, proxies)).peer.address, address, forwarded)
  }
  assert.equal((await seen({ 'x-forwarded-for': '203.0.113.9' }, {})).peer.address, '127.0.0.1')
  const others = { trustedProxies: ['192.0.2.1'] }
  assert.equal((await seen({ 'x-forwarded-for': '203.0.113.9' }, others)).peer.address, '127.0.0.1')
})

test('peer: a range of one address family trusts no address of the other, including mapped addresses [RFC 4291 §2.5.5.2]', async () => {
  for (const range of ['::ffff:0:0/96', '::/1', '::/0']) {
    const proxies = { trustedProxies: [range] }
    const headers = { 'x-forwarded-for': '203.0.113.9' }
    assert.equal((await seen(headers, proxies)).peer.address, '127.0.0.1', range)
    const mtls = { certificateHeader: 'client-cert', trustedProxies: [range] }
    assert.equal((await seen({ [header]: `:${der}:` }, { mtls })).peer.certificate, undefined, range)
  }
})

test('peer: x-forwarded-host counts only if configured, and only from trusted proxies', async () => {
  const headers = { 'x-forwarded-host': 'id.acme.example' }
  const believed = { trustedProxies: ['127.0.0.1'], trustForwardedHost: true }
  assert.equal((await seen(headers, believed)).peer.host, 'id.acme.example')
  assert.equal((await seen(headers, { trustedProxies: ['127.0.0.1'] })).peer.host, undefined)
  assert.equal((await seen(headers, { ...believed, trustedProxies: ['192.0.2.1'] })).peer.host, undefined)
  assert.equal((await seen(headers, { trustForwardedHost: true })).peer.host, undefined)
  assert.equal((await seen(headers, {})).peer.host, undefined)
})

test('peer: of several values of x-forwarded-host, that of the nearest proxy counts', async () => {
  const believed = { trustedProxies: ['127.0.0.1'], trustForwardedHost: true }
  for (const value of ['evil.example, id.acme.example', ['evil.example', 'id.acme.example']]) {
    assert.equal((await seen({ 'x-forwarded-host': value }, believed)).peer.host, 'id.acme.example')
  }
})

test('peer: an entry of x-forwarded-for may have a port, as some proxies write it', async () => {
  const proxies = { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] }
  const cases: readonly [string, string][] = [
    ['203.0.113.9:4711', '203.0.113.9'],
    ['203.0.113.9:4711, 10.1.2.3:80', '203.0.113.9'],
    ['[2001:db8:2::7]:4711', '2001:db8:2::7'],
    ['[2001:db8:2::7]', '2001:db8:2::7'],
    // Without brackets the port can't be told apart from the address.
    ['2001:db8:2::7:4711', '2001:db8:2::7:4711'],
    ['203.0.113.9:', '127.0.0.1'],
    ['[unknown]:80', '127.0.0.1'],
  ]
  for (const [forwarded, address] of cases) {
    assert.equal((await seen({ 'x-forwarded-for': forwarded }, proxies)).peer.address, address, forwarded)
  }
})

test('peer: an IPv4 address that a socket reports mapped into IPv6 is the same address [RFC 4291 §2.5.5.2]', () => {
  const read = createPeerReader({ trustedProxies: ['192.0.2.1'] })
  assert.deepEqual(read('::ffff:198.51.100.7', {}), { address: '198.51.100.7' })
  const forwarded = { 'x-forwarded-for': '::ffff:203.0.113.9' }
  assert.deepEqual(read('::ffff:192.0.2.1', forwarded), { address: '203.0.113.9' })
})
