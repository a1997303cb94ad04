/* global app, beforeEach, expect, idp, test */

beforeEach(() => idp.reset())

test('the API accepts a token of a user and refuses an expired one', async () => {
  const orders = async token =>
    (await fetch(`${app.url}/orders`, { headers: { authorization: `Bearer ${token}` } })).status
  expect(await orders(await idp.token({ user: 'alice', scope: 'orders' }))).toBe(200)
  expect(await orders(await idp.token({ user: 'alice', scope: 'orders', expiresIn: -60 }))).toBe(401)
})

test('a user signs in, and the application redeems one code', async () => {
  const { response } = await idp.signIn(`${app.url}/login`, { user: 'alice' })
  expect(await response.text()).toContain('Hello Alice')
  const grants = idp.requests
    .filter(({ endpoint }) => endpoint === 'token')
    .map(({ form }) => form.get('grant_type'))
  expect(grants).toEqual(['authorization_code'])
})
