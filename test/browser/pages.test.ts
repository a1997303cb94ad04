/** Every page, as it looks: in both themes, on a phone and a desk, from left to right and from right to left. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
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

/** Screenshots are for people, so only `npm run screenshots` takes them: they cost more than all checks together. */
const takesScreenshots = process.env.TESSERA_TEST_SCREENSHOTS === '1'
const folder = 'test/browser/screenshots'
const sizes = { phone: { width: 375, height: 720 }, desktop: { width: 1200, height: 800 } } as const
const schemes = ['light', 'dark'] as const

const looks = Object.keys(sizes).flatMap(size =>
  schemes.map(scheme => ({ size: size as keyof typeof sizes, scheme })),
)

/**
 * Returns which axe rules run on this variant. Every rule runs on a phone from left to right and on a desktop from right to left;
 * only contrast depends on the theme, so the remaining two looks need only that.
 */
function rulesFor(locale: string, size: string, scheme: string): 'all' | 'contrast' | 'none' {
  const look = `${size} ${scheme}`
  if (locale === 'en') return look === 'phone light' ? 'all' : look === 'desktop light' ? 'contrast' : 'none'
  return look === 'desktop dark' ? 'all' : look === 'phone dark' ? 'contrast' : 'none'
}

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

async function examine(page: Page, name: string, rules: 'all' | 'contrast'): Promise<void> {
  // Our pages have no frames. Outside legacy mode axe opens another page for each analysis, to collect those of frames.
  const axe = new AxeBuilder({ page }).setLegacyMode()
  const { violations, passes } = await (rules === 'all'
    ? axe.withTags(tags)
    : axe.withRules('color-contrast')
  ).analyze()
  assert.ok(passes.length > (rules === 'all' ? 5 : 0), `${name}: axe examined nothing`)
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

// Two at once: a page that waits for its server leaves the browser to the other.
describe('pages', { concurrency: 2 }, () => {
  for (const { name, template, open } of pageCases)
    test(`pages: ${name} reads well in both themes, on phone and desktop, in both directions; axe finds nothing`, async () => {
      for (const locale of locales) await examineIn(locale, { name, template, open })
    })
})

async function examineIn(
  locale: string,
  { name, template, open }: (typeof pageCases)[number],
): Promise<void> {
  const context = await pages.browser.newContext({ locale, javaScriptEnabled: true })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
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
    // Until a frame is drawn, computed styles may mix both themes.
    await page.evaluate('new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
    const full = `${name}-${locale}-${size}-${scheme}`
    if (takesScreenshots)
      await page.screenshot({ path: `${folder}/${full}.png`, fullPage: true, animations: 'disabled' })
    await seeWhole(page, full)
    const rules = rulesFor(locale, size, scheme)
    if (rules !== 'none') await examine(page, full, rules)
  }
  assert.deepEqual(complaints, [])
  await context.close()
}

/** Around every page, and in mails. */
const noPages: ReadonlySet<string> = new Set(['layout', 'mail'])

test('pages: every template is among them', () => {
  const templates = namesIn('packages/server/src/pages/ui/templates').map(file => file.replace('.eta', ''))
  const seen = new Set<string>(pageCases.map(({ template }) => template))
  assert.deepEqual(
    templates.filter(name => !noPages.has(name) && !seen.has(name)),
    [],
  )
})
