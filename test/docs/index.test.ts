/** The index of the documentation leads to every page, directly or by one more click. */

import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import { readText, textsOf } from '../support/repository.ts'

const index = 'docs/README.md'

/** Pages that are listed elsewhere, in a folder that the index links. */
const elsewhere = /^docs\/(?:decisions|reference|benchmarks)\//

const linksOf = (page: string): readonly string[] =>
  [...readText(page).matchAll(/\]\(([^)\s#:]+)/g)].map(([, link]) =>
    posix.join(posix.dirname(page), link!).replace(/\/$/, ''),
  )

test('documentation: the index leads to every page of docs/, each task once in a table', () => {
  const linked = new Set(
    linksOf(index).flatMap(link => [link, ...(link === 'docs/client/README.md' ? linksOf(link) : [])]),
  )
  const pages = [...textsOf('docs/**/*.md')]
    .map(([file]) => file)
    .filter(file => file !== index && !elsewhere.test(file))
  assert.ok(pages.length > 60)
  assert.deepEqual(
    pages.filter(page => !linked.has(page)),
    [],
    'link the page in docs/README.md, at the task that a reader has',
  )
})

test('documentation: the README leads to the index', () => {
  assert.ok(linksOf('README.md').includes(index))
})
