/** Certificates of an API's clients: from TLS, and from headers of proxies (RFC 8705 §3, RFC 9440). */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, request as send } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { createApiGuard, forwardedCertificate, peerCertificate } from '@tessera/client/api'
import { nodeGuard } from '@tessera/client/api/node'
import { one, two } from '../support/certificates.ts'
import { identity, certificate as pem } from '../support/ldap.ts'
import { startIssuer, thumbprintOf } from './api-world.ts'

const lines = one.match(/.{1,64}/g)?.join('\n')
const onePem = `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`

const accepted: Readonly<Record<string, string>> = {
  'Client-Cert of RFC 9440': `:${one}:`,
  'percent-encoded PEM of nginx': encodeURIComponent(onePem),
  'PEM in one line': onePem.replaceAll('\n', ' '),
  'PEM without its first and last line, as Traefik writes it,': one,
}

for (const [name, value] of Object.entries(accepted))
  test(`forwarded certificate: ${name} is read`, () => {
    const der = forwardedCertificate(value)
    assert.ok(der)
    assert.equal(Buffer.from(der).toString('base64'), one)
    assert.deepEqual(forwardedCertificate([value]), der)
  })

const rejected: Readonly<Record<string, string | readonly string[] | null | undefined>> = {
  'no header': undefined,
  'a missing web header': null,
  'an empty header': '',
  'several headers': [`:${one}:`, `:${one}:`],
  'headers that were joined': `:${one}:, :${one}:`,
  'several certificates': `${onePem}${onePem}`,
  'something else in base64': ':aGVsbG8=:',
  'a chain in a header that is not that of Traefik': `${one},${two}`,
  'base64 with white space': one.replace(/.{64}/g, '$& '),
  'broken base64': `:${one.slice(0, -3)}:`,
  'a broken percent encoding': `%E0%A4%A${onePem}`,
  'a hash instead of a certificate': 'Hash=abc',
}

for (const [name, value] of Object.entries(rejected))
  test(`forwarded certificate: ${name} gives no certificate`, () => {
    assert.equal(forwardedCertificate(value), undefined)
  })

test('forwarded certificate: of the chain in the header of Traefik, the first one is read', () => {
  const der = forwardedCertificate(one)
  for (const value of [one, `${one},${two}`, `${one},${two},${two}`])
    assert.deepEqual(forwardedCertificate(value, 'X-Forwarded-Tls-Client-Cert'), der)
  // Traefik joins with a comma alone. Two headers come from a client and a proxy.
  for (const value of [[one, two], `${one}, ${two}`, `${one},`, `,${one}`])
    assert.equal(forwardedCertificate(value, 'x-forwarded-tls-client-cert'), undefined)
  assert.equal(forwardedCertificate(`${one},${two}`, 'client-cert'), undefined)
})

test('forwarded certificate: a chain that is longer than those of clients gives no certificate', () => {
  const chainOf = (length: number): string => {
    const count = Math.floor(length / (two.length + 1))
    return [one, ...Array.from({ length: count - 1 }, () => two)].join(',')
  }
  const read = (value: string) => forwardedCertificate(value, 'x-forwarded-tls-client-cert')
  assert.deepEqual(read(chainOf(16_000)), forwardedCertificate(one))
  assert.equal(read(chainOf(17_500)), undefined)
})

test('API guard: the certificate of a TLS connection proves that a token is bound to it [RFC 8705 §3]', async () => {
  const server = startIssuer()
  const guard = createApiGuard(server.issuer, { audience: 'urn:api' })
  const listener = nodeGuard(
    guard,
    {},
    (_: IncomingMessage, response: ServerResponse) => response.end('allowed'),
    { certificate: ({ socket }) => peerCertificate(socket) },
  )
  const tls = { ...identity, requestCert: true, rejectUnauthorized: false }
  const https = createServer(tls, listener).listen(0, '127.0.0.1')
  await once(https, 'listening')
  after(() => {
    https.closeAllConnections()
    https.close()
  })
  const { port } = https.address() as AddressInfo
  const der = pem.replace(/-----[^-]+-----|\s/g, '')
  const token = await server.token({ cnf: { 'x5t#S256': thumbprintOf(der) } })
  const statusWith = async (own: object): Promise<number | undefined> => {
    const headers = { authorization: `Bearer ${token}` }
    const options = { host: '127.0.0.1', port, headers, rejectUnauthorized: false, agent: false, ...own }
    const [response] = (await once(send(options).end(), 'response')) as [IncomingMessage]
    response.resume()
    return response.statusCode
  }
  assert.equal(await statusWith(identity), 200)
  assert.equal(await statusWith({}), 401)
})

test('peer certificate: a connection without TLS or without a certificate has none', () => {
  assert.equal(peerCertificate({}), undefined)
  assert.equal(peerCertificate({ getPeerCertificate: () => ({}) }), undefined)
  assert.equal(peerCertificate({ getPeerCertificate: () => null }), undefined)
})
