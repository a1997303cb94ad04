/** Documents that several people edit: decision records have unique numbers, the glossary is sorted, and lists of types are complete. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { addableKinds, allKinds } from '../packages/server/src/storage/tables/archive.ts'
import { allTables } from '../packages/server/src/storage/tables/tables.ts'
import { readText, textsOf } from './support/repository.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('papers: each decision record has a unique number, which its title contains', () => {
  const records = [...textsOf('docs/decisions/*.md')]
  assert.ok(records.length > 8)
  const numbers = records.map(([file, text]) => {
    const [, number] = /^docs\/decisions\/(\d{4})-[a-z0-9-]+\.md$/.exec(file) ?? assert.fail(file)
    assert.ok(text.startsWith(`# ${number}: `), file)
    return number
  })
  assert.deepEqual(
    numbers.filter((number, index) => numbers.indexOf(number) !== index),
    [],
  )
})

test('papers: the glossary has each word once, in order', () => {
  const words = [...readText('docs/glossary.md').matchAll(/^\| \*\*(.+?)\*\*/gm)].map(([, word]) =>
    word!.toLowerCase(),
  )
  assert.ok(words.length > 50)
  assert.deepEqual(words, [...new Set(words)].sort())
})

test('papers: each version of the changelog has each section and each entry once', () => {
  const versions = readText('CHANGELOG.md').split(/^## /m).slice(1)
  assert.ok(versions.length > 0)
  for (const version of versions)
    for (const pattern of [/^### .+$/gm, /^- .+$/gm]) {
      const found = [...version.matchAll(pattern)].map(([line]) => line)
      assert.ok(found.length > 0)
      assert.deepEqual(
        found.filter((line, index) => found.indexOf(line) !== index),
        [],
        'a merge may have brought an older text back: keep the newer one, and add only your entry',
      )
    }
})

test('papers: no page runs or installs the package "tessera" of the registry, which is not ours', () => {
  const foreign = /\bnp(?:x|m (?:exec|i|install|add))(?: -[-\w]+)* tessera\b(?![/-])/
  assert.ok(foreign.test('npx tessera demo') && !foreign.test('npx @tessera/server demo'))
  const pages = [...textsOf('**/*.md')]
  assert.ok(pages.length > 50)
  assert.deepEqual(
    pages.filter(([, text]) => foreign.test(text)).map(([file]) => file),
    [],
  )
})

test('papers: each relative link of a page leads to a file or folder', () => {
  const links = [...textsOf('**/*.md')].flatMap(([file, text]) =>
    [...text.replace(/```.*?```/gs, '').matchAll(/\]\(([^)\s#]+)/g)]
      .map(([, link]) => link!)
      .filter(link => !/^[a-z]+:/.test(link))
      .map(link => ({ file, link })),
  )
  assert.ok(links.length > 200)
  assert.deepEqual(
    links.filter(({ file, link }) => !existsSync(join(root, dirname(file), decodeURIComponent(link)))),
    [],
  )
})

const names = (list: string): readonly string[] => list.split(/,\s+/).toSorted()

test('papers: the architecture names each table of a store once', () => {
  const [, rows = ''] =
    /^\| type \|.*\| tables \|\n\|[-|]+\|\n((?:\|.*\n)+)/m.exec(readText('docs/architecture.md')) ?? []
  const named = rows
    .trim()
    .split('\n')
    .flatMap(row => [...(row.split('|').at(-2) ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name!))
  assert.deepEqual(named.toSorted(), allTables.map(([, { name }]) => name).toSorted())
})

test('papers: the guide of backups names each kind that can be exported, and those that a store in use accepts', () => {
  const guide = readText('docs/guides/backup.md')
  const [, exported = ''] = /`--kind` accepts: ([^.]+)\./.exec(guide) ?? []
  assert.deepEqual(names(exported), [...allKinds].toSorted())
  const [, addable = ''] = /\*\*Independent kinds of data\*\* \(([^)]+)\)/.exec(guide) ?? []
  assert.deepEqual(names(addable), [...addableKinds].toSorted())
})
