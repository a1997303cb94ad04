/** Sign-ins that begin at this server (OpenID Connect Core 1.0 §4). */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { register } from '../support/registering.ts'
import { pagesWorld, signIn } from '../support/sign-in.ts'
import { createTestServer } from '../support/tessera.ts'

const web = { token_endpoint_auth_method: 'none', redirect_uris: ['https://app.example/cb'], scope: 'openid' }
const world = {
  ...pagesWorld,
  clients: [
    {
      ...web,
      client_id: 'shop',
      client_name: 'Shop & Co',
      initiate_login_uri: 'https://shop.example/login?from=here',
      initiate_login_target_link_uri: 'https://shop.example/orders?page=1',
    },
    { ...web, client_id: 'plain', initiate_login_uri: 'https://plain.example/start' },
    { ...web, client_id: 'silent', client_name: 'Silent' },
    { ...web, client_id: 'off', enabled: false, initiate_login_uri: 'https://off.example/start' },
    { ...web, client_id: 'globex', tenants: ['globex'], initiate_login_uri: 'https://globex.example/start' },
    { ...web, client_id: 'nolocal', enable_local_login: false, initiate_login_uri: 'https://no.example/' },
  ],
}

const linksOf = (html: string): readonly string[] =>
  [...html.matchAll(/<li><a href="(https:[^"]*)"/g)].map(([, href = '']) => href.replaceAll('&amp;', '&'))

test('applications: a signed-in user sees links to initiate_login_uri with the issuer and the target [OpenID Connect Core 1.0 §4]', async () => {
  const browser = createBrowser(await createTestServer(world))
  const page = await signIn(browser, '/account')
  const links = linksOf(page.body)
  assert.deepEqual(links, [
    'https://shop.example/login?from=here&iss=https%3A%2F%2Fid.example&target_link_uri=https%3A%2F%2Fshop.example%2Forders%3Fpage%3D1',
    'https://plain.example/start?iss=https%3A%2F%2Fid.example',
    'https://globex.example/start?iss=https%3A%2F%2Fid.example',
  ])
  assert.match(page.text, /Open an application Shop & Co plain globex/)
})

test('applications: a user of one tenant sees no applications of another', async () => {
  const browser = createBrowser(await createTestServer(world))
  const carol = { username: 'carol', password: 'carol', button: 'login' }
  const page = await signIn(browser, '/account?tenant=acme', carol)
  assert.ok(!page.text.includes('globex'))
  assert.ok(page.text.includes('Shop & Co'))
})

test('applications: without any there is no heading for them', async () => {
  const browser = createBrowser(await createTestServer(pagesWorld))
  assert.ok(!(await signIn(browser, '/account')).text.includes('Open an application'))
})

test('applications: self-registered clients are not listed, whatever their metadata', async () => {
  const server = await createTestServer({ ...world, registration: { mode: 'open' } })
  const { status } = await register(server, {
    redirect_uris: ['https://trap.example/cb'],
    client_name: 'Shop & Co',
    initiate_login_uri: 'https://trap.example/start',
  })
  assert.equal(status, 201)
  const page = await signIn(createBrowser(server), '/account')
  assert.equal(linksOf(page.body).length, 3)
  assert.doesNotMatch(page.body, /trap\.example/)
})
