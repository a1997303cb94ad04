import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { startTestServer } from '@tessera/server/testing'
import { startApp } from '../app.js'
import { provider } from '../provider.js'

let idp
let app
before(async () => {
  idp = await startTestServer(provider)
  app = await startApp({ issuer: idp.issuer })
})
beforeEach(() => idp.reset())
after(() => Promise.all([app.close(), idp.close()]))

const orders = async token =>
  (await fetch(`${app.url}/orders`, { headers: { authorization: `Bearer ${token}` } })).status

test('the API accepts a token of a user', async () => {
  assert.equal(await orders(await idp.token({ user: 'alice', scope: 'orders' })), 200)
})

test('the API refuses tokens that are expired, for another API, or signed by somebody else', async () => {
  const token = { user: 'alice', scope: 'orders' }
  assert.equal(await orders(await idp.token({ ...token, expiresIn: -60 })), 401)
  assert.equal(await orders(await idp.token({ ...token, claims: { aud: 'https://other.example' } })), 401)
  assert.equal(await orders(await idp.token({ ...token, signature: 'wrong_key' })), 401)
  assert.equal(await orders(await idp.token({ ...token, signature: 'none' })), 401)
})

test('the API follows a rotation of the keys', async () => {
  assert.equal(await orders(await idp.token({ user: 'alice', scope: 'orders' })), 200)
  await idp.rotateKeys({ retire: true })
  assert.equal(await orders(await idp.token({ user: 'alice', scope: 'orders' })), 200)
})

test('a user signs in', async () => {
  const { response } = await idp.signIn(`${app.url}/login`, { user: 'bob' })
  assert.match(await response.text(), /Hello Bob/)
})

test('a refresh whose response is lost is retried', async () => {
  const { browser } = await idp.signIn(`${app.url}/login`)
  idp.faults.loseResponse('token')
  assert.match(await (await browser.fetch(`${app.url}/refresh`)).text(), /Refreshed/)
})
