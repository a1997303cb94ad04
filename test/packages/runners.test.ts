/**
 * The examples of docs/guides/testing.md, run by the test runners that they are for, from the built packages in a folder
 * outside the repository.
 */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import chromium from '@sparticuz/chromium'
import { buildInto, nodeBinary, repository, unexpectedErrors } from './installed.ts'

const run = promisify(execFile)

/** Milliseconds. The runners' own limits are for a machine that runs nothing else. */
const testTimeout = 120_000

type Outcome = { readonly code: number; readonly output: string }

describe('testing', { concurrency: 2 }, () => {
  let folder = ''
  before(
    async () => {
      folder = await realpath(await mkdtemp(join(tmpdir(), 'tessera-test-runners-')))
      await installInto(folder)
    },
    { timeout: 280_000 },
  )
  after(() => rm(folder, { recursive: true, force: true }))

  /** Runs a program of node_modules, without conditions and variables of this test run. */
  async function runNode(
    args: readonly string[],
    environment: NodeJS.ProcessEnv = {},
    binary = process.execPath,
  ): Promise<Outcome> {
    const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, NODE_ENV: ___, ...variables } = process.env
    const env = { ...variables, NO_COLOR: '1', FORCE_COLOR: undefined, CI: '1', ...environment }
    try {
      const { stdout, stderr } = await run(binary, args, { cwd: folder, env })
      return { code: 0, output: stdout + stderr }
    } catch (error) {
      const { code, stdout = '', stderr = '' } = error as { code: number; stdout?: string; stderr?: string }
      return { code, output: stdout + stderr }
    }
  }

  const nodeTest = ['--test', '--test-reporter=tap', 'node-test/app.test.js']

  test('runners: node --test runs its example', async () => {
    const { code, output } = await runNode(nodeTest)
    assert.equal(code, 0, output)
    assert.match(output, /^# pass 5$/m)
  })

  for (const major of [22, 24])
    test(`runners: node --test runs its example, on Node ${major}`, async t => {
      const binary = nodeBinary(major)
      if (!binary) return t.skip(`the package node-${major} is not installed on this platform`)
      const { code, output } = await runNode(nodeTest, {}, binary)
      assert.equal(code, 0, output)
      assert.match(output, /^# pass 5$/m)
    })

  test('runners: Vitest runs its example', async () => {
    const { code, output } = await runNode([
      'node_modules/vitest/vitest.mjs',
      ...['run', '--root', 'vitest', `--testTimeout=${testTimeout}`, `--hookTimeout=${testTimeout}`],
    ])
    assert.equal(code, 0, output)
    assert.match(output, /Tests\s+4 passed \(4\)/)
  })

  test('runners: Jest runs its example', async () => {
    const { code, output } = await runNode([
      'node_modules/jest/bin/jest.js',
      '--rootDir',
      'jest',
      '--config',
      'jest/jest.config.json',
      `--testTimeout=${testTimeout}`,
    ])
    assert.equal(code, 0, output)
    assert.match(output, /Tests:\s+2 passed, 2 total/)
  })

  test('runners: Playwright runs its example', async () => {
    const environment = { CHROMIUM: await chromium.executablePath() }
    const { code, output } = await runNode(
      ['node_modules/@playwright/test/cli.js', 'test', '--config', 'playwright', `--timeout=${testTimeout}`],
      environment,
    )
    assert.equal(code, 0, output)
    assert.match(output, /^\s*2 passed/m)
  })

  test('runners: the built package refuses production too, and the example fails', async () => {
    const { code, output } = await runNode(nodeTest, { NODE_ENV: 'production' })
    assert.equal(code, 1, output)
    assert.match(output, /NODE_ENV is "production"/)
  })

  test('runners: the published types are complete, and describe every verb', async () => {
    await writeFile(join(folder, 'types.ts'), types)
    await writeFile(
      join(folder, 'wrong.ts'),
      `${types}\nidp.token({ users: 'alice' })\nidp.faults.fail('tokens', 503)\n`,
    )
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node']
    const files = ['types.ts', 'wrong.ts']
    const { output } = await runNode([
      'node_modules/typescript/bin/tsc',
      '--singleThreaded',
      ...flags,
      ...files,
    ])
    assert.deepEqual(unexpectedErrors(output), [])
    assert.match(output, /'users' does not exist/)
    assert.match(output, /"tokens"' is not assignable/)
  })
})

/** Builds the packages into the folder, links what else is installed here, and copies the examples. */
async function installInto(folder: string): Promise<void> {
  const modules = join(folder, 'node_modules')
  const own = join(modules, '@tessera')
  for (const name of ['protocol', 'server']) {
    await mkdir(join(own, name), { recursive: true })
    await buildInto(name, join(own, name))
    await cp(join(repository, `packages/${name}/package.json`), join(own, name, 'package.json'))
    // Dependencies in another version than the repository's own.
    const nested = join(repository, `packages/${name}/node_modules`)
    if (existsSync(nested)) await symlink(nested, join(own, name, 'node_modules'))
  }
  const others = await readdir(join(repository, 'node_modules'))
  await Promise.all([
    cp(join(repository, 'examples/testing'), folder, { recursive: true }),
    ...others
      .filter(name => !name.startsWith('.') && name !== '@tessera')
      .map(name => symlink(join(repository, 'node_modules', name), join(modules, name))),
  ])
}

const types = `
import { startTestServer, type TestServer } from '@tessera/server/testing'

await using idp: TestServer = await startTestServer({ clients: [{ client_id: 'web' }], onLog: ({ reason }) => void reason })
const token: string = await idp.token({ user: 'alice', expiresIn: -1, signature: 'none', claims: { aud: 'x' } })
const { refresh_token }: { refresh_token?: string } = await idp.tokens({ client: 'web', acr: '2' })
const { params, browser } = await idp.signIn('http://localhost/', { user: 'alice', consent: ['openid'] })
const code: string | null = params.get('code')
const cookies: { name: string; expires: number }[] = browser.cookies()
await idp.approveDevice('X', { consent: 'deny' })
await idp.revoke({ user: 'alice', client: 'web' })
await idp.expire({ session: 'sid' })
const ended: number = await idp.signOut({ sid: 'sid' })
const [key] = await idp.rotateKeys({ retire: true })
const state: 'signing' | 'announced' | 'retained' | 'verification' | undefined = key?.state
idp.faults.fail('token', { status: 400, body: { error: 'x' } }, { times: 2 })
await idp.addUser({ username: 'bob', sub: '2', claims: {} })
await idp.updateClient('web', { enabled: false })
await idp.clock.advance(60)
const [mail] = await idp.mails()
const link: string | undefined = mail?.link
console.log(token, refresh_token, code, cookies, ended, state, link, idp.requests[0]?.form.get('x'), idp.sent[0]?.status)
`
