/**
 * Where the metadata of an issuer are found: every place that RFC 8414 §3.1 and §5, OpenID Connect Discovery 1.0 §4 and the
 * MCP authorization specification name, for every kind of issuer, standalone and embedded.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createIssuer, type Fetch } from '@tessera/client'
import { createTestServer, type TestServer } from '../support/tessera.ts'

const hosted = 'https://id.globex.example'

/** A server with tenants below it, and one with its own host. */
const configurationAt = (issuer: string) => ({
  issuer,
  clients: [],
  users: [],
  tenants: [
    { name: 'acme', issuer: 'path' },
    { name: 'globex', issuer: hosted },
  ],
})

/** Returns the URLs at which clients look for the metadata of an issuer. */
function placesOf(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const names = ['openid-configuration', 'oauth-authorization-server']
  return [
    ...new Set(
      names.flatMap(name => [`${origin}/.well-known/${name}${path}`, `${origin}${path}/.well-known/${name}`]),
    ),
  ]
}

/** How requests reach the server: as plain messages, and as web requests of an application that embeds it. */
const edges: Readonly<Record<string, (server: TestServer) => Fetch>> = {
  standalone: server => async url => {
    const { host, pathname } = new URL(url)
    const { status, body } = await server.send('GET', pathname, { headers: { host } })
    return new Response(body, { status })
  },
  embedded: server => url => server.fetch(new Request(url, { headers: { host: new URL(url).host } })),
}

for (const [edge, fetchOf] of Object.entries(edges))
  for (const own of ['https://id.example', 'https://id.example/auth', 'https://id.example/a/b']) {
    test(`discovery: ${own}, ${edge}, and its tenants are found at every place [RFC 8414 §3.1, §5]`, async () => {
      const server = await createTestServer(configurationAt(own))
      const fetch = fetchOf(server)
      for (const issuer of [own, `${own}/t/acme`, hosted]) {
        for (const place of placesOf(issuer)) {
          const response = await fetch(place, {})
          assert.equal(response.status, 200, place)
          const metadata = await response.json()
          assert.equal(metadata.issuer, issuer, place)
          // RFC 9207 §3, and PKCE, which MCP clients require.
          assert.equal(metadata.authorization_response_iss_parameter_supported, true)
          assert.deepEqual(metadata.code_challenge_methods_supported, ['S256'])
        }
        for (const wellKnown of ['openid-configuration', 'oauth-authorization-server'] as const) {
          const asked: string[] = []
          const counting: Fetch = (url, init) => {
            asked.push(url)
            return fetch(url, init)
          }
          const found = await createIssuer(issuer, { fetch: counting, wellKnown }).metadata()
          assert.ok(found.ok, issuer)
          assert.equal(asked.length, 1)
        }
      }
    })

    test(`discovery: ${own}, ${edge}, serves no metadata for issuers that do not exist`, async () => {
      const fetch = fetchOf(await createTestServer(configurationAt(own)))
      for (const issuer of [
        `${own}/t/initech`,
        `${own}/t/globex`,
        `${own}/t`,
        `${own}/other`,
        `${hosted}/t/acme`,
      ])
        for (const place of placesOf(issuer)) assert.equal((await fetch(place, {})).status, 404, place)
    })
  }
