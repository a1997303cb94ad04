/** Pages by keyboard alone: where the focus goes, that it is visible, and that no mouse is needed. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { authorizePath, verifier } from '../support/sign-in.ts'
import { type PagesServer, startPages } from './pages-server.ts'

let pages: PagesServer
before(async () => {
  pages = await startPages()
})
after(() => pages?.close())

const authorize = (changes: Record<string, string>) =>
  pages.url + authorizePath({ redirect_uri: `${pages.app}/cb`, ...changes })

const hasFocus = (page: Page, selector: string): Promise<boolean> =>
  page.locator(selector).evaluate((element: any) => element === element.ownerDocument.activeElement)

/** Presses Tab until this has the focus; every stop on the way has a visible outline. */
async function tabTo(page: Page, selector: string): Promise<readonly string[]> {
  const stops: string[] = []
  // Where the page itself sets the focus.
  if ((await page.locator('[autofocus]').count()) > 0) await page.locator(':focus').first().waitFor()
  for (let presses = 0; presses < 30; presses++) {
    if (await hasFocus(page, selector)) return stops
    await page.keyboard.press('Tab')
    const [name, outline] = (await page.evaluate(
      `[document.activeElement.name || document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]`,
    )) as [string, string]
    assert.notEqual(outline, 'none', `${name} has the focus, and nothing shows it: ${stops}`)
    stops.push(name)
  }
  throw new Error(`Tab never comes to ${selector}: ${stops}`)
}

test('keyboard: a sign-in, a choice of scopes and consent work without a mouse', async () => {
  const page = await pages.browser.newPage()
  await page.goto(authorize({ client_id: 'asking', scope: 'openid profile api1', prompt: 'login consent' }))
  await tabTo(page, '[name="username"]')
  await page.keyboard.type('alice')
  await page.keyboard.press('Enter')
  await page.locator('[name="password"]').waitFor()
  await tabTo(page, '[name="password"]')
  await page.keyboard.type('wonderland')
  await page.keyboard.press('Enter')
  const profile = 'input[name="scope"][value="profile"]'
  await page.locator(profile).waitFor()
  await tabTo(page, profile)
  await page.keyboard.press('Space')
  assert.equal(await page.locator(profile).isChecked(), false)
  await tabTo(page, 'button[value="yes"]')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${pages.app}/**`)
  const { searchParams } = new URL(page.url())
  const redeemed = await fetch(`${pages.url}/connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ grant_type: 'authorization_code', client_id: 'asking', code: searchParams.get('code') ?? '' },
      ...{ redirect_uri: `${pages.app}/cb`, code_verifier: verifier },
    }),
  })
  const { scope } = (await redeemed.json()) as { scope: string }
  assert.equal(scope, 'api1 openid')
  await page.close()
})

test('keyboard: the language can be changed, and the focus follows the order of the page', async () => {
  const page = await pages.browser.newPage({ locale: 'en' })
  await page.goto(`${pages.url}/device`)
  const stops = await tabTo(page, '.languages summary')
  assert.deepEqual(stops, ['BUTTON', 'A', 'A', 'SUMMARY'])
  await page.keyboard.press('Enter')
  await tabTo(page, 'a[hreflang="de"]')
  await page.keyboard.press('Enter')
  await page.locator('html[lang="de"]').waitFor()
  await page.close()
})

test('keyboard: on account pages the first stop skips the navigation', async () => {
  const page = await pages.browser.newPage()
  await page.goto(`${pages.url}/account`)
  await page.locator('[name="username"]').fill('alice')
  await page.keyboard.press('Enter')
  await page.locator('[name="password"]').fill('wonderland')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/account')
  await page.keyboard.press('Tab')
  assert.equal(await hasFocus(page, '.skip'), true)
  assert.ok(((await page.locator('.skip').boundingBox())?.y ?? -1) >= 0, 'it is not seen')
  await page.keyboard.press('Enter')
  assert.match(page.url(), /#main$/)
  await page.close()
})

test('keyboard: nothing moves if the user prefers reduced motion', async () => {
  const page = await pages.browser.newPage({ reducedMotion: 'reduce' })
  await page.goto(`${pages.url}/device`)
  const duration = await page.evaluate(
    `getComputedStyle(document.querySelector('button')).transitionDuration`,
  )
  assert.equal(duration, '0s')
  await page.close()
})
