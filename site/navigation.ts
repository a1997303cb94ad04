/** The navigation of the site, which is the index of the documentation: docs/README.md. */

import { posix } from 'node:path'
import { index, type Page, targetOf } from './pages.ts'

export type Entry = { readonly label: string; readonly page: Page } | Group
export type Group = { readonly label: string; readonly items: readonly Entry[]; readonly isOpen: boolean }

/**
 * Returns a group for each section of the index, with its pages in order; a page is in the first section that names it.
 * A folder with an index of its own becomes a group. Decisions and pages that nothing names follow at the end.
 */
export function navigationOf(pages: ReadonlyMap<string, Page>): readonly Group[] {
  const seen = new Set([index])
  const isInGroup = (file: string): boolean =>
    posix.dirname(file) !== 'docs' &&
    !file.endsWith('/README.md') &&
    pages.has(`${posix.dirname(file)}/README.md`)
  const take = (files: readonly string[]): readonly Page[] =>
    files.flatMap(file => {
      const page = pages.get(file)
      if (!page || seen.has(file)) return []
      seen.add(file)
      return [page]
    })
  const pageEntry = (page: Page): Entry => ({ label: page.title, page })
  const entryOf = (page: Page): Entry => {
    const folder = posix.dirname(page.file)
    if (!page.file.endsWith('/README.md') || !folder.startsWith('docs/')) return pageEntry(page)
    const below = [...linksOf(pages, page.file), ...pages.keys()].filter(
      file => posix.dirname(file) === folder,
    )
    const items = [{ label: 'Overview', page }, ...take(below).map(pageEntry)]
    return { label: page.title, items, isOpen: false }
  }
  const sections = pages.get(index)!.text.split(/^## /m).slice(1)
  const groups = sections.map(section => ({
    label: section.slice(0, section.indexOf('\n')),
    items: take(linksOf(pages, index, section).filter(file => !isInGroup(file))).map(entryOf),
    isOpen: true,
  }))
  const rest = (label: string, prefix: string): Group => ({
    label,
    items: take([...pages.keys()].filter(file => file.startsWith(prefix))).map(pageEntry),
    isOpen: false,
  })
  return [...groups, rest('Decisions', 'docs/decisions/'), rest('Packages and examples', '')]
}

/** Returns the pages that a page links, in order. */
function linksOf(
  pages: ReadonlyMap<string, Page>,
  file: string,
  text = pages.get(file)!.text,
): readonly string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => {
    const target = targetOf(pages, file, link!)
    return target && 'page' in target ? [target.page.file] : []
  })
}

/** Returns all pages of a navigation. */
export const pagesIn = (entries: readonly Entry[]): readonly Page[] =>
  entries.flatMap(entry => ('page' in entry ? [entry.page] : pagesIn(entry.items)))
