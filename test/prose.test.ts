/** Plain English: the rules of `architecture/prose.ts` hold for everything that people read, and can fail. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exceptions, isRead, proseSuspects } from './architecture/prose.ts'
import { textsOf } from './support/repository.ts'

const files = new Map([
  ...textsOf('{packages,bench,test,docs,examples}/**/*.{ts,js,mjs,md,eta}'),
  ...textsOf('*.md'),
])

test('prose: comments, documents and messages are in plain English', () => {
  const read = new Map([...files].filter(([file]) => isRead(file)))
  assert.ok(read.size > 900, `only ${read.size} files were seen`)
  assert.deepEqual(proseSuspects(read), [])
})

test('prose: a planted sentence is found, in a comment, in a message and in a document', () => {
  const sentence = 'Whom the file took out is told of it anew'
  for (const [file, text] of [
    ['x.ts', `/** ${sentence}. */`],
    ['x.ts', `const message = '${sentence}'`],
    ['x.md', sentence],
  ] as const)
    assert.ok(proseSuspects(new Map([[file, text]])).length >= 3, text)
  assert.deepEqual(proseSuspects(new Map([['x.ts', 'const whom = anew']])), [])
})

test('prose: each exception is needed, and has a reason', () => {
  const lines = [...files].filter(([file]) => isRead(file)).flatMap(([, text]) => text.split('\n'))
  for (const [part, reason] of exceptions) {
    assert.ok(reason.length > 20, `the exception ${part} has no reason`)
    assert.ok(
      lines.some(line => line.includes(part)),
      `no line contains ${part}`,
    )
  }
})
