/**
 * The same tests of the installed `@tessera/client` in each runtime that it supports, against Tessera on loopback.
 * Node, Deno and Bun import the package from `node_modules`; workerd and Chromium run a bundle.
 */

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { launchChromium } from '../browser/chromium.ts'
import { freePort } from '../support/process.ts'
import { until } from '../support/until.ts'
import { type Installed, installClient, nodeBinary, repository } from './installed.ts'
import type { PortableCase } from './portable/case.ts'
import { nodeCases } from './portable/node.ts'
import { browserCases, cases, type PortableOutcome } from './portable/suite.ts'
import { type RunningWorld, startPortableWorld } from './portable-world.ts'

const run = promisify(execFile)

let installed: Installed
let running: RunningWorld
before(
  async () => {
    installed = await installClient()
    const [, , page] = await Promise.all([
      bundleSuite('in-command'),
      bundleSuite('in-worker', 'esm'),
      bundleSuite('in-page', 'iife'),
    ])
    running = await startPortableWorld({
      '/': '<!doctype html><html lang="en"><title>Suite</title><script src="/suite.js"></script>',
      '/suite.js': await readFile(page, 'utf8'),
    })
  },
  { timeout: 240_000 },
)
after(() => running?.close())

/** Bundles a way to run the suite, with the package as it is installed, or with imports of it. */
async function bundleSuite(entry: string, format?: 'esm' | 'iife'): Promise<string> {
  const options = {
    bundle: true,
    platform: 'neutral',
    target: 'es2022',
    logLevel: 'silent',
    tsconfigRaw: '{}',
  } as const
  const outfile = join(installed.application, `${entry}.mjs`)
  const source = join(repository, `test/packages/portable/${entry}.ts`)
  await build({
    ...options,
    entryPoints: [source],
    outfile,
    format: 'esm',
    external: ['@tessera/*', 'node:*'],
  })
  if (format) await build({ ...options, entryPoints: [outfile], outfile, format, allowOverwrite: true })
  return outfile
}

function examine(outcomes: readonly PortableOutcome[], expected: readonly PortableCase[]): void {
  assert.deepEqual(
    outcomes.map(({ name, outcome }) => `${name}: ${outcome}`),
    expected.map(({ name }) => `${name}: passed`),
  )
}

const platform = (name: string, file: string): string =>
  join(repository, 'test/packages/runtimes/node_modules', name, file)
const deno = platform('@deno/linux-x64-glibc', 'deno')
const bun = platform('@oven/bun-linux-x64', 'bin/bun')
const workerd = platform('@cloudflare/workerd-linux-64', 'bin/workerd')

const commands: readonly (readonly [name: string, binary: string | undefined, args: readonly string[]])[] = [
  ...[20, 22, 24, 26].map(major => [`Node ${major}`, nodeBinary(major), []] as const),
  [
    'Deno',
    deno,
    [
      'run',
      '--quiet',
      '--no-prompt',
      '--no-remote',
      '--node-modules-dir=manual',
      '--allow-net',
      '--allow-read',
      '--allow-write',
      '--allow-sys=hostname',
    ],
  ],
  ['Bun', bun, []],
]

const missing = 'not installed here: npm ci --prefix test/packages/runtimes (Linux on x64)'

for (const [name, binary, args] of commands)
  test(`runtimes: the client library works in ${name}`, async t => {
    if (binary === undefined || !existsSync(binary)) return t.skip(missing)
    const file = join(installed.application, 'in-command.mjs')
    const { stdout } = await run(binary, [...args, file, JSON.stringify(running.world)], {
      cwd: installed.application,
      env: { ...installed.environment, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' },
    })
    examine(JSON.parse(stdout), [...cases, ...nodeCases])
  })

/** A worker that may reach addresses of this machine. */
const workerConfiguration = (port: number): string => `
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .suite),
    (name = "internet", network = (allow = ["local", "private", "public"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);

const suite :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "in-worker.mjs")],
  compatibilityDate = "2026-11-01",
);
`

test('runtimes: the client library works in workerd', async t => {
  if (!existsSync(workerd)) return t.skip(missing)
  const port = await freePort()
  const file = join(installed.application, 'workerd.capnp')
  await writeFile(file, workerConfiguration(port))
  const child = spawn(workerd, ['serve', file], {
    env: installed.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', text => {
      printed += text
    })
  try {
    const init = { method: 'POST', body: JSON.stringify(running.world) }
    const response = await until(
      'workerd responds',
      () => {
        assert.equal(child.exitCode, null, printed)
        return fetch(`http://127.0.0.1:${port}`, init).catch(() => undefined)
      },
      { within: 120_000 },
    )
    const text = await response.text()
    assert.equal(response.status, 200, text + printed)
    examine(JSON.parse(text), cases)
  } finally {
    child.kill()
  }
})

test('runtimes: the client library works in Chromium', async () => {
  const browser = await launchChromium()
  try {
    const page = await (await browser.newContext()).newPage()
    await page.goto(running.world.person)
    const outcomes = await page.evaluate(`runPortableSuite(${JSON.stringify(running.world)})`)
    examine(outcomes as readonly PortableOutcome[], browserCases)
  } finally {
    await browser.close()
  }
})
