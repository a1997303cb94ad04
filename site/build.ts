/**
 * Builds the site into site/dist. SITE_BASE is its path at its host (default: the root), and SITE_SOURCES the address of
 * the repository's files. Sends nothing.
 */

import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { renderMermaidSVG } from 'beautiful-mermaid'
import { type Entry, navigationOf } from './navigation.ts'
import { convert, type Options, readPages } from './pages.ts'
import { withPolicy } from './policy.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const work = join(here, '.work')

const options: Options = {
  base: (process.env.SITE_BASE ?? '').replace(/\/$/, ''),
  ...(process.env.SITE_SOURCES && { sources: process.env.SITE_SOURCES }),
}

const write = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Draws diagrams, from top to bottom. The page's font and colors replace its own, which would be loaded from another site. */
const withDiagrams = (text: string): string =>
  text.replaceAll(/^```mermaid\n([\s\S]*?)^```$/gm, (_, diagram: string) => {
    const drawn = renderMermaidSVG(diagram.replace(/^flowchart LR/, 'flowchart TD'), { transparent: true })
    const svg = drawn
      .replaceAll(/^ *@import .*$|font-family: [^;]+;| style="--bg:[^"]*"/gm, '')
      .replaceAll(/\n\s*\n/g, '\n')
    return `<figure class="diagram">\n${svg}\n</figure>\n`
  })

/** An entry as the generator expects it. */
const sidebarOf = (entry: Entry): object =>
  'page' in entry
    ? { label: entry.label, link: `/${entry.page.route}` }
    : { label: entry.label, items: entry.items.map(sidebarOf), collapsed: !entry.isOpen }

rmSync(work, { recursive: true, force: true })
const pages = readPages()
for (const page of pages.values()) {
  const { text, files } = convert(pages, page, options)
  const name = page.route === '' || page.route.endsWith('/') ? `${page.route}index` : page.route
  write(join(work, 'pages', `${name}.md`), withDiagrams(text))
  for (const file of files) cpSync(join(here, '..', file), join(work, 'public', file.slice('docs/'.length)))
}
write(join(work, 'sidebar.json'), JSON.stringify(navigationOf(pages).map(sidebarOf)))
cpSync(join(here, 'favicon.svg'), join(work, 'public/favicon.svg'))

const { status } = spawnSync(process.execPath, [join(here, 'node_modules/astro/bin/astro.mjs'), 'build'], {
  cwd: here,
  stdio: 'inherit',
  env: { ...process.env, ASTRO_TELEMETRY_DISABLED: '1' },
})
if (status !== 0) process.exit(status ?? 1)
for (const file of globSync('**/*.html', { cwd: join(here, 'dist') }))
  write(join(here, 'dist', file), withPolicy(readFileSync(join(here, 'dist', file), 'utf8')))
