/** Each endpoint page begins with a request and its response, which the server really gives. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '@tessera/protocol/result'
import { readText, textsOf } from '../support/repository.ts'
import type { Answer } from '../support/tessera.ts'
import { examplesOf, type Message, prepare } from './endpoint-examples.ts'

const pages = [...textsOf('docs/endpoints/*.md').keys()]
const { words, send } = await prepare()

test('endpoint pages: each begins with a request and its response, after one paragraph', () => {
  assert.ok(pages.length >= 18)
  const begin = /^# .+\n\n(?:.+\n)+\n```http\n(?:GET|POST) \/[\s\S]*?\n```\n\n```http\nHTTP\/1\.1 \d{3} /
  assert.deepEqual(
    pages.filter(page => !begin.test(readText(page))),
    [],
  )
})

for (const page of pages)
  test(`endpoint pages: the server responds to the requests of ${page} as it says`, async () => {
    for (const { request, response } of examplesOf(page)) matches(response, await sent(request))
  })

test('endpoint pages: an example that differs from the response fails', async () => {
  const [{ request, response } = assert.fail()] = examplesOf('docs/endpoints/token.md')
  const answer = await sent(request)
  matches(response, answer)
  for (const wrong of [
    { ...response, first: 'HTTP/1.1 201 Created' },
    { ...response, headers: new Map([['cache-control', 'public']]) },
    { ...response, body: response.body.replace('"expires_in": 3600, ', '') },
    { ...response, body: response.body.replace('3600', '60') },
    { ...response, body: response.body.replace('eyJ…', 'ta_…') },
  ])
    assert.throws(() => matches(wrong, answer), { name: 'AssertionError' })
})

/** Sends a request, with the values of the words in capitals. */
function sent({ first, headers, body }: Message): Promise<Answer> {
  const filled = (text: string): string =>
    text.replace(/\b[A-Z]+(?:_[A-Z]+)*\b/g, word => (Object.hasOwn(words, word) ? words[word]! : word))
  const [method = '', target = ''] = first.split(' ')
  const sending = [...headers].filter(([name]) => name !== 'host')
  return send(method, filled(target), {
    headers: Object.fromEntries(sending.map(([name, value]) => [name, filled(value)])),
    body: filled(body),
  })
}

/** Compares a response with the one of a page, in which `…` matches any text. */
function matches({ first, headers, body }: Message, answer: Answer): void {
  assert.equal(first.split(' ')[1], String(answer.status), `${first}: ${answer.reason ?? answer.body}`)
  for (const [name, value] of headers)
    assert.ok(
      fits(value, String(answer.headers[name])),
      `${name}: ${answer.headers[name]}; expected ${value}`,
    )
  if (headers.get('content-type')?.includes('json')) compare(JSON.parse(body), answer.json, 'body')
  else if (body !== '') assert.ok(fits(body, String(answer.body), { whole: false }), String(answer.body))
}

function fits(pattern: string, text: string, { whole = true } = {}): boolean {
  const parts = pattern.split('…').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[\\s\\S]+?')}${whole ? '$' : ''}`).test(text)
}

/** A member or an element `…` matches any others. */
function compare(expected: Json, actual: Json | undefined, where: string): void {
  if (typeof expected === 'string') {
    assert.ok(
      typeof actual === 'string' && fits(expected, actual),
      `${where}: ${actual}; expected ${expected}`,
    )
    return
  }
  if (typeof expected !== 'object' || expected === null) {
    assert.equal(actual, expected, where)
    return
  }
  assert.ok(
    typeof actual === 'object' && actual !== null && Array.isArray(actual) === Array.isArray(expected),
    where,
  )
  const entries = Object.entries(expected)
  const shown = entries.filter(([name, value]) => name !== '…' && !(Array.isArray(expected) && value === '…'))
  for (const [name, value] of shown)
    compare(value as Json, (actual as { [name: string]: Json })[name], `${where}.${name}`)
  if (shown.length === entries.length)
    assert.deepEqual(Object.keys(actual).toSorted(), Object.keys(expected).toSorted(), where)
}
