/** The account pages in a real browser, on a phone, by keyboard and without scripts. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import { until } from '../support/until.ts'
import { accountPages, openPage } from './page-cases.ts'
import { type PagesServer, startPages } from './pages-server.ts'

let pages: PagesServer
before(async () => {
  pages = await startPages()
})
after(() => pages?.close())

const phone = { width: 360, height: 720 }

async function open(page: Page, name: string, locale = 'en'): Promise<void> {
  const found = accountPages.find(one => one.name === name)
  assert.ok(found, name)
  await openPage(found, { page, url: pages.url, app: pages.app, locale })
}

const isSeen = (page: Page, selector: string): Promise<true> =>
  until(`${selector} is visible`, async () => {
    const box = await page.locator(selector).boundingBox()
    return box !== null && box.x >= -1 && box.x + box.width <= phone.width + 1
  })

/** A new context of the same user, in which no script runs. */
async function withoutScripts(context: BrowserContext): Promise<BrowserContext> {
  return pages.browser.newContext({
    javaScriptEnabled: false,
    viewport: phone,
    storageState: await context.storageState(),
  })
}

for (const locale of ['en', 'ar'])
  test(`account pages: on a phone the sections are one line, and the current one is visible without scripts (${locale})`, async () => {
    const signedIn = await pages.browser.newContext({ locale })
    await open(await signedIn.newPage(), 'account-own', locale)
    const context = await withoutScripts(signedIn)
    const page = await context.newPage()
    for (const section of ['', '/password', '/security', '/sessions', '/connections', '/consents']) {
      await page.goto(`${pages.url}/account${section}?lang=${locale}`)
      const boxes = await Promise.all((await page.locator('nav a').all()).map(link => link.boundingBox()))
      assert.equal(boxes.length, 6)
      assert.equal(new Set(boxes.map(box => box?.y)).size, 1, `${section}: one line`)
      await isSeen(page, 'nav a[aria-current]')
    }
    await context.close()
    await signedIn.close()
  })

test('account pages: the keyboard reaches every section, and shows the one with the focus', async () => {
  const context = await pages.browser.newContext({ locale: 'en', viewport: phone })
  const page = await context.newPage()
  await open(page, 'account-own')
  const sections = page.locator('nav a')
  await sections.first().focus()
  for (let at = 1; at < 6; at++) {
    await page.keyboard.press('Tab')
    const link = sections.nth(at)
    assert.ok(await link.evaluate((element: any) => element === element.ownerDocument.activeElement))
    await isSeen(page, ':focus')
  }
  await context.close()
})

test('account pages: renaming a passkey asks for its name, without scripts too', async () => {
  const context = await pages.browser.newContext({ locale: 'en' })
  const first = await context.newPage()
  await open(first, 'account-security-passkey')
  assert.equal(await first.locator('input[name="name"]').isVisible(), false)
  const still = await withoutScripts(context)
  const page = await still.newPage()
  await page.goto(`${pages.url}/account/security`)
  assert.equal(await page.locator('input[name="name"]').isVisible(), false)
  await page.getByText('Rename').click()
  await page.locator('input[name="name"]').fill('Red key')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: 'Red key' }).waitFor()
  assert.equal(await page.locator('input[name="name"]').isVisible(), false)
  await still.close()
  await context.close()
})

test('account pages: the header signs out, without scripts too', async () => {
  const context = await pages.browser.newContext({ locale: 'en', javaScriptEnabled: false, viewport: phone })
  const page = await context.newPage()
  await open(page, 'account-own')
  await page.getByRole('banner').getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor()
  await page.goto(`${pages.url}/account`)
  assert.match(page.url(), /\/login\?/)
  await context.close()
})
