/** MCP's SDKs at the server of `examples/mcp`, registered without a row: their ids contain their metadata. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { claimsOf } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { createApplication, sdks } from './apps/mcp-application.ts'
import { type McpWorld, mcpWorld } from './apps/mcp-world.ts'

const start = mcpWorld('"sealed_client_ids": { "mode": "issue" },')
let world: McpWorld

before(async () => {
  world = await start()
})
after(() => world?.stop())

/** Returns the error of the token endpoint for a client with a wrong refresh token. */
async function errorFor(client_id: string): Promise<string> {
  const form = { grant_type: 'refresh_token', refresh_token: 'wrong', client_id }
  const response = await fetch(`${world.issuer}/connect/token`, {
    method: 'POST',
    body: new URLSearchParams(form),
  })
  return ((await response.json()) as { error: string }).error
}

for (const sdk of sdks)
  test(`mcp sealed clients: ${sdk.name} signs in, refreshes, and registers again after its id was blocked`, async () => {
    const app = createApplication(world, sdk)
    await app.connect()
    const sealed = app.saved().client?.client_id ?? ''
    assert.ok(sealed.length > 100, sealed)
    const { aud, client_id } = claimsOf(app.saved().tokens?.access_token ?? '')
    assert.deepEqual([aud, client_id], [world.resource, sealed])
    app.breakToken()
    await app.call('list_notes')
    assert.equal(app.asked.length, 1)

    await world.run('clients', 'block', sealed)
    // The running server learns of it within a second.
    await until('the client is refused', async () => (await errorFor(sealed)) === 'invalid_client')
    app.breakToken()
    await assert.rejects(app.call('list_notes'), sdk.UnauthorizedError)
    assert.notEqual(app.saved().client?.client_id, sealed)
    await app.finish(await app.visitPage())
    await app.call('list_notes')
    await app.close()
  })

test('mcp sealed clients: a client gets more scope when a tool needs it', async () => {
  const sdk = sdks[1]!
  const app = createApplication(world, sdk)
  await app.connect()
  await assert.rejects(app.call('add_note', { note: 'sealed' }), sdk.UnauthorizedError)
  await app.finish(await app.visitPage())
  assert.equal(await app.call('add_note', { note: 'sealed' }), 'added for u-alice')
  await app.close()
})
