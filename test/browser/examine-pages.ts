/** Examines pages as they look: in both themes, on a phone and a desk, from left to right and from right to left. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import type { AxeResults, RunOptions } from 'axe-core'
import type { ConsoleMessage, Page } from 'playwright-core'
import { openPage, type PageCase } from './page-cases.ts'
import { type PagesServer, startPages } from './pages-server.ts'
import { locales } from './pages-world.ts'

type Locale = (typeof locales)[number]

/** Screenshots are for people, so only `npm run screenshots` takes them: they cost more than all checks together. */
const takesScreenshots = process.env.TESSERA_TEST_SCREENSHOTS === '1'
const folder = 'test/browser/screenshots'
const sizes = { phone: { width: 375, height: 720 }, desktop: { width: 1200, height: 800 } } as const

/** Each differs from the one before in one property only, because the browser draws the page again for each change. */
const looks = [
  ['phone', 'light'],
  ['desktop', 'light'],
  ['desktop', 'dark'],
  ['phone', 'dark'],
] as const

/** Declares a test for each page. They share a server, and for each language a tab, because each tab is a process. */
export function testPages(cases: readonly PageCase[]): void {
  let pages: PagesServer
  let tabs: ReadonlyMap<Locale, Page>

  before(async () => {
    pages = await startPages()
    const opened = locales.map(async locale => {
      const context = await pages.browser.newContext({ locale, javaScriptEnabled: true })
      await context.addInitScript(`globalThis.loadAxe = () => {${axeSource}}`)
      return [locale, await context.newPage()] as const
    })
    tabs = new Map(await Promise.all(opened))
  })
  after(() => pages?.close())

  for (const pageCase of cases)
    test(`pages: ${pageCase.name} reads well in both themes, on phone and desktop, in both directions; axe finds nothing`, async () => {
      // Concurrently: while one page waits for its server, the browser can render the other.
      const examined = locales.map(locale => examineIn(locale, pageCase, tabs.get(locale)!, pages))
      for (const outcome of await Promise.allSettled(examined))
        if (outcome.status === 'rejected') throw outcome.reason
    })
}

async function examineIn(
  locale: Locale,
  pageCase: PageCase,
  tab: Page,
  { url, app }: PagesServer,
): Promise<void> {
  const { name, template, ownTab } = pageCase
  // The server then does not recognize this browser. Pages store nothing else in it.
  await tab.context().clearCookies()
  const page = ownTab ? await tab.context().newPage() : tab
  page.setDefaultTimeout(30_000)
  const complaints: string[] = []
  const collect = (message: ConsoleMessage): void => {
    if (message.type() === 'error' && !/status of [45]\d\d/.test(message.text()))
      complaints.push(message.text())
  }
  page.on('console', collect)
  try {
    await openPage(pageCase, { page, url, app, locale }).catch(async error => {
      const text = await page.evaluate('document.body.innerText').catch(String)
      throw new Error(`${name} in ${locale} is not reached: ${page.url()} shows ${text}`, { cause: error })
    })
    const shown = await page.evaluate('[document.body.dataset.page, document.documentElement.dir]')
    assert.deepEqual(shown, [template, locale === 'ar' ? 'rtl' : 'ltr'])
    await examineLooks(page, name, locale)
    assert.deepEqual(complaints, [])
  } finally {
    page.off('console', collect)
    if (ownTab) await page.close()
  }
}

async function examineLooks(page: Page, name: string, locale: Locale): Promise<void> {
  await page.evaluate('loadAxe()')
  for (const [size, scheme] of looks) {
    await page.setViewportSize(sizes[size])
    await page.emulateMedia({ colorScheme: scheme })
    const full = `${name}-${locale}-${size}-${scheme}`
    const rules = rulesFor(locale, size, scheme)
    if (takesScreenshots || rules !== 'none') await page.evaluate(drawTheme)
    if (takesScreenshots)
      await page.screenshot({ path: `${folder}/${full}.png`, fullPage: true, animations: 'disabled' })
    await assertFits(page, full)
    if (rules !== 'none') await assertAccessible(page, full, rules)
  }
}

/**
 * Until a frame is drawn and transitions have ended, computed styles may mix both themes. Positions do not: reading one
 * updates the layout first.
 */
const drawTheme = `(async () => {
  await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))
  for (const animation of document.getAnimations()) animation.finish()
})()`

async function assertFits(page: Page, name: string): Promise<void> {
  const wider = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
  assert.equal(wider, 0, `${name} scrolls sideways`)
}

/**
 * Returns which axe rules run on this variant. Every rule runs on a phone from left to right and on a desktop from
 * right to left; only contrast depends on the theme, so the remaining two variants need only that.
 */
function rulesFor(locale: Locale, size: string, scheme: string): 'all' | 'contrast' | 'none' {
  const look = `${size} ${scheme}`
  if (locale === 'en') return look === 'phone light' ? 'all' : look === 'desktop light' ? 'contrast' : 'none'
  return look === 'desktop dark' ? 'all' : look === 'phone dark' ? 'contrast' : 'none'
}

/**
 * Every document can load it, so that the browser gets half a megabyte once for each tab and not for each page. It reads
 * the minified form in half the time.
 */
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const axeOptions: Readonly<Record<'all' | 'contrast', RunOptions>> = {
  all: { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
  contrast: { runOnly: { type: 'rule', values: ['color-contrast'] } },
}

async function assertAccessible(page: Page, name: string, rules: 'all' | 'contrast'): Promise<void> {
  const options: RunOptions = { ...axeOptions[rules], resultTypes: ['violations'] }
  const { violations, examined } = await page.evaluate<
    Pick<AxeResults, 'violations'> & { readonly examined: number }
  >(`axe.run(${JSON.stringify(options)})
    .then(({ violations, passes }) => ({ violations, examined: passes.length }))`)
  assert.ok(examined > (rules === 'all' ? 5 : 0), `${name}: axe examined nothing`)
  assert.deepEqual(
    violations.map(
      ({ id, nodes }) =>
        `${name}: ${id} ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`)}`,
    ),
    [],
  )
}
