/** Flows and attacks that lean on the store the most, on the stores that keep something; `npm run test:on` runs them all. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const files = [
  'test/attacks/codes.test.ts',
  'test/attacks/overtaken-answers.test.ts',
  'test/attacks/overtaken-sign-ins.test.ts',
  'test/flows/device.test.ts',
  'test/flows/nodes.test.ts',
  'test/flows/sessions.test.ts',
]
const root = fileURLToPath(new URL('../..', import.meta.url))

for (const storage of ['sqlite', 'postgres'])
  test(`flows and attacks come to the same on ${storage}`, async () => {
    // Of this run they are one test.
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
