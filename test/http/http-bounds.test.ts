/** Checks what the edge remembers of connections and waiting requests, and when it forgets it. */

import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { test } from 'node:test'
import type { HttpRequest, Route } from '@tessera/protocol/http'
import { createAdmission } from '../../packages/server/src/http/admission.ts'
import { type BodyOutcome, limitParts, readBody } from '../../packages/server/src/http/body.ts'
import { createLoad } from '../../packages/server/src/http/load.ts'
import { createPipelines } from '../../packages/server/src/http/pipeline.ts'
import { createPresence } from '../../packages/server/src/http/presence.ts'
import { createRouter } from '../../packages/server/src/http/router.ts'
import { until } from '../support/until.ts'

/** The part of a connection that the edge uses. */
function createSocket(readableEnded = false) {
  const written: string[] = []
  const socket = Object.assign(new EventEmitter(), {
    ...{ destroyed: false, readableEnded, written, paused: false },
    isPaused: (): boolean => socket.paused,
    pause(): void {
      socket.paused = true
    },
    resume(): void {
      socket.paused = false
      socket.emit('resume')
    },
    write(text: string, done?: (error?: Error) => void) {
      written.push(text)
      done?.()
    },
    destroy(): void {
      socket.destroyed = true
      socket.emit('close')
    },
  })
  return socket
}

const tick = (): Promise<void> => new Promise(resolve => process.nextTick(resolve))

type Pipelines = ReturnType<typeof createPipelines>

/** A pipelined request; its response gets the connection when the previous one has ended. */
function sendAhead(pipelines: Pipelines, socket: ReturnType<typeof createSocket>, start = () => {}) {
  const response = Object.assign(new EventEmitter(), { socket: null })
  pipelines.inOrder(response as never, socket as never, start)
  return response
}

test('connections: all together keep 16,384 pipelined requests, and forget those of a closed connection', async () => {
  const pipelines = createPipelines()
  const sockets = Array.from({ length: 64 }, () => createSocket())
  for (const socket of sockets) for (let count = 0; count < 256; count++) sendAhead(pipelines, socket)
  assert.equal(
    sockets.some(({ destroyed }) => destroyed),
    false,
  )
  const surplus = createSocket()
  sendAhead(pipelines, surplus)
  await tick()
  assert.equal(surplus.destroyed, true)
  sockets[0]?.destroy()
  const next = createSocket()
  sendAhead(pipelines, next)
  await tick()
  assert.equal(next.destroyed, false)
})

test('connections: a connection is not read while pipelined requests wait, whatever resumes it', () => {
  const pipelines = createPipelines()
  const socket = createSocket()
  const waiting = [sendAhead(pipelines, socket), sendAhead(pipelines, socket)]
  assert.equal(socket.paused, true)
  waiting[0]?.emit('socket')
  socket.resume()
  assert.equal(socket.paused, true)
  waiting[1]?.emit('socket')
  assert.equal(socket.paused, false)
})

test('connections: a client is probed if its connection is paused or has just been read to its end', async () => {
  const paused = createSocket()
  paused.pause()
  const ending = createSocket()
  setImmediate(() =>
    setImmediate(() => {
      ending.readableEnded = true
    }),
  )
  for (const socket of [ending, paused]) {
    assert.equal(await createPresence(socket as never).connected(), true)
    assert.equal(socket.written.join(''), 'HTTP/1.1 ')
  }
})

test('connections: one connection keeps 256 pipelined requests, and ends after the read with more', async () => {
  const pipelines = createPipelines()
  const socket = createSocket()
  for (let count = 0; count < 256; count++) sendAhead(pipelines, socket)
  await tick()
  assert.deepEqual([socket.destroyed, pipelines.isOver(socket as never)], [false, false])
  sendAhead(pipelines, socket)
  // Node parses the rest of the read first.
  assert.deepEqual([socket.destroyed, pipelines.isOver(socket as never)], [false, true])
  await tick()
  assert.equal(socket.destroyed, true)
})

test('connections: when a connection ends, its waiting requests fail without stacks, and later errors have them', async t => {
  const { inOrder } = createPipelines()
  const errors: Error[] = []
  let parsed = 0
  let served: Socket | undefined
  const server = createServer((raw, response) => {
    parsed++
    served = raw.socket
    raw.on('error', error => errors.push(error))
    inOrder(response, raw.socket, () => {})
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: id.example\r\n\r\n'.repeat(50))
  await until('all requests are parsed', () => parsed === 50)
  // A paused connection does not show that its client hung up.
  served?.destroy()
  await until('all requests have failed', () => errors.length === 50)
  assert.deepEqual(
    errors.filter(({ stack }) => /\n +at /.test(stack ?? '')),
    [],
  )
  assert.match(new Error('later').stack ?? '', /\n +at /)
  socket.destroy()
})

test('connections: a pipelined request is not started if its connection has closed', () => {
  const pipelines = createPipelines()
  const [socket, other] = [createSocket(), createSocket()]
  let started = 0
  const start = (): void => {
    started += 1
  }
  const gone = sendAhead(pipelines, socket, start)
  const waiting = sendAhead(pipelines, other, start)
  socket.destroy()
  gone.emit('socket')
  assert.equal(started, 0)
  waiting.emit('socket')
  assert.equal(started, 1)
})

test('connections: a client is probed once, however often the server asks whether it is connected', async () => {
  const socket = createSocket(true)
  const presence = createPresence(socket as never)
  assert.deepEqual(await Promise.all([presence.connected(), presence.connected()]), [true, true])
  assert.equal(socket.written.join(''), 'HTTP/1.1 ')
  assert.equal(presence.begun(), 'HTTP/1.1 ')
})

test('connections: a client that hangs up after the probe is gone', async () => {
  const socket = createSocket(true)
  const presence = createPresence(socket as never)
  assert.equal(await presence.connected(), true)
  socket.destroy()
  assert.equal(await presence.connected(), false)
})

test('body: its outcome is reported once, at its end, at its limit, or when the connection ends', () => {
  for (const [events, expected] of [
    [['data', 'end', 'close'], { body: 'four' }],
    [['data', 'close'], { lost: true }],
    [['data', 'data', 'data', 'end', 'close'], { tooLarge: true }],
  ] as const) {
    const raw = Object.assign(new EventEmitter(), { headers: {} })
    const outcomes: BodyOutcome[] = []
    readBody(raw as never, 8, outcome => outcomes.push(outcome))
    for (const event of events) raw.emit(event, Buffer.from('four'))
    assert.deepEqual(outcomes, [expected], events.join())
  }
})

test('body: one of exactly the maximum size is read, with and without a Content-Length', () => {
  for (const headers of [{}, { 'content-length': '8' }]) {
    const raw = Object.assign(new EventEmitter(), { headers })
    const outcomes: BodyOutcome[] = []
    readBody(raw as never, 8, outcome => outcomes.push(outcome))
    raw.emit('data', Buffer.from('8 bytes!'))
    raw.emit('end')
    assert.deepEqual(outcomes, [{ body: '8 bytes!' }])
  }
})

test('body: one with a larger Content-Length is refused before a byte is read', () => {
  const raw = Object.assign(new EventEmitter(), { headers: { 'content-length': '9' } })
  const outcomes: BodyOutcome[] = []
  readBody(raw as never, 8, outcome => outcomes.push(outcome))
  assert.deepEqual(outcomes, [{ tooLarge: true }])
  assert.equal(raw.listenerCount('data'), 0)
})

test('body: of a request that waits, no more than 1,024 parts are kept, and one with more has no end', () => {
  for (const [parts, expected] of [
    [1024, { kept: [...Array(1024).fill('x'), null], told: 0 }],
    [1025, { kept: Array(1024).fill('x'), told: 1 }],
    [5000, { kept: Array(1024).fill('x'), told: 1 }],
  ] as const) {
    const kept: unknown[] = []
    let told = 0
    const raw = { push: (part: unknown) => kept.push(part) > 0 }
    limitParts(raw as never, () => {
      told += 1
    })
    for (let part = 0; part < parts; part++) raw.push('x')
    raw.push(null)
    assert.deepEqual({ kept, told }, expected)
  }
})

test('admission: pipelined requests wait no longer than others', async () => {
  let time = 0
  const admission = createAdmission({ first: 1, longestMs: 100, now: () => time, busyShare: () => 1 })
  admission.enter({ start() {}, refuse() {}, ahead: false })
  let refused = false
  const refuse = (): void => {
    refused = true
  }
  admission.enter({ start() {}, refuse, ahead: true })
  time = 100
  await until('the request is refused', () => refused)
  admission.close()
})

test('admission: requests that still wait at the end are refused, in both queues', () => {
  const admission = createAdmission({ first: 1, now: () => 0, busyShare: () => 1 })
  const done: string[] = []
  for (const [name, ahead] of [
    ['a', false],
    ['b', false],
    ['c', true],
  ] as const)
    admission.enter({
      start: () => done.push(`start ${name}`),
      refuse: () => done.push(`refuse ${name}`),
      ahead,
    })
  admission.close()
  assert.deepEqual(done.toSorted(), ['refuse b', 'refuse c', 'start a'])
  assert.equal(admission.waiting(), 0)
})

test('body: one of more than 1,024 parts is refused, also in the server of an application', async () => {
  const outcomeOf = async (parts: number): Promise<BodyOutcome> => {
    const raw = Object.assign(new EventEmitter(), { headers: {}, readableDidRead: false, destroyed: false })
    return new Promise(resolve => {
      readBody(raw as never, 65_536, resolve)
      for (let part = 0; part < parts; part++) raw.emit('data', Buffer.from('x'))
      raw.emit('end')
    })
  }
  assert.deepEqual(await outcomeOf(1024), { body: 'x'.repeat(1024) })
  assert.deepEqual(await outcomeOf(1025), { tooLarge: true })
})

test('router: two routes with the same path are an error of the program', () => {
  const route: Route = { path: '/one', methods: ['GET'], endpoint: () => assert.fail() }
  const ports = { headers: {}, onError: () => {}, isAllowedOrigin: () => false }
  assert.throws(() => createRouter({ ...ports, routes: [route, route] }), /same path/)
})

test('router: a request counts as in progress while the origin of its page is looked up', async () => {
  const load = createLoad()
  const known = Promise.withResolvers<boolean>()
  const endpoint = () => ({ status: 204, headers: {}, body: '' })
  const router = createRouter({
    routes: [{ path: '/one', methods: ['GET'], endpoint, cors: 'clients' }],
    ...{ headers: {}, onError: () => {}, load, isAllowedOrigin: () => known.promise },
  })
  const request = { method: 'GET', path: '/one', headers: { origin: 'https://app.example' } }
  const response = router(request as unknown as HttpRequest)
  assert.equal(load.underWay(), 1)
  known.resolve(true)
  assert.equal((await response).status, 204)
  assert.equal(load.underWay(), 0)
})
