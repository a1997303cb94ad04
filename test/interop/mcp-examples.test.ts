/** `examples/mcp`: its server with both generations of MCP's SDK, and its client. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { assertCovers } from '../kinds/coverage.ts'
import { namesIn, readText } from '../support/repository.ts'
import { claimsOf } from '../support/tessera.ts'
import { until } from '../support/until.ts'
import { createApplication, sdks } from './apps/mcp-application.ts'
import { type McpWorld, mcpWorld } from './apps/mcp-world.ts'

const start = mcpWorld()
let world: McpWorld

before(async () => {
  world = await start()
})
after(() => world?.stop())

for (const sdk of sdks)
  for (const way of ['document', 'registration'] as const)
    test(`mcp example: ${sdk.name} by ${way} signs in, refreshes, and gets more scope when a tool needs it`, async () => {
      const app = createApplication(world, sdk, way === 'document' ? world.document : undefined)
      await app.connect()
      const { tokens: first, client } = app.saved()
      assert.equal(client?.client_id === world.document, way === 'document')
      const { aud, scope, client_id } = claimsOf(first?.access_token ?? '')
      assert.deepEqual([aud, client_id], [world.resource, client?.client_id])
      assert.equal(scope, 'notes.read offline_access')
      assert.match((await app.call('list_notes')) ?? '', /\S/)

      app.breakToken()
      await app.call('list_notes')
      const { tokens: refreshed } = app.saved()
      assert.notEqual(refreshed?.refresh_token, first?.refresh_token)
      assert.equal(claimsOf(refreshed?.access_token ?? '').aud, world.resource)
      assert.equal(app.asked.length, 1)

      const note = `by ${sdk.name} with ${way}`
      if (!sdk.isModern) {
        // Its first answer to a missing scope is a refresh, after which it gives up (typescript-sdk#2255).
        await assert.rejects(app.call('add_note', { note }), /after trying upscoping/)
        await app.reconnectWithoutRefreshToken()
      }
      await assert.rejects(app.call('add_note', { note }), sdk.UnauthorizedError)
      await app.finish(await app.visitPage())
      assert.equal(await app.call('add_note', { note }), 'added for u-alice')
      assert.ok((await app.call('list_notes'))?.includes(note))
      const wider = claimsOf(app.saved().tokens?.access_token ?? '').scope
      // The older one requests exactly what the challenge names, so that it has no refresh token from here on.
      assert.equal(wider, sdk.isModern ? 'notes.read notes.write offline_access' : 'notes.read notes.write')

      for (const request of app.asked)
        assert.deepEqual(request.searchParams.getAll('resource'), [world.resource])
      await app.close()
    })

for (const sdk of sdks)
  test(`mcp example: ${sdk.name} registers again after its client was deleted, and its old page says what to do`, async () => {
    const app = createApplication(world, sdk)
    await app.connect()
    const old = app.saved().client?.client_id ?? ''
    await world.run('clients', 'remove', old)
    const page = await world.person().open(app.asked[0]?.href ?? '')
    assert.match(page, /Remove its connection to this server in the application and connect it again/)

    app.breakToken()
    await assert.rejects(app.call('list_notes'), sdk.UnauthorizedError)
    assert.notEqual(app.saved().client?.client_id, old)
    await app.finish(await app.visitPage())
    await app.call('list_notes')
    await app.close()
  })

test('mcp example: @modelcontextprotocol/client checks iss of the response', async () => {
  const app = createApplication(world, sdks[1]!, world.document)
  await app.refused()
  const back = await app.visitPage()
  assert.equal(back.searchParams.get('iss'), world.issuer)
  const forged = new URL(back)
  forged.searchParams.set('iss', 'https://other.example')
  await assert.rejects(app.finish(forged), { name: 'IssuerMismatchError' })
  const silent = new URL(back)
  silent.searchParams.delete('iss')
  await assert.rejects(app.finish(silent), { name: 'IssuerMismatchError' })
  assert.equal(app.saved().tokens, undefined)
  await app.finish(back)
  assert.ok(app.saved().tokens)
})

test('mcp example: the server publishes its metadata, names them in challenges, and refuses tokens for others', async () => {
  const url = new URL(world.resource)
  const metadataUrl = `${url.origin}/.well-known/oauth-protected-resource/mcp`
  const send = (token?: string) =>
    fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(token && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    })
  const refused = await send()
  assert.equal(refused.status, 401)
  assert.equal(refused.headers.get('www-authenticate'), `Bearer resource_metadata="${metadataUrl}"`)
  const document = (await (await fetch(metadataUrl)).json()) as any
  assert.deepEqual([document.resource, document.authorization_servers], [world.resource, [world.issuer]])

  const tokenFor = async (resource: string): Promise<string> => {
    const response = await fetch(`${world.issuer}/connect/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa('machine:secret-of-machine')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource }),
    })
    return ((await response.json()) as { access_token: string }).access_token
  }
  assert.equal((await send(await tokenFor(world.resource))).status, 200)
  for (const token of ['not-a-token', await tokenFor('urn:other')]) {
    const wrong = await send(token)
    assert.equal(wrong.status, 401)
    assert.match(wrong.headers.get('www-authenticate') ?? '', /error="invalid_token".*resource_metadata=/)
  }
  // Tools that do not exist, and messages that are none.
  for (const message of [{ method: 'tools/call', params: { name: 'constructor' } }, null, 17, [null], '']) {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${await tokenFor(world.resource)}`,
      },
      body: JSON.stringify(message),
    })
    assert.equal(response.status, 400, JSON.stringify(message))
  }
  // The token is checked before the body is read.
  const large = (headers = {}) => fetch(url, { method: 'POST', headers, body: 'x'.repeat(200_000) })
  assert.equal((await large()).status, 401)
  const authorization = `Bearer ${await tokenFor(world.resource)}`
  assert.equal((await large({ authorization })).status, 400)
  assert.equal((await fetch(url)).status, 405)
  assert.equal((await fetch(new URL('/other', url))).status, 404)
})

for (const way of ['document', 'registration'] as const)
  test(`mcp example: the client by ${way} signs in, lists notes, and asks again to add one`, async () => {
    const environment = { PRINT_URL: '1', ...(way === 'document' && { CLIENT_DOCUMENT: world.document }) }
    const program = await world.programs.start('mcp/client.ts', environment)
    const person = world.person()
    const pages = () => [...program.output().matchAll(/^Open (\S+)\n/gm)].map(([, page = '']) => page)
    for (const count of [1, 2]) {
      const page = await until(`page ${count} is printed`, () => pages()[count - 1])
      assert.equal(new URL(page).searchParams.get('client_id') === world.document, way === 'document')
      const back = await person.authorize(page)
      assert.equal((await fetch(back)).status, 200)
    }
    assert.equal(await program.ended, 0, program.output())
    assert.match(program.output(), /^add_note: added for u-alice$/m)
    assert.match(program.output(), /^list_notes: [\s\S]*Buy milk$/m)
  })

test('mcp example: the README names each file', () => {
  const readme = readText('examples/mcp/README.md')
  assertCovers(
    [...readme.matchAll(/\[(\S+)\]\(\1\)/g)].map(([, name = '']) => name),
    namesIn('examples/mcp').filter(name => /\.(?:ts|jsonc)$/.test(name)),
    'row',
  )
})
