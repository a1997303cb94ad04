/** Every page, as it looks: in both themes, on a phone and a desk, from left to right and from right to left. */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { namesIn } from '../support/repository.ts'
import { locales, type Person, pageCases } from './page-cases.ts'
import { type PagesServer, startPages } from './pages-server.ts'

let pages: PagesServer

before(async () => {
  pages = await startPages()
})

after(() => pages?.close())

const folder = 'test/browser/screenshots'
const sizes = { phone: { width: 375, height: 720 }, desktop: { width: 1200, height: 800 } } as const
const schemes = ['light', 'dark'] as const

const looks = Object.keys(sizes).flatMap(size =>
  schemes.map(scheme => ({ size: size as keyof typeof sizes, scheme })),
)

/** Where axe looks: each theme, size and direction, and not all of their pairs, since none depends on another. */
const examined = (locale: string, size: string, scheme: string): boolean =>
  ((size === 'phone') === (scheme === 'light')) === (locale === 'en')

async function examine(page: Page, name: string): Promise<void> {
  const { violations, passes } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze()
  assert.ok(passes.length > 5, `${name}: axe looked at nothing`)
  assert.deepEqual(
    violations.map(
      ({ id, nodes }) =>
        `${name}: ${id} ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`)}`,
    ),
    [],
  )
}

async function seeWhole(page: Page, name: string): Promise<void> {
  const wider = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
  assert.equal(wider, 0, `${name} scrolls sideways`)
}

for (const { name, template, open } of pageCases) {
  test(`pages: ${name} reads well in both themes, on phone and desktop, in both directions; axe finds nothing`, async () => {
    for (const locale of locales) {
      const context = await pages.browser.newContext({ locale, javaScriptEnabled: true })
      const page = await context.newPage()
      page.setDefaultTimeout(10_000)
      const complaints: string[] = []
      page.on('console', message => {
        if (message.type() === 'error' && !/status of [45]\d\d/.test(message.text()))
          complaints.push(message.text())
      })
      const person: Person = { page, url: pages.url, app: pages.app, locale }
      await open(person)
      assert.equal(await page.locator('body').getAttribute('data-page'), template)
      assert.equal(await page.locator('html').getAttribute('dir'), locale === 'ar' ? 'rtl' : 'ltr')
      for (const { size, scheme } of looks) {
        await page.setViewportSize(sizes[size])
        await page.emulateMedia({ colorScheme: scheme })
        const full = `${name}-${locale}-${size}-${scheme}`
        await page.screenshot({ path: `${folder}/${full}.png`, fullPage: true, animations: 'disabled' })
        await seeWhole(page, full)
        if (examined(locale, size, scheme)) await examine(page, full)
      }
      assert.deepEqual(complaints, [])
      await context.close()
    }
  })
}

/** Around every page, and in mails. */
const noPages: ReadonlySet<string> = new Set(['layout', 'mail'])

test('pages: every template is among them', () => {
  const templates = namesIn('packages/server/src/ui/templates').map(file => file.replace('.eta', ''))
  const seen = new Set<string>(pageCases.map(({ template }) => template))
  assert.deepEqual(
    templates.filter(name => !noPages.has(name) && !seen.has(name)),
    [],
  )
})
