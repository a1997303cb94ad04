/** The site of the documentation: its navigation and links, and, where its generator is installed, the built site. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { navigationOf, pagesIn } from '../../site/navigation.ts'
import { addressOf, convert, index, readPages } from '../../site/pages.ts'
import { withPolicy } from '../../site/policy.ts'
import { launchChromium } from '../browser/chromium.ts'
import { readText } from '../support/repository.ts'
import { inTime, until } from '../support/until.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = readPages()
const options = { base: '/docs' }

test('site: the navigation has each page once, in the order of the index', () => {
  const groups = navigationOf(pages)
  const shown = pagesIn(groups).map(({ file }) => file)
  assert.ok(shown.length > 150)
  assert.deepEqual([index, ...shown].toSorted(), [...pages.keys()].toSorted())
  const headings = [...readText(index).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)
  assert.deepEqual(
    groups.map(({ label }) => label),
    [...headings, 'Decisions', 'Packages and examples'],
  )
  for (const { items, label } of groups) assert.ok(items.length > 0, label)
  const routes = [...pages.values()].map(page => addressOf(page, options))
  assert.equal(new Set(routes).size, routes.length)
})

test('site: links of its pages lead to its pages, to its files, or to other sites', () => {
  const routes = new Set([...pages.values()].map(page => addressOf(page, options)))
  for (const page of pages.values()) {
    const { text, files } = convert(pages, page, options)
    const prose = text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '').replaceAll(/`[^`]*`/g, 'code')
    for (const [, link = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      const isFile = files.some(file => link === `/docs/${file.slice('docs/'.length)}`)
      assert.ok(
        /^(?:https:|#)/.test(link) || routes.has(link.split('#')[0]!) || isFile,
        `${page.file}: ${link}`,
      )
    }
  }
})

test('site: a page keeps its text, links and code', () => {
  const page = (text: string) => ({
    file: 'docs/guides/claims.md',
    route: 'guides/claims',
    title: 'A "b"',
    text,
  })
  const converted = (text: string, given: object = options) =>
    convert(pages, page(`# A "b"\n${text}`), { base: '/docs', ...given }).text
  assert.equal(converted('One.\n'), '---\ntitle: "A \\"b\\""\n---\nOne.\n')
  assert.match(converted('[`x`](keys.md#a)'), /\n\[`x`\]\(\/docs\/guides\/keys\/#a\)$/)
  assert.match(converted('[x](../README.md)'), /\n\[x\]\(\/docs\/\)$/)
  assert.match(converted('[x](../../deploy/helm)'), /\nx$/)
  const sources = 'https://git.example/blob/main/'
  assert.match(
    converted('[x](../../deploy/helm)', { sources }),
    /\(https:\/\/git\.example\/blob\/main\/deploy\/helm\)$/,
  )
  assert.match(
    converted('`<!-- a -->` `[x](keys.md)`\n\n```md\n[x](keys.md)\n<!-- a -->\n```'),
    /`<!-- a -->` `\[x\]\(keys\.md\)`\n\n```md\n\[x\]\(keys\.md\)\n<!-- a -->\n```$/,
  )
  assert.doesNotMatch(converted('One.\n<!-- query: a -->\nTwo.'), /query/)
})

test('site: the policy of a page allows its own scripts only', () => {
  const html = withPolicy('<html><head><script>a</script></head><script src="/b.js"></script></html>')
  const [, policy = ''] =
    /^<html><head><meta http-equiv="Content-Security-Policy" content="([^"]+)">/.exec(html) ?? []
  assert.match(policy, /default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'sha256-[\w+/]{43}='; /)
  assert.throws(() => withPolicy('<p>'), /no head/)
})

const isInstalled = existsSync(join(root, 'site/node_modules/astro'))

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.json': 'application/json',
}

/** Serves the built site below `/docs`, as a host of files does. */
async function serveSite() {
  const server = createServer(async (request, response) => {
    const [path = ''] = (request.url ?? '').split('?')
    const file = path.replace(/^\/docs\//, '').replace(/(^|\/)$/, '$1index.html')
    try {
      const body = await readFile(join(root, 'site/dist', decodeURIComponent(file)))
      response
        .writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' })
        .end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

test('site: it is built, works below a path without other hosts, and finds pages', {
  skip: !isInstalled && 'the generator is not installed: npm ci --prefix site',
}, async () => {
  await inTime(
    'the site is built',
    promisify(execFile)(process.execPath, [join(root, 'site/build.ts')], {
      env: { ...process.env, SITE_BASE: '/docs', SITE_SOURCES: '' },
    }),
    { within: 240_000 },
  )
  const built = globSync('**/*.html', { cwd: join(root, 'site/dist') })
  // One more: the page for unknown addresses.
  assert.equal(built.length, pages.size + 1)
  const { server, origin } = await serveSite()
  const browser = await launchChromium()
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
    const problems: string[] = []
    await context.route('**/*', route => {
      const url = route.request().url()
      if (url.startsWith(origin)) return route.continue()
      problems.push(url)
      return route.abort()
    })
    const page = await context.newPage()
    page.on('console', message => {
      if (message.type() === 'error') problems.push(message.text())
    })
    page.on('pageerror', error => problems.push(String(error)))
    page.on('response', response => {
      if (response.status() >= 400) problems.push(`${response.status()} ${response.url()}`)
    })
    for (const path of [
      '/docs/',
      '/docs/guides/configuration/',
      '/docs/architecture/',
      '/docs/reference/client/',
    ]) {
      await page.goto(origin + path)
      assert.ok((await page.locator('h1').innerText()).length > 0, path)
    }
    await page.setViewportSize({ width: 390, height: 844 })
    for (const path of ['/docs/reasons/', '/docs/guides/configuration/']) {
      await page.goto(origin + path)
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, path)
    }
    await page.getByRole('button', { name: 'Search' }).click()
    await page.locator('.pagefind-ui__search-input').fill('refresh token rotation')
    const links = page.locator('.pagefind-ui__result-link')
    await until('the search finds pages', async () => (await links.count()) > 3)
    await links.first().click()
    await page.waitForURL(url => url.pathname !== '/docs/guides/configuration/')
    assert.match(new URL(page.url()).pathname, /^\/docs\/[\w/-]+\/$/)
    assert.deepEqual(problems, [])
  } finally {
    await browser.close()
    server.close()
    server.closeAllConnections()
  }
})
