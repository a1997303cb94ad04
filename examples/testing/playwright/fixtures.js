/** Each worker has one identity provider and one application, so that workers don't disturb each other. */

import { test as base } from '@playwright/test'
import { startTestServer } from '@tessera/server/testing'
import { startApp } from '../app.js'
import { provider } from '../provider.js'

export const test = base.extend({
  idp: [
    async ({}, use) => {
      const idp = await startTestServer(provider)
      await use(idp)
      await idp.close()
    },
    { scope: 'worker' },
  ],
  app: [
    async ({ idp }, use) => {
      const app = await startApp({ issuer: idp.issuer })
      await use(app)
      await app.close()
    },
    { scope: 'worker' },
  ],
  /** Signs a user in at the identity provider before the test opens a page. */
  signedInAs: async ({ context, idp }, use) => {
    await use(async user => {
      const browser = idp.browser()
      await browser.startSession(user)
      await context.addCookies(browser.cookies())
    })
  },
})

export { expect } from '@playwright/test'
