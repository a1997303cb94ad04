import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createPasskeyThread } from '../../packages/server/src/identity/passkey-thread.ts'
import { QueueFull } from '../../packages/server/src/runtime/async/fair-queue.ts'

const source = new URL('../../packages/server/src/identity/passkey-thread.ts', import.meta.url)
const expected = { expectedChallenge: 'c', expectedOrigin: 'https://a.example', expectedRPID: 'a.example' }
const credential = { id: 'a', publicKey: new Uint8Array(), counter: 0 }

/** Returns a module that handles each message with this code, which can use `id`, `response`, `send` and `threadId`. */
const moduleOf = (code: string): URL => {
  const text = `
    import { parentPort, threadId } from 'node:worker_threads'
    parentPort.on('message', ([id, , { response }]) => {
      const send = result => parentPort.postMessage([id, result])
      ${code}
    })`
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`)
}

test('passkeys: the library is loaded in a thread, which does not keep the process alive', async () => {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    const { passkeyThread } = await import('${source}')
    const verified = await passkeyThread.registration(${JSON.stringify({ ...expected, response: '{}' })}, '192.0.2.1')
    console.log(verified, loaded.length > 0, loaded.filter(url => url.includes('simplewebauthn')))`
  const args = ['--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 })
  assert.equal(stdout, 'undefined true []\n')
})

test('passkeys: concurrent calls of the thread get their own results, in any order', async () => {
  const { registration, authentication } = createPasskeyThread({
    module: moduleOf('setTimeout(send, id === 1 ? 20 : 0, response)'),
  })
  const results: unknown[] = await Promise.all([
    registration({ ...expected, response: 'a' }, '192.0.2.1'),
    authentication({ ...expected, credential, response: 'b' }, '192.0.2.1'),
    registration({ ...expected, response: 'c' }, '192.0.2.1'),
  ])
  assert.deepEqual(results, ['a', 'b', 'c'])
})

test('attack: passkeys: one network has many responses verified, and another network waits for two of them', async () => {
  const { registration, authentication } = createPasskeyThread({
    module: moduleOf('globalThis.taken = (globalThis.taken ?? 0) + 1; send(taken)'),
  })
  const flood = Promise.allSettled(
    Array.from({ length: 600 }, () =>
      authentication({ ...expected, credential, response: 'a' }, '192.0.2.1'),
    ),
  )
  const place: unknown = await registration({ ...expected, response: 'b' }, '198.51.100.1')
  assert.ok(Number(place) <= 4, `${place}`)
  const refused = (await flood).filter(({ status }) => status === 'rejected')
  // Two are in the thread and 500 wait, one of which makes way for the other network.
  assert.equal(refused.length, 600 - 2 - 500 + 1)
  for (const one of refused) assert.ok(one.status === 'rejected' && one.reason instanceof QueueFull)
})

const endings = {
  'passkeys: if the thread fails, the calls that wait get 503, and the next one starts another': {
    code: 'throw new Error("broken")',
    cause: /broken/,
  },
  'passkeys: if the thread ends, the calls that wait get 503, and the next one starts another': {
    code: 'process.exit(3)',
    cause: /ended with 3/,
  },
  'passkeys: if the thread does not answer, the calls that wait get 503, and the next one starts another': {
    code: '',
    cause: /took more than 20000 ms/,
  },
}

for (const [title, { code, cause }] of Object.entries(endings))
  test(title, async ({ mock }) => {
    mock.timers.enable({ apis: ['setTimeout'] })
    const { registration } = createPasskeyThread({
      module: moduleOf(`if (response === 'answer') return send(threadId)\n${code}`),
    })
    const answer = () => registration({ ...expected, response: 'answer' }, '192.0.2.1')
    const before = await answer()
    const waiting = Promise.allSettled(
      [1, 2].map(() => registration({ ...expected, response: 'break' }, '192.0.2.1')),
    )
    if (code === '') mock.timers.tick(20_000)
    for (const settled of await waiting) {
      assert.ok(settled.status === 'rejected')
      assert.equal(settled.reason.name, 'StoreUnavailable')
      assert.match(String(settled.reason.cause), cause)
    }
    assert.notEqual(await answer(), before)
  })
