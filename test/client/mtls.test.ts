/** Mutual TLS (RFC 8705) by a `fetch` of the caller, with a real handshake in front of Tessera. */

import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import {
  type ClientAuthentication,
  clientCredentials,
  clientSecretBasic,
  createClient,
  fetchUserinfo,
  introspectToken,
  password,
  refreshToken,
  revokeToken,
  tlsClientAuth,
  unwrap,
} from '@tessera/client'
import { thumbprintOf } from '../../packages/server/src/model/jose.ts'
import { certificate, identity } from '../support/ldap.ts'
import { claimsOf } from '../support/tessera.ts'
import { fetchWith } from '../support/tls-fetch.ts'
import { secret, withClients } from '../support/world.ts'
import { startTessera } from './servers.ts'

/** Where the server requests certificates: it passes on that of the connection, as a reverse proxy does. */
const edge = createServer(
  { ...identity, requestCert: true, rejectUnauthorized: false },
  (incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', chunk => chunks.push(chunk))
    incoming.on('end', async () => {
      const { raw } = (incoming.socket as TLSSocket).getPeerCertificate()
      const { status, headers, body } = await server.send(incoming.method ?? '', incoming.url ?? '', {
        headers: Object.fromEntries(
          Object.entries(incoming.headers).map(([name, value]) => [name, `${value}`]),
        ),
        body: Buffer.concat(chunks).toString(),
        ...(raw && { certificate: raw.toString('base64') }),
      })
      outgoing.writeHead(status, headers as Record<string, string>).end(body)
    })
  },
).listen(0, '127.0.0.1')
await once(edge, 'listening')
after(() => {
  edge.closeAllConnections()
  edge.close()
})
const alias = `https://localhost:${(edge.address() as AddressInfo).port}`

const der = certificate.replace(/-----[^-]+-----|\s/g, '')
const certificateKeys = (x5c: string, jwk: object) => ({ jwks: { keys: [{ ...jwk, x5c: [x5c] }] } })
const publicJwk = new X509Certificate(certificate).publicKey.export({ format: 'jwk' })
const machine = { grant_types: ['client_credentials'], scope: 'api1' }
const { server, issuer, fetch, sent } = await startTessera({
  ...withClients(
    {
      ...{ client_id: 'self-signed', ...machine, token_endpoint_auth_method: 'self_signed_tls_client_auth' },
      ...certificateKeys(der, publicJwk),
    } as never,
    {
      ...{ client_id: 'subject', ...machine, token_endpoint_auth_method: 'tls_client_auth' },
      tls_client_auth_subject_dn: 'CN=localhost',
    } as never,
    {
      ...{ client_id: 'other', ...machine, token_endpoint_auth_method: 'tls_client_auth' },
      tls_client_auth_subject_dn: 'CN=other',
    } as never,
    { client_id: 'roclient', tls_client_certificate_bound_access_tokens: true } as never,
  ),
  mtls: {
    ...{ certificate_header: 'client-cert', trusted_proxies: ['127.0.0.1'] },
    endpoint_origin: alias,
  },
})

const withCertificate = fetchWith({ ca: certificate, agent: false, ...identity })
const withoutCertificate = fetchWith({ ca: certificate, agent: false })

function clientOf(client_id: string, authentication: ClientAuthentication, secured = withCertificate) {
  const aliased: string[] = []
  const client = createClient({
    issuer,
    client_id,
    authentication,
    now: server.clock.now,
    fetch: (url, init) => {
      if (!url.startsWith(`${alias}/`)) return fetch(url, init)
      aliased.push(`${new URL(url).pathname} ${init.body ?? ''}`)
      return secured(url, init)
    },
  })
  return { client, aliased }
}

const thumbprint = { 'x5t#S256': thumbprintOf(der) }

for (const [client_id, selfSigned] of [
  ['self-signed', true],
  ['subject', false],
] as const)
  test(`mtls: a client authenticates by the certificate of its fetch, at the alias of the endpoint: ${client_id} [RFC 8705 §2, §5]`, async () => {
    const { client, aliased } = clientOf(client_id, tlsClientAuth({ selfSigned }))
    const before = sent.length
    const tokens = unwrap(await clientCredentials(client, { scope: 'api1' }))
    assert.deepEqual(claimsOf(tokens.access_token).cnf, thumbprint)
    assert.deepEqual(aliased, [
      `/connect/token scope=api1&grant_type=client_credentials&client_id=${client_id}`,
    ])
    // The metadata alone came from the issuer's own origin.
    assert.deepEqual(
      sent.slice(before).map(({ url }) => url),
      [`${issuer}/.well-known/openid-configuration`],
    )
  })

for (const [what, client_id, secured, reason] of [
  ['without a certificate', 'self-signed', withoutCertificate, 'client_certificate_missing'],
  [
    'with the certificate of another client',
    'other',
    withCertificate,
    'client_certificate_of_another_subject',
  ],
] as const)
  test(`mtls: a client ${what} is refused`, async () => {
    const { client } = clientOf(client_id, tlsClientAuth(), secured)
    const tokens = await clientCredentials(client)
    assert.ok(!tokens.ok)
    assert.equal(tokens.error.code, 'invalid_client')
    assert.equal(server.reason(), reason)
  })

test('mtls: tokens of a client with a secret are bound to its certificate at every endpoint [RFC 8705 §3]', async () => {
  const authentication = { ...clientSecretBasic(secret), mtls: true }
  const { client, aliased } = clientOf('roclient', authentication)
  const bob = { username: 'bob', password: 'bob' }
  const scope = 'openid api1 offline_access'
  const first = unwrap(await password(client, bob, { scope }))
  const { access_token, refresh_token = '' } = unwrap(await refreshToken(client, first.refresh_token ?? ''))
  assert.deepEqual(claimsOf(access_token).cnf, thumbprint)
  assert.equal(unwrap(await fetchUserinfo(client, access_token, null)).sub, '88421113')
  const token = unwrap(await introspectToken(client, access_token))
  assert.ok(token.active)
  assert.deepEqual(token.cnf, thumbprint)
  unwrap(await revokeToken(client, refresh_token))
  assert.deepEqual(
    aliased.map(line => line.split(' ')[0]),
    ['token', 'token', 'userinfo', 'introspect', 'revocation'].map(name => `/connect/${name}`),
  )

  const thief = clientOf('roclient', authentication, withoutCertificate)
  const stolen = await fetchUserinfo(thief.client, access_token, null)
  assert.ok(!stolen.ok)
  assert.equal(stolen.error.code, 'invalid_token')
})

test('mtls: a server without aliases gets the requests at its ordinary endpoints [RFC 8705 §5]', async () => {
  const client = createClient({
    ...{ issuer, client_id: 'self-signed', authentication: tlsClientAuth({ selfSigned: true }) },
    metadata: { issuer, token_endpoint: `${issuer}/connect/token` },
    fetch: async url => Response.json({ access_token: url, token_type: 'Bearer' }),
  })
  assert.equal(unwrap(await clientCredentials(client)).access_token, `${issuer}/connect/token`)
})

test('mtls: a client without it does not use the aliases', async () => {
  const { client, aliased } = clientOf('client', clientSecretBasic(secret))
  unwrap(await clientCredentials(client, { scope: 'api1' }))
  assert.deepEqual(aliased, [])
})

test('mtls: an alias that the policy does not allow is refused, and nothing is sent to it', async () => {
  const client = createClient({
    ...{ issuer, client_id: 'self-signed', authentication: tlsClientAuth({ selfSigned: true }) },
    policy: { endpointHosts: [] },
    fetch: (url, init) => (url.startsWith(alias) ? assert.fail(url) : fetch(url, init)),
  })
  const tokens = await clientCredentials(client)
  assert.ok(!tokens.ok)
  assert.equal(tokens.error.code, 'endpoint_host_not_allowed')
})
