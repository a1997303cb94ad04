/** `docs/reasons.md` names every reason that the code refuses with, and no other. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sections } from '../packages/server/src/operations/explain/sections.ts'
import { readText, textsOf } from './support/repository.ts'

const documented = (page: string): readonly string[] =>
  [...page.matchAll(/^\| `([a-z\d_]+)` \|/gm)].map(([, code = '']) => code)

const comments = /^\s*(?:\/\/.*|\/?\*.*)$/gm

/** Functions that refuse with the reason they are given first, such as `const unproven = (reason: string) => refuse(…, reason)`. */
const refusers = /\b(?:const|function) (\w+)(?: =)? ?\(\s*reason: string/g

/** Matches reasons in places where only a reason can occur. */
function given(texts: Iterable<string>): readonly string[] {
  return [...texts].flatMap(text => {
    const code = text.replace(comments, '')
    const names = ['refuseClient', ...[...code.matchAll(refusers)].map(([, name]) => name)].join('|')
    const calls = new RegExp(`\\b(?:${names})\\(\\s*'([a-z\\d_]+)'`, 'g')
    return [
      ...code.matchAll(/\brefuse\(\s*[^,;]+?,\s*'([a-z\d_]+)'/g),
      ...code.matchAll(/\breason: '([a-z\d_]+)'/g),
      ...code.matchAll(calls),
    ].map(([, reason = '']) => reason)
  })
}

/** Whether the code contains this text: literally, or from a template such as `${kind}_token_invalid`. */
function sayable(texts: Iterable<string>): (reason: string) => boolean {
  const code = [...texts].map(text => text.replace(comments, '')).join('\n')
  const whole = new Set([...code.matchAll(/'([a-z\d_]+)'/g)].map(([, text]) => text))
  const templates = [...code.matchAll(/`([a-z\d_]*)\$\{[^{}`]+\}([a-z\d_]*)`/g)]
    .filter(([, before = '', after = '']) => (before + after).includes('_'))
    .map(([, before, after]) => new RegExp(`^${before}[a-z]+${after}$`))
  return reason => whole.has(reason) || templates.some(template => template.test(reason))
}

/** The server's. The guard of an API in the client library has reasons of its own, which are a type. */
const sources = [...textsOf('packages/{protocol,server}/src/**/*.ts').values()]
const page = documented(readText('docs/reasons.md'))

test('reasons: every one that the code refuses with is documented', () => {
  const used = new Set(given(sources))
  assert.ok(used.size > 100, `only ${used.size} reasons were found`)
  assert.deepEqual([...used].filter(reason => !page.includes(reason)).sort(), [])
})

test('reasons: every documented one is used, once in the table, in order', () => {
  assert.ok(page.length > 100, `only ${page.length} rows were found`)
  const isUsed = sayable(sources)
  assert.deepEqual(
    page.filter(reason => !isUsed(reason)),
    [],
  )
  assert.deepEqual(page, [...new Set(page)].sort())
})

test('reasons: each has a section, or is a rule of this server (operations/explain/sections.ts)', () => {
  // The admin API is this server's own.
  assert.deepEqual(
    [...sections.keys()].toSorted(),
    page.filter(reason => !reason.startsWith('admin_')),
  )
})

test('reasons: planted reasons are found in any position', () => {
  const planted = [
    `refuse('invalid_grant', 'one')`,
    `refuse(\n  told.error ?? 'invalid_grant',\n  'two',\n)`,
    `return { ok: false, reason: 'three' }`,
    `const unproven = (reason: string): Refusal => refuse('invalid_token', reason)\nunproven('four')`,
    `function invalid(\n  reason: string) {}\ninvalid('five')`,
    `refuseClient('six')`,
    `// refuse('invalid_grant', 'not_this')`,
  ]
  assert.deepEqual(given(planted).toSorted(), ['five', 'four', 'one', 'six', 'three', 'two'])
  const template = '`' + '$' + '{kind}_made_up`'
  const says = sayable([`const x = 'whole_one'; y = ${template}`])
  assert.deepEqual(['whole_one', 'token_made_up', 'made_up', 'other'].map(says), [true, true, false, false])
})
