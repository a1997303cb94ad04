/**
 * The Model Context Protocol's own conformance tests of clients, from its package: every scenario of authorization, with
 * a client whose authorization is that of `examples/mcp`. The others test the rest of an MCP client.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inTime } from '../support/until.ts'

const program = fileURLToPath(new URL('../../node_modules/.bin/conformance', import.meta.url))
const client = fileURLToPath(new URL('apps/mcp-client.ts', import.meta.url))

/** Suites, and the version of the protocol for those that exist in several. */
const suites = [
  ['auth', '2025-06-18'],
  ['auth', '2025-11-25'],
  ['auth', '2026-07-28'],
  ['draft', '2026-07-28'],
  ['backcompat', '2025-03-26'],
  ['extensions', undefined],
] as const

async function runConformance(...options: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [program, ...options])
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      output += text
    })
  try {
    await inTime(`conformance ${options.join(' ')}`, once(child, 'close'), { within: 180_000 })
    return output
  } finally {
    child.kill()
  }
}

test('mcp conformance: a client of @tessera/client passes every scenario of authorization', async t => {
  const passed = new Set<string>()
  const command = `${process.execPath} ${client}`
  for (const [suite, version] of suites)
    await t.test(`${suite} ${version ?? ''}`, async () => {
      const versions = version === undefined ? [] : ['--spec-version', version]
      const output = await runConformance('client', '--command', command, '--suite', suite, ...versions)
      const summary = output.split('=== SUITE SUMMARY ===')[1] ?? ''
      const results = [...summary.matchAll(/^(\S) (auth\/\S+): \d+ passed, \d+ failed/gm)]
      assert.ok(results.length > 0, output)
      for (const [line, mark, name = ''] of results) {
        assert.equal(mark, '✓', `${line}\n${output}`)
        passed.add(name)
      }
      assert.match(summary, /\b0 warnings/, output)
    })
  const listed = [...(await runConformance('list')).matchAll(/^ {2}- (auth\/\S+)/gm)].map(([, name]) => name)
  assert.deepEqual([...passed].sort(), listed.sort())
})
