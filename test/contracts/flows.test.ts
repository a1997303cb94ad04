/**
 * Flows and attacks that depend most on the store, run on the persistent stores; `npm run test:on` runs all of them.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

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

for (const storage of ['sqlite', 'postgres'])
  test(`flows and attacks have the same results on ${storage}`, async () => {
    // In this run, all of them together count as one test.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const child = spawn(process.execPath, ['test/on-store.ts', storage, ...files], { cwd: root, env })
    let told = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', text => {
        told += text
      })
    const [code] = await once(child, 'exit')
    assert.equal(code, 0, told.slice(-20_000))
    assert.match(told, /^ℹ pass [1-9]/m)
  })
