/**
 * The checks of types, style and unused code as tests, so that they run concurrently with the others and are counted
 * with them.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { lintChangedFiles } from './lint.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** One thread of the compiler does not repeat the work of another, which saves a third of its CPU time. */
const checks = { 'check:types': ['--singleThreaded'], 'check:unused': [] } as const

/** The compiler is a Go program. It collects garbage only when it needs this much memory. */
const env = { ...process.env, GOGC: 'off', GOMEMLIMIT: '2GiB' }

for (const [check, options] of Object.entries(checks))
  test(`npm run ${check} finds nothing`, async () => {
    const child = spawn('npm', ['run', '--silent', check, '--', ...options], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output = Promise.all([text(child.stdout), text(child.stderr)])
    const [code] = await once(child, 'close')
    assert.equal(code, 0, (await output).join(''))
  })

test('npm run check:lint finds nothing', () =>
  lintChangedFiles().catch(({ stdout = '', stderr = '', message }) =>
    assert.fail(stdout + stderr || message),
  ))
