/** Clocks that are set back while the library runs: nothing that is cached is used for longer. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, createIssuer, unwrap } from '@tessera/client'
import { createApiGuard } from '@tessera/client/api'

const issuer = 'https://as.example'
const start = 1_790_000_000

test('wrong clock: after it was set back, the metadata are requested again', async () => {
  let now = start
  let requests = 0
  const server = createIssuer(issuer, {
    now: () => now,
    async fetch() {
      requests += 1
      return Response.json({ issuer, token_endpoint: `${issuer}/token/${requests}` })
    },
  })
  await server.metadata()
  await server.metadata()
  assert.equal(requests, 1)
  now -= 86_400
  assert.equal(unwrap(await server.metadata()).token_endpoint, `${issuer}/token/2`)
  await server.metadata()
  assert.equal(requests, 2)
})

test('wrong clock: after it was set back, a revoked token is not taken from the cache', async () => {
  let now = start
  let active = true
  const client = createClient({
    ...{ issuer, client_id: 'api', now: () => now },
    metadata: { issuer, introspection_endpoint: `${issuer}/introspect` },
    fetch: async () => Response.json({ active, aud: 'urn:api' }),
  })
  const guard = createApiGuard(client.issuer, { audience: 'urn:api', introspection: { client } })
  const header = (name: string): readonly string[] => (name === 'authorization' ? ['Bearer opaque'] : [])
  const check = () => guard.requires()({ method: 'GET', url: '/', header })
  assert.ok((await check()).ok)
  active = false
  assert.ok((await check()).ok)
  now -= 3600
  const decision = await check()
  assert.ok(!decision.ok)
  assert.equal(decision.reason, 'token_inactive')
})
