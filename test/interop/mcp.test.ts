/**
 * The Model Context Protocol's TypeScript SDK, unmodified, on both sides: a server that announces Tessera as its
 * authorization server (RFC 9728), and a client that discovers it, registers itself and signs its user in.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { freePort, withServer } from '../support/process.ts'
import { createPerson } from '../support/remote.ts'
import { createProvider } from './apps/mcp-provider.ts'
import { serveMcp } from './apps/mcp-server.ts'

const bob = { username: 'bob', password: 'bob' }
const scope = 'notes:read'

const configurationFor = (resource: string, registration: object = {}) => ({
  registration: { mode: 'open', allowed_scope: `openid offline_access ${scope}`, ...registration },
  api_scopes: [{ name: scope }],
  api_resources: [{ name: resource, scopes: [scope], api_secrets: [{ value: 'secret of the server' }] }],
  users: [{ sub: '1', ...bob, claims: { name: 'Bob' } }],
})

for (const token_endpoint_auth_method of ['none', 'client_secret_post', 'client_secret_basic'])
  test(`mcp: a client with ${token_endpoint_auth_method} registers itself, signs its user in, calls a tool and refreshes`, async t => {
    const port = await freePort()
    // As operators write it, without a path: the SDK's URLs end in a slash.
    const resource = `http://localhost:${port}`
    await withServer(configurationFor(resource), async ({ url: issuer }) => {
      const server = await serveMcp({ port, issuer, resource, secret: 'secret of the server', scope })
      t.after(server.close)
      const { provider, asked, saved } = createProvider({ token_endpoint_auth_method })
      const transport = () =>
        new StreamableHTTPClientTransport(new URL(server.url), { authProvider: provider })
      const refused = transport()
      await assert.rejects(new Client({ name: 'notes', version: '1' }).connect(refused), UnauthorizedError)
      const [address] = asked
      assert.ok(address)
      const back = await createPerson(issuer, bob).authorize(address.href)
      assert.equal(back.searchParams.get('iss'), issuer)
      await refused.finishAuth(back.searchParams.get('code') ?? '')
      assert.equal(saved().client?.token_endpoint_auth_method, token_endpoint_auth_method)

      const client = new Client({ name: 'notes', version: '1' })
      await client.connect(transport())
      const whoAmI = async () => {
        const { content } = await client.callTool({ name: 'whoami', arguments: {} })
        return (content as readonly { readonly text: string }[])[0]?.text
      }
      assert.equal(await whoAmI(), `1 ${scope}`)

      const before = saved().tokens
      assert.ok(before?.refresh_token)
      provider.saveTokens({ ...before, access_token: 'expired' })
      assert.equal(await whoAmI(), `1 ${scope}`)
      assert.notEqual(saved().tokens?.refresh_token, before.refresh_token)
      assert.equal(asked.length, 1)
      await client.close()
    })
  })

test('mcp: a client registers without a row, and registers again when its id is no longer valid', async t => {
  const port = await freePort()
  const resource = `http://localhost:${port}`
  const sealing = { sealed_client_ids: { mode: 'issue' } }
  await withServer(configurationFor(resource, sealing), async ({ url: issuer }) => {
    const server = await serveMcp({ port, issuer, resource, secret: 'secret of the server', scope })
    t.after(server.close)
    const { provider, asked, saved } = createProvider()
    const transport = () => new StreamableHTTPClientTransport(new URL(server.url), { authProvider: provider })
    const connected = async () => {
      const refused = transport()
      await assert.rejects(new Client({ name: 'notes', version: '1' }).connect(refused), UnauthorizedError)
      const back = await createPerson(issuer, bob).authorize(asked.at(-1)?.href ?? '')
      await refused.finishAuth(back.searchParams.get('code') ?? '')
      const client = new Client({ name: 'notes', version: '1' })
      await client.connect(transport())
      await client.close()
    }
    await connected()
    const { client, tokens } = saved()
    assert.ok(client && tokens)
    assert.match(client.client_id, /^sealed1\./)
    assert.equal(Object.hasOwn(client, 'registration_access_token'), false)

    await provider.saveClientInformation?.({ ...client, client_id: `${client.client_id.slice(0, -4)}AAAA` })
    await provider.saveTokens({ ...tokens, access_token: 'expired' })
    await connected()
    assert.match(saved().client?.client_id ?? '', /^sealed1\./)
    assert.notEqual(saved().client?.client_id, client.client_id)
    assert.equal(asked.length, 2)
  })
})
