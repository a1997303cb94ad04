/** The benchmark stops at a wrong response, because its results would be meaningless. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { load } from '../../bench/src/load/load.ts'
import { get } from '../../bench/src/load/requests.ts'
import { measure } from '../../bench/src/measure.ts'
import { clientCredentials } from '../../bench/src/rows/client-credentials.ts'
import type { Row } from '../../bench/src/rows/row.ts'

/** A server that returns these responses one after the other, and then repeats the last one. */
async function withAnswers(
  answers: readonly (readonly [status: number, body: string])[],
  use: (port: number) => Promise<void>,
): Promise<void> {
  let given = 0
  const server = createServer((_, response) => {
    const [status, body] = answers[Math.min(given++, answers.length - 1)]!
    response.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await use((server.address() as AddressInfo).port)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const few = { connections: 2, seconds: 5 }
const asking = { next: () => get('/'), check: () => undefined }

test('bench: an answer that is not 200 ends the load', () =>
  withAnswers(
    [
      [200, '{}'],
      [503, '{"error":"temporarily_unavailable"}'],
    ],
    port => assert.rejects(load({ ...asking, ...few, port }), /status 503/),
  ))

test('bench: an answer that can not be read ends the load', () =>
  withAnswers([[200, 'not JSON']], port =>
    assert.rejects(load({ ...asking, ...few, port, check: body => JSON.parse(body) }), /SyntaxError/),
  ))

test('bench: a token that comes twice is no answer', () => {
  const { check } = clientCredentials[2]!.work('/token', [], { token: '/token', jwks: '/jwks' })
  const answer = (access_token: string): string =>
    JSON.stringify({ access_token, token_type: 'Bearer', expires_in: 3600 })
  assert.equal(check(answer('a'.repeat(40))), undefined)
  assert.equal(check(answer('b'.repeat(40))), undefined)
  assert.match(check(answer('a'.repeat(40))) ?? '', /for the second time/)
  assert.match(check(answer('aaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbb.'.padEnd(140, 'c'))) ?? '', /no reference/)
})

test('bench: a server that takes a used credential again ends the measurement', () =>
  withAnswers([[200, '{}']], port => {
    const row: Row = {
      ...{ name: 'a code that never expires', endpoint: 'token', prove: async () => {} },
      work: path => ({ ...asking, next: () => get(path), replays: () => [get(path)] }),
    }
    const server = {
      ...{ port, pid: process.pid, startMs: 0, paths: { token: '/token', jwks: '/jwks' } },
      prepare: async () => [],
      stop: async () => {},
    }
    const short = { connections: 2, seconds: 0.05, warmUpSeconds: 0.05 }
    return assert.rejects(measure(server, row, short), /was taken again/)
  }))
