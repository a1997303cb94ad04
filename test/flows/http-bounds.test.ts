/** Checks what the edge remembers about connections and waiting requests, and when it forgets it. */

import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { createAdmission } from '../../packages/server/src/http/admission.ts'
import { type BodyOutcome, readBody } from '../../packages/server/src/http/body.ts'
import { createPipelines } from '../../packages/server/src/http/pipeline.ts'
import { createPresence } from '../../packages/server/src/http/presence.ts'
import { until } from '../support/until.ts'

/** As much of a connection as the edge looks at. */
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

type Pipelines = ReturnType<typeof createPipelines>

/** A request that was sent ahead; its response gets the connection when the one before is over. */
function sendAhead(pipelines: Pipelines, socket: ReturnType<typeof createSocket>, start = () => {}) {
  const response = Object.assign(new EventEmitter(), { socket: null })
  pipelines.inTurn(response as never, socket as never, start)
  return response
}

test('connections: all together keep 16,384 requests that were sent ahead, and forget those of a closed one', () => {
  const pipelines = createPipelines()
  const sockets = Array.from({ length: 64 }, () => createSocket())
  for (const socket of sockets) for (let count = 0; count < 256; count++) sendAhead(pipelines, socket)
  assert.equal(
    sockets.some(({ destroyed }) => destroyed),
    false,
  )
  const surplus = createSocket()
  sendAhead(pipelines, surplus)
  assert.equal(surplus.destroyed, true)
  sockets[0]?.destroy()
  const next = createSocket()
  sendAhead(pipelines, next)
  assert.equal(next.destroyed, false)
})

test('connections: one is read no further while requests that were sent ahead wait, whoever resumes it', () => {
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

test('connections: a client whose connection is not read, or has just been read to its end, is tried', async () => {
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

test('connections: one keeps 256 requests that were sent ahead', () => {
  const pipelines = createPipelines()
  const socket = createSocket()
  for (let count = 0; count < 256; count++) sendAhead(pipelines, socket)
  assert.equal(socket.destroyed, false)
  sendAhead(pipelines, socket)
  assert.equal(socket.destroyed, true)
})

test('connections: a request that was sent ahead is not started once its connection is gone', () => {
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

test('connections: whether a client is there is tried once, however often it is asked', async () => {
  const socket = createSocket(true)
  const presence = createPresence(socket as never)
  assert.deepEqual(await Promise.all([presence.connected(), presence.connected()]), [true, true])
  assert.equal(socket.written.join(''), 'HTTP/1.1 ')
  assert.equal(presence.begun(), 'HTTP/1.1 ')
})

test('connections: a client that hangs up after it was found is gone', async () => {
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

test('body: one of exactly the most bytes is read, whether its length is told or not', () => {
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

test('admission: what a connection sent ahead waits no longer than others', async () => {
  let time = 0
  const admission = createAdmission({ first: 1, longestMs: 100, now: () => time, busyShare: () => 1 })
  admission.enter({ start() {}, refuse() {}, ahead: false })
  let refused = false
  const refuse = (): void => {
    refused = true
  }
  admission.enter({ start() {}, refuse, ahead: true })
  time = 100
  await until('it is refused', () => refused)
  admission.close()
})

test('admission: what still waits at the end is refused, in both lines', () => {
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
