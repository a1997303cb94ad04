/** The web applications that `create-tessera` writes, in a real browser. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { createProject } from '../create-tessera/project.ts'
import { launchChromium } from './chromium.ts'

let browser: Browser

before(async () => {
  browser = await launchChromium()
})
after(() => browser?.close())

for (const app of ['express', 'spa'])
  test(`create-tessera: the first user signs in to the ${app} application and out again`, async () => {
    const project = await createProject(app)
    const { APP_URL, FIRST_USER, FIRST_USER_PASSWORD } = project.variables
    const stop = await project.start(/application at/)
    const context = await browser.newContext()
    try {
      const page = await context.newPage()
      const errors: string[] = []
      page.on('pageerror', error => errors.push(error.message))
      await page.goto(`${APP_URL}/`)
      await page.getByText('Sign in').click()
      await page.getByLabel('Username').fill(FIRST_USER!)
      await page.getByLabel('Password').fill(FIRST_USER_PASSWORD!)
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await page.getByText('You are signed in as Administrator').waitFor()
      assert.equal(new URL(page.url()).search, '')
      if (app === 'express') {
        await page.getByText('Profile').click()
        await page.getByText('admin@example.com').waitFor()
        await page.getByText('Back').click()
      }
      await page.getByText('Sign out').click()
      await page.getByText('You are not signed in').waitFor()
      assert.deepEqual(errors, [])
      assert.equal(await stop(), 0, project.output())
    } finally {
      await context.close()
      await stop()
      await project.remove()
    }
  })
