/** The benchmark runs without an error. Its measurements are not checked, because they need an idle machine. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pageOf } from '../../bench/src/results/page.ts'
import type { Results } from '../../bench/src/results/results.ts'
import { rows as allRows } from '../../bench/src/rows/rows.ts'
import { documentClient } from '../../bench/src/servers/public-clients.ts'
import { isAvailable } from '../../packages/server/src/model/signature-algorithm.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))
const bench = join(root, 'bench/src/bench.ts')

const rows = allRows.filter(({ endpoint }) => endpoint !== 'mlDsaToken' || isAvailable('ML-DSA-44'))
const others: Readonly<Record<string, string>> = {
  dpopToken: 'oidc-provider',
  mlDsaToken: 'oidc-provider',
  publicToken: documentClient.name,
}

test('bench: the quick form prints every row, measures every server that does its work, and finds no wrong response', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tessera-bench-test-'))
  try {
    const json = join(directory, 'results.json')
    const args = [bench, '--quick', '--seconds', '0.02', '--connections', '4', '--json', json]
    const { stdout } = await run(process.execPath, args, { timeout: 240_000 })
    const results: Results = JSON.parse(await readFile(json, 'utf8'))
    const { rows: table = [], workers = [], postgres = [], steady = [], limits = [], starts = [] } = results
    const expected = [
      ...rows.map(({ name, endpoint }) => ({
        name,
        servers: ['Tessera', others[endpoint] ?? 'bare server'],
      })),
      ...workers.map(({ name }) => ({ name, servers: ['one worker', 'two workers'] })),
      ...postgres.map(({ name }) => ({ name, servers: ['Tessera', 'driver alone'] })),
    ]
    const found = [...table, ...workers, ...postgres]
    assert.ok(workers.length > 0 && postgres.length > 0)
    assert.deepEqual(
      found.map(({ name }) => name),
      expected.map(({ name }) => name),
    )
    for (const [index, { name, servers }] of found.entries()) {
      assert.ok(stdout.includes(`\n${name}\n`), `${name} is printed`)
      const asked = servers.filter(({ runs }) => runs.length > 0)
      for (const one of expected[index]!.servers) assert.ok(asked.some(server => server.name === one))
      // A wrong response ends the bench, so everything counted was checked.
      for (const { runs } of asked) for (const { requests } of runs) assert.ok(requests > 0)
      const refused = asked.flatMap(({ runs }) => runs).reduce((sum, one) => sum + one.replaysRefused, 0)
      assert.equal(
        refused > 0,
        /(code exchange|refresh with)/.test(name),
        `${name}: what was used is tried again`,
      )
    }
    const servers = { dpopToken: 1, mlDsaToken: 0, publicToken: 0 } as Readonly<Record<string, number>>
    const total = rows.reduce((sum, { endpoint }) => sum + (servers[endpoint] ?? 2), 0)
    assert.equal(steady.length, total)
    const page = pageOf(results)
    for (const { name } of found) assert.ok(page.includes(name), `${name} is on the page`)
    assert.doesNotMatch(page, /<script|src=|href=|url\(/, 'the page loads nothing')
    for (const place of [directory, root, tmpdir()]) assert.ok(!JSON.stringify(results).includes(place))
    for (const { name } of [...limits, ...starts]) assert.ok(stdout.includes(name))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
