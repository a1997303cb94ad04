/**
 * The Model Context Protocol's own conformance tests of clients, from its package: every scenario of authorization, with
 * a client whose authorization is that of `examples/mcp`. The others test the rest of an MCP client.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json, text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inTime } from '../support/until.ts'
import { type McpRun, runMcpClient } from './apps/mcp-client.ts'

const pathOf = (file: string): string => fileURLToPath(new URL(`apps/${file}`, import.meta.url))

/** Suites, and the version of the protocol for those that exist in several. */
const suites = [
  ['auth', '2025-06-18'],
  ['auth', '2025-11-25'],
  ['auth', '2026-07-28'],
  ['draft', '2026-07-28'],
  ['backcompat', '2025-03-26'],
  ['extensions', undefined],
] as const

/** In milliseconds, for a scenario and for all. A suite runs its scenarios at once, which takes long on a busy machine. */
const limits = { scenario: 120_000, all: 280_000 }

/** Runs a new client for each command of the conformance program. */
async function startRelay() {
  const runs: string[] = []
  const server = createServer(async (request, response) => {
    const run = (await json(request)) as McpRun
    // The suite of drafts has others too.
    if (!run.scenario.startsWith('auth/')) return response.writeHead(500).end()
    runs.push(run.scenario)
    const failure = await runMcpClient(run).then(
      () => undefined,
      error => error,
    )
    return response.writeHead(failure === undefined ? 200 : 500).end(failure && String(failure.stack))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    runs,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Returns the output of each command of the conformance program. */
async function runConformance(commands: readonly (readonly string[])[]): Promise<readonly string[]> {
  // Without what is preloaded into the processes of a test run.
  const env = { ...process.env, NODE_OPTIONS: '' }
  const child = spawn(process.execPath, [pathOf('conformance-runs.mjs'), JSON.stringify(commands)], { env })
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  try {
    const [code] = await inTime('the conformance program ends', once(child, 'close'), { within: limits.all })
    const [printed, errors] = await output
    assert.equal(code, 0, errors)
    return printed
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
  } finally {
    child.kill()
  }
}

test('mcp conformance: a client of @tessera/client passes every scenario of authorization', async t => {
  const relay = await startRelay()
  t.after(relay.close)
  const command = `${process.execPath} ${pathOf('mcp-relay.cjs')} ${relay.url}`
  const options = ['client', '--command', command, '--timeout', `${limits.scenario}`, '--suite']
  const commands = suites.map(([suite, version]) => [
    ...[...options, suite],
    ...(version === undefined ? [] : ['--spec-version', version]),
  ])
  const [list = '', ...outputs] = await runConformance([['list'], ...commands])
  const passed: string[] = []
  for (const [index, [suite, version]] of suites.entries())
    await t.test(`${suite} ${version ?? ''}`, () => {
      const output = outputs[index] ?? ''
      const summary = output.split('=== SUITE SUMMARY ===')[1] ?? ''
      const results = [...summary.matchAll(/^(\S) (auth\/\S+): \d+ passed, \d+ failed/gm)]
      assert.ok(results.length > 0, output)
      for (const [line, mark, name = ''] of results) {
        assert.equal(mark, '✓', `${line}\n${output}`)
        passed.push(name)
      }
      assert.match(summary, /\b0 warnings/, output)
    })
  const listed = [...list.matchAll(/^ {2}- (auth\/\S+)/gm)].map(([, name]) => name)
  assert.deepEqual([...new Set(passed)].sort(), listed.sort())
  // Each ran with this client.
  assert.deepEqual(relay.runs.sort(), passed.sort())
})
