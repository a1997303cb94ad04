/**
 * Each promise of SECURITY.md names the tests that verify it. Each absolute sentence ("never", "once", "at most",
 * "every") of SECURITY.md, the guides and the endpoint pages does so too, or has a reason why it promises nothing. A
 * new sentence without a row fails, and so do a row without its sentence and a title that no test has.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readText, textsOf } from '../support/repository.ts'
import { clients } from './absolute-sentences/clients.ts'
import { configuration } from './absolute-sentences/configuration.ts'
import { endpoints } from './absolute-sentences/endpoints.ts'
import { keyServices } from './absolute-sentences/key-services.ts'
import { operation } from './absolute-sentences/operation.ts'
import { pages } from './absolute-sentences/pages.ts'
import { people } from './absolute-sentences/people.ts'
import { postgresql } from './absolute-sentences/postgresql.ts'
import type { Rows } from './absolute-sentences/rows.ts'
import { absoluteSentences } from './absolute-sentences/sentences.ts'
import { missing } from './absolute-sentences/titles.ts'
import { assertCovers } from './coverage.ts'

const table: Readonly<Record<string, Rows>> = {
  ...clients,
  ...configuration,
  ...endpoints,
  ...keyServices,
  ...operation,
  ...pages,
  ...people,
  ...postgresql,
}

const promises = /^## Security properties\n([\s\S]*?)\n(?=## )/m

/** Texts by file. The promises of SECURITY.md are excluded: they name their tests themselves. */
const texts = new Map([
  ['SECURITY.md', readText('SECURITY.md').replace(promises, '')],
  ...textsOf('docs/{guides,endpoints}/*.md'),
])

test('promises: every one of SECURITY.md names tests that exist', () => {
  const [, section = ''] = promises.exec(readText('SECURITY.md')) ?? []
  const bullets = section.split(/^(?=- )/m).slice(1)
  assert.ok(bullets.length > 40, 'the promises were not found')
  for (const bullet of bullets) {
    const [promise = ''] = bullet.split('\n  (')
    const tests = [...bullet.matchAll(/\[([^\]]+)\]\((test\/[^)]+)\): "([^"]+)"/g)]
    assert.ok(tests.length > 0, `no test is named by: ${promise}`)
    for (const [, name, file, title] of tests) {
      assert.ok(file!.endsWith(`/${name}`), `${name} does not name ${file}`)
      assert.equal(missing(file!, title!), undefined, promise)
    }
    const sentences = promise.match(/[.?!](?=\s|$)/g) ?? []
    assert.ok(sentences.length >= 1 && sentences.length <= 3, `one to three sentences: ${promise}`)
  }
})

test('promises: every file with absolute sentences has rows', () => {
  const speaking = [...texts].filter(([, text]) => absoluteSentences(text).length > 0)
  assertCovers(
    Object.keys(table),
    speaking.map(([file]) => file),
    'file with absolute sentences',
  )
})

for (const [file, text] of texts) {
  test(`promises: every absolute sentence of ${file} has a test that verifies it, or is no promise`, () => {
    const rows = table[file] ?? {}
    const sentences = absoluteSentences(text)
    const beginnings = Object.keys(rows)
    assert.deepEqual(
      {
        'without a row': sentences.filter(one => !beginnings.some(start => one.startsWith(start))),
        'with two rows': sentences.filter(
          one => beginnings.filter(start => one.startsWith(start)).length > 1,
        ),
        'gone, but with a row': beginnings.filter(start => !sentences.some(one => one.startsWith(start))),
      },
      { 'without a row': [], 'with two rows': [], 'gone, but with a row': [] },
    )
    for (const [start, row] of Object.entries(rows)) {
      if ('reason' in row) continue
      assert.ok(row.tests.length > 0, start)
      for (const [name, title] of row.tests) assert.equal(missing(`test/${name}`, title), undefined, start)
    }
  })
}

test('promises: absolute sentences are found in every layout', () => {
  const text = [
    '# Never a heading',
    'A code is',
    '*used once*. Others may be many. `none` is a value here.',
    '- It never logs a secret;',
    '  nobody reads it twice.',
    '| key | at most ten of a kind |',
    '```',
    'it never counts in code',
    '```',
  ].join('\n')
  assert.deepEqual(absoluteSentences(text), [
    'A code is *used once*.',
    'It never logs a secret;',
    'nobody reads it twice.',
    'at most ten of a kind',
  ])
})
