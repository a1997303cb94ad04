/** The page at `/`: for users, with links for developers on their own machine. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountsWorld } from '../support/accounts.ts'
import { createBrowser } from '../support/browser.ts'
import { pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const start = async (input: object = pagesWorld) => createBrowser(await createTestServer(input))

const hrefsOf = (body: string): readonly string[] =>
  [...(/<main[\s\S]*<\/main>/.exec(body)?.[0] ?? '').matchAll(/href="([^"]*)"/g)].map(([, href = '']) => href)

const withDevice = {
  ...pagesWorld,
  clients: [
    {
      client_id: 'tv',
      token_endpoint_auth_method: 'none',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      scope: 'openid',
    },
  ],
}

test('home: a user sees a link to the account page, and nothing for engineers', async () => {
  const browser = await start({ ...withDevice, clients: [] })
  const page = await browser.visit('/')
  assert.match(page.text, /^Tessera Welcome to Tessera Sign in to manage your account\. Sign in /)
  assert.deepEqual(hrefsOf(page.body), ['/account'])
  assert.doesNotMatch(page.text, /discovery|metadata|JWKS|developers/i)
})

test('home: it links to the operator’s product, to sign-up and to devices if they exist', async () => {
  const branding = { name: 'Acme', home_url: 'https://www.acme.example/shop' }
  const browser = await start({ ...accountsWorld({ sign_up: true }), clients: withDevice.clients, branding })
  const page = await browser.visit('/')
  assert.match(page.text, /Welcome to Acme .* Create an account Go to www\.acme\.example Connect a device/)
  assert.deepEqual(hrefsOf(page.body), ['/account', '/register', 'https://www.acme.example/shop', '/device'])
})

test('home: it shows the signed-in user, who can sign out', async () => {
  const browser = await start({ ...withDevice, clients: [] })
  await signIn(browser, '/account')
  const page = await browser.visit('/')
  assert.match(page.text, /Signed in as alice Your account Sign out/)
  assert.deepEqual(hrefsOf(page.body), ['/account', '/logout'])
})

test('home: on a loopback issuer it links to the metadata, the keys and the emails', async () => {
  const browser = await start({ ...withDevice, issuer: 'http://localhost:5080/auth' })
  const page = await browser.visit('/auth/')
  for (const path of ['openid-configuration', 'oauth-authorization-server', 'openid-configuration/jwks'])
    assert.ok(hrefsOf(page.body).includes(`/auth/.well-known/${path}`), path)
})

test('home: cancelling at the account leads here', async () => {
  const browser = await start()
  const page = await browser.submit(await browser.visit('/account'), { button: 'cancel' })
  assert.equal(page.target, '/')
  assert.match(page.text, /Welcome to Tessera/)
})
