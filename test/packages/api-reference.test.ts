/** `docs/reference` is what `npm run api:reference` writes, and each function of the client library is described there. */

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { apiReference } from '../../packages/api-reference.ts'
import { textsOf } from '../support/repository.ts'

let pages: ReadonlyMap<string, string>
before(async () => {
  pages = await apiReference('client')
})

test('API reference: it describes the present code; run `npm run api:reference` after a change', () => {
  const committed = textsOf('docs/reference/*.md')
  assert.deepEqual([...committed.keys()].toSorted(), [...pages.keys()].toSorted())
  for (const [file, text] of pages) assert.equal(committed.get(file), text, file)
})

test('API reference: it contains the docstring and the declaration of an export', () => {
  const page = pages.get('docs/reference/client.md') ?? ''
  const [, section = ''] = /^### clientCredentials\n([\s\S]*?)(?=^### )/m.exec(page) ?? []
  assert.match(section, /^Requests an access token for the client itself/m)
  assert.match(section, /```ts\ndeclare const clientCredentials: \(\n {2}client: Client,/)
  assert.match(page, /^### ClientError\n\n[A-Z]/m)
})

test('API reference: each function and class has a docstring', () => {
  for (const [file, text] of pages)
    for (const [, name, rest = ''] of text.matchAll(/^### (\w+)\n\n([\s\S]*?)(?=^##|$(?![\s\S]))/gm))
      if (/^declare (?:function|class|const \w+: [<(])/m.test(rest))
        assert.doesNotMatch(rest, /^```/, `${name} in ${file} has no docstring`)
})
