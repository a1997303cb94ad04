/** The test runner knows the current test after awaits, timers and events, with what `npm test` preloads and without. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { after, describe, getTestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { testFolder } from '../support/folder.ts'

const folder = testFolder()
const nameOf = (): string | undefined => getTestContext()?.name

describe('test context: a suite that awaits', async () => {
  await setTimeout(1)
  const ended: (string | undefined)[] = []
  after(() => assert.deepEqual(ended, ['one', 'other']))

  for (const name of ['one', 'other'])
    test(name, async t => {
      assert.equal(nameOf(), name)
      await setTimeout(1)
      assert.equal(nameOf(), name)
      const inner = ['first', 'second'].map(name =>
        t.test(name, async () => {
          await setTimeout(1)
          assert.equal(nameOf(), name)
        }),
      )
      await Promise.all(inner)
      const events = new EventEmitter()
      setImmediate(() => events.emit('named', nameOf()))
      assert.deepEqual(await once(events, 'named'), [name])
      t.after(() => ended.push(name))
    })
})

test('test context: an error outside of a test’s promise fails that test', async () => {
  const file = await folder.write(
    'late.test.ts',
    `import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
test('passes', () => {})
test('throws later', async () => {
  await wait(1)
  setTimeout(() => { throw new Error('thrown later') }, 1)
  await wait(1000)
})
test('rejects later', async () => {
  await wait(1)
  Promise.reject(new Error('rejected later'))
  await wait(1000)
})
`,
  )
  const preloaded = new URL('test-context.ts', import.meta.url).href
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  for (const words of [[], ['--import', preloaded]]) {
    const ran = promisify(execFile)(process.execPath, [...words, '--test-reporter=tap', file], { env })
    const { stdout } = await ran.then(
      () => assert.fail('the file passes'),
      error => error,
    )
    assert.match(stdout, /^ok 1 - passes$/m)
    assert.match(stdout, /^not ok 2 - throws later$/m)
    assert.match(stdout, /^not ok 3 - rejects later$/m)
    assert.match(stdout, /error: 'thrown later'/)
    assert.match(stdout, /error: 'rejected later'/)
  }
})
