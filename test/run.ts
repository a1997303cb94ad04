/**
 * `npm test`: the checks, then every test. `npm run test:fast`: the same without what needs a database, a browser or
 * processes of its own. `npm run test:interop`: the clients and servers that we did not write, without the checks. Ends with the test runner's own closing lines; fails if anything failed.
 */

import { spawn } from 'node:child_process'
import { globSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BrowserServer } from 'playwright-core'
import { sharedKeys, writeSigningKeys } from './support/signing-keys.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const minute = 60_000

/** For one file, or one test of it: what hangs fails here. */
const fileLimit = 10 * minute
/** For everything: the runner itself is ended then. */
const runLimit = 40 * minute

const checks: readonly (readonly [what: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '-p', '.'],
  ['lint and format', 'biome', 'check', '--error-on-warnings', '.'],
  ['unused code', 'knip'],
]

/** Folders whose tests need a database, a browser, processes or minutes, and imports that say so of other files. */
const slowFolders = ['bench', 'browser', 'cli', 'contracts', 'interop', 'kinds', 'reliability']
const slowImports =
  /from '\.\.\/(?:support\/(?:postgres|process|remote)|cli\/|browser\/|contracts\/|interop\/|reliability\/)/

const isSlow = (file: string): boolean =>
  slowFolders.some(folder => file.startsWith(`test/${folder}/`)) ||
  slowImports.test(readFileSync(join(root, file), 'utf8'))

const isFast = process.argv.includes('--fast')
const isInterop = process.argv.includes('--interop')
const patterns = isInterop ? ['test/interop/*.test.ts'] : ['test/**/*.test.ts', 'packages/*/src/**/*.test.ts']
const files = globSync(patterns, { cwd: root })
  .filter(file => !isFast || !isSlow(file))
  .toSorted()

/**
 * How the test runner is called. A process for each file keeps files apart; to start it costs more than most files do, so
 * `test:fast` spreads its files over three: some of them wait while others work.
 */
const limit = `--test-timeout=${fileLimit}`
const calls: readonly (readonly string[])[] = isFast
  ? spread(files, 3).map(part => [
      ...['--test', limit, '--test-isolation=none', '--test-reporter=dot'],
      ...part,
    ])
  : [['--test', limit, '--test-concurrency=2', '--test-reporter=spec', ...files]]

type Ended = { readonly ok: boolean; readonly output: string }

/** Runs a command to its end, or to the limit; `output` is empty where it went to this process's own streams. */
function run(
  command: string,
  args: readonly string[],
  { shown, limit, variables = {} }: { shown: boolean; limit: number; variables?: Record<string, string> },
): Promise<Ended> {
  return new Promise(resolve => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: shown ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...variables },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', text => {
        output += text
      })
    const stop = () => child.kill()
    process.once('exit', stop)
    const timer = setTimeout(() => {
      console.error(`${command} did not end within ${limit / minute} minutes`)
      child.kill('SIGKILL')
    }, limit)
    const end = (ok: boolean) => {
      clearTimeout(timer)
      process.off('exit', stop)
      resolve({ ok, output })
    }
    child.once('error', error => {
      output += `${error}\n`
      end(false)
    })
    child.once('close', code => end(code === 0))
  })
}

// In the fast form checks and tests run side by side. In the whole one the runner's closing lines are the last.
const checking = isInterop ? [] : check()
if (!isFast) await checking
const tested = await testAll()
const failed = await checking
process.exitCode = tested && failed.length === 0 ? 0 : 1

/** Returns the checks that failed, having printed what they said. */
async function check(): Promise<readonly string[]> {
  const results = await Promise.all(
    checks.map(async ([what, command, ...args]) => ({
      what,
      ...(await run(command, args, { shown: false, limit: 5 * minute })),
    })),
  )
  for (const { what, ok, output } of results)
    console.log(`check: ${what}: ${ok ? 'passes' : `fails\n${output}`}`)
  const failed = results.filter(({ ok }) => !ok).map(({ what }) => what)
  if (failed.length > 0) console.error(`checks failed, and so this run will: ${failed.join(', ')}`)
  return failed
}

async function testAll(): Promise<boolean> {
  const prepared = await prepare()
  const provided = isFast ? undefined : await provide()
  const variables = { ...prepared.variables, ...provided?.variables }
  const results = await Promise.all(
    calls.map(args => run(process.execPath, args, { shown: true, limit: runLimit, variables })),
  )
  await provided?.stop()
  await prepared.remove()
  return results.every(({ ok }) => ok)
}

/** Returns so many lists of about the same length in bytes. */
function spread(all: readonly string[], count: number): readonly (readonly string[])[] {
  const parts = Array.from({ length: count }, () => ({ files: [] as string[], bytes: 0 }))
  const sized = all.map(file => ({ file, bytes: statSync(join(root, file)).size }))
  for (const { file, bytes } of sized.toSorted((one, other) => other.bytes - one.bytes)) {
    const least = parts.reduce((best, part) => (part.bytes < best.bytes ? part : best))
    least.files.push(file)
    least.bytes += bytes
  }
  return parts.map(part => part.files)
}

/** Prepares files that every process of the run uses: compiled code, and RSA keys. */
async function prepare() {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-test-run-'))
  return {
    variables: { [sharedKeys]: await writeSigningKeys(folder), NODE_COMPILE_CACHE: join(folder, 'compiled') },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Starts one PostgreSQL and one Chromium for all files. */
async function provide() {
  const { startPostgres, sharedPackage, sharedServer } = await import('./support/postgres.ts')
  const { launchSharedChromium, sharedBrowser } = await import('./browser/chromium.ts')
  const server = await startPostgres({ connections: 400 })
  const browser: BrowserServer = await launchSharedChromium()
  return {
    variables: {
      [sharedServer]: server.address,
      [sharedBrowser]: browser.wsEndpoint(),
      ...(server.packageCopy && { [sharedPackage]: server.packageCopy }),
    },
    async stop() {
      await browser.close()
      await server.remove()
    },
  }
}
