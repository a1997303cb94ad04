/** The pages of the site: Markdown of the repository, whose links lead to pages of the site. */

import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Notes for people who change the code are left out: the repository shows them. */
const patterns = [
  'docs/**/*.md',
  '{README,SECURITY,CONTRIBUTING,CHANGELOG}.md',
  '{packages,examples}/*/README.md',
  '{deploy,bench}/README.md',
]

export const index = 'docs/README.md'

export type Page = {
  /** Path in the repository. */
  readonly file: string
  /** Path on the site, without slashes around it; the index has an empty one. */
  readonly route: string
  readonly title: string
  readonly text: string
}

/** Returns the pages by their paths in the repository. */
export const readPages = (): ReadonlyMap<string, Page> =>
  new Map(
    globSync(patterns, { cwd: root, exclude: ['**/node_modules/**'] })
      .sort()
      .map(file => {
        const text = readFileSync(posix.join(root, file), 'utf8')
        const [, heading] = /^# (.+)$/m.exec(text) ?? []
        if (heading === undefined) throw new Error(`${file} has no heading`)
        return [file, { file, route: routeOf(file), title: heading.replaceAll(/[`*]/g, ''), text }]
      }),
  )

const routeOf = (file: string): string =>
  file
    .replace(/^docs\//, '')
    .replace(/(^|\/)README\.md$/, file === 'README.md' ? 'readme' : '')
    .replace(/\.md$/, '')
    .toLowerCase()

/** Where a relative link leads: to a page, to a file that the site contains as it is, or out of the site. */
type Target =
  | { readonly page: Page; readonly anchor: string }
  | { readonly file: string }
  | { readonly source: string }

/** Returns undefined for a link within the page and for addresses of other sites. */
export function targetOf(pages: ReadonlyMap<string, Page>, from: string, link: string): Target | undefined {
  if (/^(?:[a-z][a-z0-9+.-]*:|#)/i.test(link)) return undefined
  const [path = '', anchor = ''] = decodeURI(link).split('#')
  const source = posix.join(posix.dirname(from), path).replace(/\/$/, '')
  const page = pages.get(source) ?? pages.get(`${source}/README.md`)
  if (page) return { page, anchor: anchor === '' ? '' : `#${anchor}` }
  const isFile = source.startsWith('docs/') && existsSync(root + source) && statSync(root + source).isFile()
  return isFile ? { file: source } : { source }
}

export type Options = {
  /** The path of the site at its host, without a slash at the end. */
  readonly base: string
  /** Address of the files of the repository, with a slash at the end. Without it, links to them become text. */
  readonly sources?: string
}

export type Converted = {
  readonly text: string
  /** Files of the repository that the page needs. */
  readonly files: readonly string[]
}

/** Converts a page to one of the generator: its title is data, and its links lead to pages of the site. */
export function convert(
  pages: ReadonlyMap<string, Page>,
  { file, title, text }: Page,
  options: Options,
): Converted {
  const files = new Set<string>()
  const linked = (whole: string, label: string, link: string): string => {
    const target = targetOf(pages, file, link)
    if (!target) return whole
    if ('page' in target) return `[${label}](${addressOf(target.page, options)}${target.anchor})`
    if ('file' in target) {
      files.add(target.file)
      return `[${label}](${options.base}/${target.file.slice('docs/'.length)})`
    }
    return options.sources ? `[${label}](${options.sources}${target.source})` : label
  }
  const body = text
    .replace(/^# .+\n/m, '')
    .split(/^( *```[\s\S]*?^ *```)$/m)
    .map((part, at) => (at % 2 === 1 ? part : withLinks(part, linked)))
    .join('')
  // Measurements contain many words of the server, and answer no question about it.
  const isFound = !/^docs\/benchmarks\/(?!README)/.test(file)
  const data = [`title: ${JSON.stringify(title)}`, ...(isFound ? [] : ['pagefind: false'])]
  return { text: ['---', ...data, '---', body].join('\n'), files: [...files] }
}

export const addressOf = ({ route }: Pick<Page, 'route'>, { base }: Options): string =>
  route === '' ? `${base}/` : `${base}/${route.replace(/\/$/, '')}/`

/** Code, a comment, or a link. */
const parts = /(`+)[^`][\s\S]*?\1(?!`)|(<!--[\s\S]*?-->\n?)|\[((?:`[^`]*`|[^\]`])*)\]\(([^)\s]+)\)/g

/** Replaces links and removes comments, except in code. */
const withLinks = (prose: string, linked: (whole: string, label: string, link: string) => string): string =>
  prose.replaceAll(parts, (whole, code, comment, label, link) =>
    code !== undefined ? whole : comment !== undefined ? '' : linked(whole, label, link),
  )
