/**
 * `npm run api:reference`: writes `docs/reference`, a page for each entry of `@tessera/client`, from the declarations and
 * docstrings of what the entry exports. Generators that read TypeScript 7 do not exist yet (typedoc needs 6).
 */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type DeclarationReader,
  declarationReader,
  type Found,
  referredDeclarations,
} from './declaration-reader.ts'
import { type Item, type Page, renderIndex, renderPage } from './reference-pages.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))

/**
 * Builds the package in a temporary folder, and returns the pages by their paths in the repository.
 * @param name a folder of `packages`.
 */
export async function apiReference(name: string): Promise<ReadonlyMap<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-reference-'))
  try {
    const source = join(repository, 'packages', name)
    execFileSync(process.execPath, [join(repository, 'packages/build.ts'), name, folder], {
      stdio: ['ignore', 2, 2],
    })
    const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
    return pagesOf(manifest, declarationReader(folder))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Manifest = {
  readonly name: string
  readonly exports: Readonly<Record<string, { readonly types?: string }>>
}

function pagesOf({ name, exports }: Manifest, read: DeclarationReader): ReadonlyMap<string, string> {
  const described = new Map<string, Item>()
  const pages: Page[] = []
  for (const [entry, { types }] of Object.entries(exports)) {
    if (types === undefined) continue
    const file = types.slice(2)
    const page = `${posix.join(name.split('/').at(-1) ?? name, entry).replaceAll('/', '-')}.md`
    const { exported, header } = read(file)
    const wanted = exported.map(one => ({ file, name: one }))
    const names = new Set(wanted.flatMap(one => referredDeclarations(read, [one]).slice(0, 1).map(keyOf)))
    const found = referredDeclarations(read, wanted).map(one => ({
      ...one,
      page,
      isExported: names.has(keyOf(one)),
    }))
    const elsewhere = found.flatMap(one => (one.isExported && described.get(keyOf(one))) || [])
    const items = found.filter(one => !described.has(keyOf(one)))
    for (const item of items) described.set(keyOf(item), item)
    pages.push({ entry: posix.join(name, entry), file: page, header, items, elsewhere })
  }
  const code = formatted([...described.values()].map(item => item.declaration.commented))
  const codeOf = new Map([...described.keys()].map((key, index) => [key, code[index] ?? '']))
  const items = [...described.values()]
  const render = (page: Page): string => renderPage(page, items, item => codeOf.get(keyOf(item)) ?? '')
  return new Map([
    ['docs/reference/README.md', renderIndex(name, pages)],
    ...pages.map((page): [string, string] => [`docs/reference/${page.file}`, render(page)]),
  ])
}

const keyOf = ({ file, name }: Pick<Found, 'file' | 'name'>): string => `${file} ${name}`

/** Formats declarations as the repository is formatted, all of them in one run of the formatter. */
function formatted(declarations: readonly string[]): readonly string[] {
  const separator = '// next declaration\n'
  const text = declarations
    .map(one => one.replace(/^export /gm, '').replaceAll(/\{@link ([\w.]+)\}/g, '`$1`'))
    .join(`\n${separator}`)
  const biome = join(repository, 'node_modules/@biomejs/biome/bin/biome')
  const output = execFileSync(process.execPath, [biome, 'format', '--stdin-file-path=reference.d.ts'], {
    cwd: repository,
    input: text,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 2],
  })
  return output.split(separator).map(one => one.trim())
}

if (import.meta.main) {
  const pages = await apiReference('client')
  const folder = join(repository, 'docs/reference')
  await mkdir(folder, { recursive: true })
  for (const file of await readdir(folder)) if (file.endsWith('.md')) await rm(join(folder, file))
  for (const [file, text] of pages) await writeFile(join(repository, file), text)
}
