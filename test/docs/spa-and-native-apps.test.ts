/** The guide of single-page and native applications: its entries are valid, and their users can sign in. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfiguration } from '../../packages/server/src/configuration/parse.ts'
import { readText } from '../support/repository.ts'
import { challenge } from '../support/sign-in.ts'
import { createTestServer, issuer } from '../support/tessera.ts'

const guide = readText('docs/guides/spa-and-native-apps.md')
const entries = [...guide.matchAll(/```jsonc\n([\s\S]*?)```/g)].map(([, block]) => JSON.parse(block!))

const configuration = (clients: readonly object[]) => ({
  issuer,
  storage: 'memory:',
  api_scopes: [{ name: 'orders.read' }],
  api_resources: [{ name: 'urn:shop:orders', scopes: ['orders.read'] }],
  clients,
})

test('applications without a secret: all entries are one valid configuration, without a warning', () => {
  assert.deepEqual(
    entries.map(({ client_id }) => client_id),
    ['spa', 'mobile', 'desktop', 'cli'],
  )
  const outcome = parseConfiguration(configuration(entries))
  assert.ok(outcome.ok, JSON.stringify(outcome))
  assert.deepEqual(outcome.warnings, [])
})

test('applications without a secret: the mistakes that the guide calls errors are errors', () => {
  const [spa] = entries
  for (const wrong of [
    { client_secrets: [{ value: 'k'.repeat(44) }] },
    { allowed_cors_origins: ['https://shop.example/'] },
    { allowed_cors_origins: ['https://shop.example/app'] },
  ])
    assert.equal(parseConfiguration(configuration([{ ...spa, ...wrong }])).ok, false, JSON.stringify(wrong))
  const mobile = entries[1]
  const { token_endpoint_auth_method: _, ...confidential } = mobile
  const outcome = parseConfiguration(
    configuration([{ ...confidential, client_secrets: [{ value: 'k'.repeat(44) }] }]),
  )
  assert.ok(outcome.ok && outcome.warnings.length > 0)
})

test('applications without a secret: each redirect URI leads to the sign-in, a loopback one with any port', async () => {
  const server = await createTestServer(configuration(entries))
  const send = async (client_id: string, redirect_uri: string, scope: string) => {
    const request = { client_id, redirect_uri, scope, response_type: 'code', state: 'x' }
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
    const path = `/connect/authorize?${new URLSearchParams({ ...request, ...pkce })}`
    return server.send('GET', path)
  }
  for (const { client_id, redirect_uris, scope } of entries) {
    for (const uri of redirect_uris) {
      const used = uri.replace('127.0.0.1', '127.0.0.1:51004')
      const { headers } = await send(client_id, used, scope)
      assert.match(String(headers.location), /^\/login\?/, `${client_id}: ${used}`)
    }
    const other = await send(client_id, 'http://localhost:3000/callback', scope)
    assert.equal(other.reason, 'redirect_uri_not_registered')
  }
})

test('applications without a secret: the device of the guide gets a code', async () => {
  const server = await createTestServer(configuration(entries))
  const form = { client_id: 'cli', scope: 'openid orders.read' }
  assert.equal((await server.send('POST', '/connect/deviceauthorization', { form })).status, 200)
  const refused = await server.send('POST', '/connect/deviceauthorization', {
    form: { ...form, client_id: 'desktop' },
  })
  assert.equal(refused.json.error, 'unauthorized_client')
})
