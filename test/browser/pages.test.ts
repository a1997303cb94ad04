/** Checks that the files that examine pages, which run concurrently, cover all pages. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namesIn } from '../support/repository.ts'
import { accountPages, signInPages } from './page-cases.ts'

/** On every page, and in mails. */
const noPages: ReadonlySet<string> = new Set(['layout', 'mail'])

test('pages: every template is covered', () => {
  const templates = namesIn('packages/server/src/pages/ui/templates').map(file => file.replace('.eta', ''))
  const seen = new Set<string>([...signInPages, ...accountPages].map(({ template }) => template))
  assert.deepEqual(
    templates.filter(name => !noPages.has(name) && !seen.has(name)),
    [],
  )
})
