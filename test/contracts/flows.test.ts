/**
 * Flows and attacks that depend most on the store, run on the persistent stores; `npm run test:on` runs all of them.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { testLimit } from '../runner/limits.ts'
import { inTime } from '../support/until.ts'

const files = [
  'test/token/codes.attack.test.ts',
  'test/authorize/overtaken-answers.attack.test.ts',
  'test/sign-in/overtaken-sign-ins.attack.test.ts',
  'test/device/device.test.ts',
  'test/device/device-retry.test.ts',
  'test/operations/nodes.test.ts',
  'test/sessions/sessions.test.ts',
]
const root = fileURLToPath(new URL('../..', import.meta.url))

/** They are as many tests as other processes run in minutes. */
const within = 3 * testLimit

for (const storage of ['sqlite', 'postgres'])
  test(`flows and attacks have the same results on ${storage}`, { timeout: within + 10_000 }, async () => {
    // In this run, all of them together count as one test.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const child = spawn(process.execPath, ['test/on-store.ts', storage, ...files], { cwd: root, env })
    let told = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', text => {
        told += text
      })
    try {
      const [code] = await inTime('the tests end', once(child, 'close'), { within })
      assert.equal(code, 0)
    } catch (error) {
      child.kill()
      throw new Error(`${error}\n${told.slice(-20_000)}`)
    }
    assert.match(told, /^ℹ pass [1-9]/m)
  })
