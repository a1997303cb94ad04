/** Cookies: each has one purpose, and none can be read, sent or set by others. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBrowser } from '../support/browser.ts'
import { enrolApp } from '../support/factors.ts'
import { answerOf, authorizePath, signIn } from '../support/sign-in.ts'
import { federatedWorld, startFederated, startForeignProvider, visitProvider } from '../support/upstream.ts'

test('cookies: a browser remembered for its second factor remains so after a redirect to a provider and back', async () => {
  const provider = await startForeignProvider()
  try {
    provider.claims = { sub: 'ada' }
    const { server, browser } = await startFederated({
      ...federatedWorld(provider),
      mfa: { mode: 'required', remember_browser_days: 7, methods: ['totp'] },
    })
    const { app } = await enrolApp(server, createBrowser(server), authorizePath())
    server.clock.advance(60)
    const leaving = await browser.visit(authorizePath({ acr_values: 'idp:corp' }))
    const asked = await signIn(browser, authorizePath({ prompt: 'login' }))
    answerOf(await browser.submit(asked, { code: app.code(), remember: 'yes', button: 'verify' }))
    const back = await browser.visit(await visitProvider(leaving))
    assert.ok(back.target.startsWith('/mfa'), `${back.status} ${back.text}`)
    const again = await signIn(browser, authorizePath({ prompt: 'login' }))
    assert.ok(answerOf(again).get('code'))
  } finally {
    await provider.close()
  }
})
