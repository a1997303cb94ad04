/** Strangers who send the callback codes that they invented: each is a request to the provider. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createMemoryStores,
  createMemoryTenantStores,
} from '../../packages/server/src/storage/memory/stores.ts'
import { emptyTables } from '../../packages/server/src/storage/memory/tables.ts'
import { createBrowser } from '../support/browser.ts'
import { answerOf, authorizePath } from '../support/sign-in.ts'
import { federatedWorld, foreignProvider, startFederated, visitProvider } from '../support/upstream.ts'

const provider = foreignProvider({ sub: 'ada' })
const atCorp = authorizePath({ acr_values: 'idp:corp' })

async function start(settings: object = {}) {
  const tables = emptyTables()
  const stores = { ...createMemoryTenantStores(), main: createMemoryStores(tables) }
  const { server } = await startFederated(federatedWorld(provider, settings), stores)
  const counted = () => tables.attempts.filter(() => true).reduce((sum, { count }) => sum + count, 0)
  /** Sends a browser to the provider and back, with these parameters of the response. */
  const comeBack = async (changes: Readonly<Record<string, string>> = {}) => {
    const browser = createBrowser(server)
    const [path = '', query] = (await visitProvider(await browser.visit(atCorp))).split('?')
    const response = new URLSearchParams(query)
    if (changes.error !== undefined) response.delete('code')
    for (const [name, value] of Object.entries(changes)) response.set(name, value)
    return browser.visit(`${path}?${response}`)
  }
  return { server, counted, comeBack }
}

test('federation attack: codes that the provider refuses count for their network, so that it is not asked without limit', async () => {
  const { server, counted, comeBack } = await start()
  for (let tries = 1; tries <= 5; tries++) {
    await comeBack({ code: `invented-${tries}` })
    assert.equal(server.reason(), 'upstream_refused_code')
    assert.equal(counted(), tries)
  }
  assert.ok(answerOf(await comeBack()).get('code'))
  assert.equal(counted(), 5)
})

test('federation: a sign-in at a provider and a refusal there are not counted afterwards', async () => {
  const { server, counted, comeBack } = await start()
  await comeBack()
  assert.equal(counted(), 0)
  await comeBack({ error: 'access_denied' })
  assert.ok(server.logged.some(({ reason }) => reason === 'upstream_access_denied'))
  assert.equal(counted(), 0)
})

for (const [what, statusCode, body] of [
  ['fails', 503, {}],
  ['refuses the token', 401, { error: 'invalid_token' }],
  ['is of another user', 200, { sub: 'eve' }],
  ['is no object', 200, []],
] as const)
  test(`federation: a sign-in whose code was accepted is not counted afterwards if UserInfo ${what} [OpenID Connect Core 1.0 §5.3]`, async () => {
    const { server, counted, comeBack } = await start({ userinfo: true })
    provider.service.once('beforeUserinfo', response => Object.assign(response, { statusCode, body }))
    assert.equal((await comeBack()).status, 502)
    assert.equal(server.reason(), 'upstream_userinfo_invalid')
    assert.equal(counted(), 0)
  })
