import { expect, test } from './fixtures.js'

test.afterEach(({ idp }) => idp.reset())

test('a user signs in by the login page', async ({ page, app }) => {
  await page.goto(app.url)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('Username').fill('alice')
  await page.getByLabel('Password').fill('wonderland')
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await expect(page.getByText('Hello Alice')).toBeVisible()
})

test('a user who is signed in already is not asked', async ({ page, app, signedInAs }) => {
  await signedInAs('bob')
  await page.goto(`${app.url}/login`)
  await expect(page.getByText('Hello Bob')).toBeVisible()
})
