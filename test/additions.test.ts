/** The table "To add something" of docs/architecture.md: each row names the files that its example touches. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { additions, additionsTable } from './architecture/additions.ts'
import { namesIn, readText, textsOf } from './support/repository.ts'

/** Except the demo, which shows some grants, and importers, which write the keys that their server has too. */
const sources = new Map(
  [...textsOf('packages/{protocol,server}/src/**/*.ts')].filter(
    ([file]) => !file.includes('/cli/demo-') && !file.includes('/src/migration/'),
  ),
)

const escaped = (name: string): string => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

const filesWith = (names: readonly string[]): readonly string[] =>
  [...sources]
    .filter(([, text]) => names.some(name => new RegExp(`(?<!\\w)${escaped(name)}(?!\\w)`).test(text)))
    .map(([file]) => file.replace('packages/server/src/', ''))

for (const { what, example, names, files } of additions)
  test(`additions: ${what} touches the files that the architecture names, as ${example} does`, () => {
    assert.deepEqual(filesWith(names).toSorted(), files.toSorted())
  })

test('additions: the architecture has the table', () => {
  const [, table] =
    /<!-- additions -->\n([\s\S]*?)\n<!-- \/additions -->/.exec(readText('docs/architecture.md')) ?? []
  assert.equal(table, additionsTable())
})

test('additions: each template is shown by a page, and each page has a template', () => {
  const shown = [...textsOf('packages/server/src/pages/ui/*.ts').values()].flatMap(text =>
    [...text.matchAll(/\bshow\(\s*request,\s*'([a-z-]+)'/g)].map(([, name]) => `${name}.eta`),
  )
  const apart = ['layout.eta', 'mail.eta']
  const files = namesIn('packages/server/src/pages/ui/templates')
  assert.deepEqual([...new Set([...shown, ...apart])].toSorted(), files.toSorted())
})
