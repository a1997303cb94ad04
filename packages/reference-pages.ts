/** The pages of the API reference as Markdown. */

import { dirname } from 'node:path'
import type { Found } from './declaration-reader.ts'

export type Page = {
  readonly entry: string
  readonly file: string
  readonly header: string
  /** Declared here; each name is on the first page that exports it. */
  readonly items: readonly Item[]
  /** Exported here as well, but described on another page. */
  readonly elsewhere: readonly Item[]
}

/** A declaration, and the page that describes it. */
export type Item = Found & { readonly page: string; readonly isExported: boolean }

/** Headings of the folders of the source, in the order of the page. Other folders follow, named as they are. */
const headings: Readonly<Record<string, string>> = {
  '': 'Clients, results and errors',
  discovery: 'Issuers and discovery',
  authentication: 'Client authentication',
  token: 'Token requests',
  authorization: 'Authorization requests and sign-out',
  validation: 'Validation of tokens',
  endpoints: 'Other endpoints',
  session: 'Token management',
  browser: 'Browsers',
  node: 'Native applications and Node',
  api: 'Protecting an API',
  jwt: 'Keys and JSON Web Tokens',
  http: 'Requests, logs and traces',
}

const generated = '<!-- Written by `npm run api:reference`. Change the docstrings instead. -->'

export const renderIndex = (name: string, pages: readonly Page[]): string =>
  [
    generated,
    `# API reference of ${name}`,
    'A page for each entry, generated from the declarations and docstrings. For tasks, start with the [guides](../client/README.md).',
    [
      '| entry | contents |',
      '|---|---|',
      ...pages.map(({ entry, file, header }) => `| [\`${entry}\`](${file}) | ${oneLine(header)} |`),
    ].join('\n'),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n')

export function renderPage(page: Page, all: readonly Item[], codeOf: (item: Item) => string): string {
  const exported = page.items.filter(({ isExported }) => isExported)
  // A member of a type may have the name of a function of the same file.
  const others = page.items.filter(item => !item.isExported && !isFunction(item))
  const groups = Map.groupBy(exported, ({ file }) => folderOf(file))
  const known = Object.keys(headings)
  const folders = [...groups.keys()].toSorted(
    (one, other) => order(known.indexOf(one)) - order(known.indexOf(other)) || compare(one, other),
  )
  const describe = (item: Item): string => renderItem(item, linker(all, page), codeOf(item))
  return `${[
    generated,
    `# ${page.entry}`,
    linker(all, page)(page.header),
    ...(page.elsewhere.length === 0
      ? []
      : [
          `Also exports ${page.elsewhere
            .toSorted((one, other) => compare(one.name, other.name))
            .map(({ name, page }) => `[\`${name}\`](${page}#${anchor(name)})`)
            .join(', ')}.`,
        ]),
    ...folders.flatMap(folder => [
      `## ${headings[folder] ?? folder}`,
      ...(groups.get(folder) ?? []).toSorted(functionsFirst).map(describe),
    ]),
    ...(others.length === 0
      ? []
      : ['## Types that these refer to', ...others.toSorted(functionsFirst).map(describe)]),
  ].join('\n\n')}\n`
}

const order = (index: number): number => (index === -1 ? Number.POSITIVE_INFINITY : index)

const folderOf = (file: string): string => {
  const path = dirname(file).replace(/^dist\/?/, '')
  return path.split('/')[0] ?? ''
}

/** Returns whether a declaration is a function or a class, rather than a type or a value. */
export const isFunction = ({ declaration: { text } }: Pick<Found, 'declaration'>): boolean =>
  /^(?:export )?declare (?:function|class|const \w+: [<(])/.test(text)

const functionsFirst = (one: Found, other: Found): number =>
  Number(isFunction(other)) - Number(isFunction(one)) || compare(one.name, other.name)

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

function renderItem(item: Item, link: (text: string) => string, code: string): string {
  const [description = '', ...tags] = (item.declaration.docstring ?? '').split(/^@/m)
  const list = tags.map(tag => {
    const [, kind = '', rest = ''] = /^(\w+)\s*([\s\S]*)$/.exec(tag.trim()) ?? []
    if (kind === 'returns' || kind === 'throws') return `- ${kind} ${link(oneLine(rest))}`
    const [, name = '', text = ''] = /^(\S+)\s+(?:- )?([\s\S]*)$/.exec(rest) ?? []
    return kind === 'param' ? `- \`${name}\`: ${link(oneLine(text))}` : ''
  })
  return [
    `### ${item.name}`,
    link(description.trim()),
    list.filter(Boolean).join('\n'),
    `\`\`\`ts\n${code}\n\`\`\``,
  ]
    .filter(text => text !== '')
    .join('\n\n')
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()

const anchor = (name: string): string => name.toLowerCase()

/** Returns a function that replaces `{@link Name}` by a link to the heading of the name. */
const linker =
  (all: readonly Item[], from: Page) =>
  (text: string): string =>
    text.replaceAll(/\{@link ((\w+)[\w.]*)\}/g, (_, label: string, name: string) => {
      const target = all.find(item => item.name === name)
      if (!target) return `\`${label}\``
      return `[\`${label}\`](${target.page === from.file ? '' : target.page}#${anchor(name)})`
    })
