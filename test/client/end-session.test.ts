import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endSessionUrl, unwrap, validateEndSessionResponse } from '@tessera/client'
import { hybridWorld } from '../support/hybrid.ts'
import { callback } from '../support/sign-in.ts'
import { authorize, startAuthorizationWorld } from './authorization-world.ts'

const bye = 'https://app.example/bye'
const world = await startAuthorizationWorld({
  clients: hybridWorld.clients.map(client => ({ ...client, post_logout_redirect_uris: [bye] })),
})
const client = world.client()

test('end session: an ID token signs the user out at the server, and the browser returns with the state [RP-Initiated Logout 1.0 §2, §3]', async () => {
  const { response } = await authorize(world, client, { response_type: 'id_token' })
  const id_token_hint = new URLSearchParams(new URL(response).hash.slice(1)).get('id_token') ?? ''
  const { url, state } = unwrap(
    await endSessionUrl(client, { id_token_hint, post_logout_redirect_uri: bye, ui_locales: 'de' }),
  )
  assert.equal(new URL(url).searchParams.get('client_id'), 'web')
  assert.equal(new URL(url).searchParams.get('ui_locales'), 'de')
  const page = await world.visit(url)
  const location =
    /https:\/\/app\.example\/bye\?state=[\w-]+/.exec(`${page.location} ${page.body}`)?.[0] ?? ''
  assert.ok(validateEndSessionResponse(location, state ?? '').ok)
  assert.ok(validateEndSessionResponse(`${location}#top`, state ?? '').ok)
  assert.ok(validateEndSessionResponse(new URL(location), state ?? '').ok)
  assert.ok(validateEndSessionResponse(new URL(location).searchParams, state ?? '').ok)
  const again = await authorize(world, client, { prompt: 'none', redirect_uri: callback })
  assert.match(again.response, /error=login_required/)
})

test('end session: without a redirection URI there is no state', async () => {
  const { url, state } = unwrap(await endSessionUrl(client))
  assert.equal(state, undefined)
  assert.deepEqual([...new URL(url).searchParams.keys()], ['client_id'])
})

for (const response of [`${bye}?state=other`, bye, `${bye}?state=right&state=right`, `${bye}#state=right`])
  test(`end session: a return to ${response} is refused`, () => {
    const checked = validateEndSessionResponse(response, 'right')
    assert.ok(!checked.ok)
    assert.equal(checked.error.code, 'state_mismatch')
  })

test('end session: a server without an end-session endpoint is unsupported', async () => {
  const { end_session_endpoint: _, ...metadata } = unwrap(await client.issuer.metadata())
  const created = await endSessionUrl(world.client({ metadata }))
  assert.ok(!created.ok)
  assert.equal(created.error.kind, 'unsupported')
  assert.equal(created.error.code, 'endpoint_missing')
})
