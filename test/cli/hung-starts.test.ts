/** A stop while the start hangs, because a database accepts the connection and never responds to a statement. */

import assert from 'node:assert/strict'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadConfiguration } from '../../packages/server/src/configuration/load.ts'
import { markOfServer } from '../../packages/server/src/configuration/restart.ts'
import type { FromWorker } from '../../packages/server/src/operations/workers/message.ts'
import { supervise } from '../../packages/server/src/operations/workers/supervision.ts'
import { silentLog } from '../../packages/server/src/runtime/ports.ts'
import { testFolder } from '../support/folder.ts'
import { inTime, until } from '../support/until.ts'
import { finish, start } from './tessera.ts'

const folder = testFolder()
const limit = { within: 60_000 }

/** Writes a configuration with such a database. `asked` resolves when it has received a statement. */
async function startHanging(t: TestContext) {
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', () => {
      // AuthenticationOk, ReadyForQuery.
      socket.write(Buffer.from('5200000008000000005a0000000549', 'hex'))
      socket.once('data', () => resolve())
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const file = folder.at('hanging.json')
  await writeFile(file, JSON.stringify({ storage: `postgres://u:p@127.0.0.1:${port}/db` }))
  return { file, asked }
}

/** The limit of a stop passes at once. */
const hurried = `data:text/javascript,const real = setTimeout
globalThis.setTimeout = (run, ms, ...given) => real(run, ms === 19000 ? 0 : ms, ...given)`

test('serve: a process that hangs while it starts ends after SIGTERM', async t => {
  const { file, asked } = await startHanging(t)
  const child = start(['serve', '--config', file, '--port', '0', '--workers', '1'], {
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${encodeURI(hurried)}`,
  })
  t.after(() => child.kill('SIGKILL'))
  const end = finish(child)
  await inTime('the database is asked', asked, limit)
  child.kill('SIGTERM')
  const { code, stderr } = await inTime('the server ends', end)
  assert.equal(code, 0)
  assert.match(stderr, /"waited_s":19,"event":"stop_timed_out"/)
})

test('serve: a worker that hangs while it starts says how long it may take to stop', async t => {
  const { file, asked } = await startHanging(t)
  const loaded = await loadConfiguration({
    file,
    environment: process.env,
    overrides: { port: '0', host: '127.0.0.1' },
  })
  assert.ok(loaded.ok)
  cluster.setupPrimary({ execArgv: [] })
  const heard: FromWorker[] = []
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  const ended = supervise({
    count: 1,
    entry: fileURLToPath(new URL('../../packages/server/src/cli/worker-process.js', import.meta.url)),
    words: [file, '0', '127.0.0.1', '{}', markOfServer(loaded.configuration)],
    stopped,
    stopLimit: 0,
    onReload: () => {},
    onReady: () => {},
    log: silentLog,
  })
  const [worker] = Object.values(cluster.workers ?? {})
  worker?.on('message', (message: FromWorker) => heard.push(message))
  t.after(() => worker?.process.kill('SIGKILL'))
  await inTime('the database is asked', asked, limit)
  worker?.process.kill('SIGTERM')
  await until('it says so', () => heard.some(({ kind }) => kind === 'stopping'))
  assert.deepEqual(
    heard.filter(({ kind }) => kind !== 'alive'),
    [{ kind: 'stopping', limit_ms: 19_000 }],
  )
  worker?.process.kill('SIGKILL')
  stop()
  await inTime('the server ends', ended)
})
