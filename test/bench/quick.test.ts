/** The benchmark works: what it says about speed is for a quiet machine, not for a test. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Results } from '../../bench/src/results/results.ts'
import { rows } from '../../bench/src/rows/rows.ts'

const run = promisify(execFile)
const bench = fileURLToPath(new URL('../../bench/src/bench.ts', import.meta.url))

test('bench: the quick form prints every row, asks every server that does its work, and finds no wrong answer', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tessera-bench-test-'))
  try {
    const json = join(directory, 'results.json')
    const args = [bench, '--quick', '--seconds', '0.1', '--connections', '4', '--json', json]
    const { stdout } = await run(process.execPath, args, { timeout: 240_000 })
    const results: Results = JSON.parse(await readFile(json, 'utf8'))
    const { rows: found = [], steady = [], limits = [], starts = [], workers = [] } = results
    assert.deepEqual(
      found.map(({ name }) => name),
      rows.map(({ name }) => name),
    )
    for (const { name, servers } of [...found, ...workers]) {
      assert.ok(stdout.includes(`\n${name}\n`), `${name} is printed`)
      const asked = servers.filter(({ runs }) => runs.length > 0)
      const expected = workers.some(one => one.name === name)
        ? ['one worker', 'two workers']
        : ['Tessera', 'bare server']
      for (const one of expected) assert.ok(asked.some(server => server.name === one))
      // A wrong answer ends the bench; so what is counted was checked.
      for (const { runs } of asked) for (const { requests } of runs) assert.ok(requests > 0)
      const refused = asked.flatMap(({ runs }) => runs).reduce((sum, one) => sum + one.replaysRefused, 0)
      assert.equal(
        refused > 0,
        /^(two workers: )?(code|refresh)/.test(name),
        `${name}: what was used is tried again`,
      )
    }
    assert.equal(steady.length, rows.length)
    for (const { name } of [...limits, ...starts]) assert.ok(stdout.includes(name))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
