/** Checks what the pages that lead to a client show of its metadata (OpenID Connect Dynamic Client Registration 1.0 §2). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientLinks } from '../../packages/server/src/pages/ui/client-view.ts'
import { createBrowser } from '../support/browser.ts'
import { register } from '../support/registering.ts'
import { authorizePath, callback, pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const said = {
  policy_uri: 'https://shop.example/privacy',
  'policy_uri#fr': 'https://shop.example/confidentialite',
  tos_uri: 'https://shop.example/terms',
}
const world = {
  ...pagesWorld,
  registration: { mode: 'open' },
  clients: pagesWorld.clients.map(client => ({ ...client, client_name: 'Shop', ...said })),
}

const linksOf = (body: string): readonly (readonly [href: string, rel: string, text: string])[] =>
  [...body.matchAll(/<a href="([^"]*)" target="_blank" rel="([^"]*)">([^<]*)</g)].map(
    ([, href = '', rel = '', text = '']) => [href, rel, text],
  )

const rel = 'noopener noreferrer'
const expected = [
  [said.policy_uri, rel, 'Privacy policy of Shop'],
  [said.tos_uri, rel, 'Terms of service of Shop'],
]

test('client links: the login and consent pages link to the privacy policy and the terms [OpenID Connect Dynamic Client Registration 1.0 §2]', async () => {
  const browser = createBrowser(await createTestServer(world))
  const login = await browser.visit(authorizePath({ client_id: 'asking' }))
  assert.deepEqual(linksOf(login.body), expected)
  const wrong = await browser.submit(login, { username: 'alice', password: 'no', button: 'login' })
  assert.deepEqual(linksOf(wrong.body), expected)
  assert.deepEqual(linksOf((await signIn(browser, authorizePath({ client_id: 'asking' }))).body), expected)
})

test('client links: those in the page’s language take precedence', async () => {
  const browser = createBrowser(await createTestServer(world))
  const login = await browser.visit(authorizePath({ ui_locales: 'fr' }))
  assert.equal(linksOf(login.body)[0]?.[0], said['policy_uri#fr'])
})

test('client links: there are none without a client, or if the client has none', async () => {
  const browser = createBrowser(await createTestServer(pagesWorld))
  assert.deepEqual(linksOf((await browser.visit('/account')).body), [])
  assert.deepEqual(linksOf((await browser.visit(authorizePath())).body), [])
})

test('client links: for a self-registered client the host is shown', async () => {
  const server = await createTestServer(world)
  const { json } = await register(server, {
    client_name: 'Your bank',
    redirect_uris: [callback],
    token_endpoint_auth_method: 'none',
    policy_uri: 'https://bücher.example/privacy',
    tos_uri: 'https://shop.example:8443/terms',
  })
  const login = await createBrowser(server).visit(
    authorizePath({ client_id: json.client_id, scope: 'openid' }),
  )
  assert.deepEqual(
    linksOf(login.body).map(([, , text]) => text),
    [
      'Privacy policy of Your bank (xn--bcher-kva.example)',
      'Terms of service of Your bank (shop.example:8443)',
    ],
  )
})

test('client links: only http and https URIs are linked', () => {
  const texts = { policy: (name: string) => `policy of ${name}`, terms: (name: string) => `terms of ${name}` }
  for (const policy of ['javascript:alert(1)', 'data:text/html,x', 'ftp://x.example/', 'nothing', ''])
    assert.deepEqual(clientLinks({ name: 'Shop', trusted: true, policy }, texts), [], policy)
})
