/**
 * `npm test`: every test, with the checks among them. `npm run test:fast`: those that need no database, no browser, no
 * processes, and less than a second for a file. `npm run test:interop`: the clients and servers that we did not
 * write. `npm test -- FILES`: these files. Ends with the test runner's own closing lines; fails if anything failed.
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import type { BrowserServer } from 'playwright-core'
import { runLimit, testLimit } from './runner/limits.ts'
import { createRunFolder } from './runner/memory-folder.ts'
import { nodeOptions } from './runner/node-options.ts'
import { distribute, isSlow, root, type Selection, selectFiles, writeBatch } from './runner/processes.ts'
import { writeReadyModules } from './runner/ready-modules.ts'
import { sharedPorts } from './support/process.ts'
import { sharedKeys, writeSigningKeys } from './support/signing-keys.ts'

const named = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
const selection: Selection = process.argv.includes('--fast')
  ? 'fast'
  : process.argv.includes('--interop')
    ? 'interop'
    : 'all'
const selected = named.length > 0 ? named : selectFiles(selection)

/**
 * How many processes run batches of files that need none of their own. Each loads the server and compiles it again,
 * which takes up to three seconds, so there are only as many as keep the cores busy while some of them wait.
 */
const batches = selection === 'fast' ? 2 : selection === 'all' && named.length === 0 ? 5 : 3

/** More than there are cores: some processes wait while others work. Those of a fast run all start together. */
const concurrency = selection === 'fast' ? batches + 1 : 5

/** Ends all processes when the run is interrupted or takes too long; the database and the browser end after them. */
const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort())
const stopped = AbortSignal.any([interrupted.signal, AbortSignal.timeout(runLimit)])

const { path: folder, inMemory } = await createRunFolder()
// The type check of a fast run needs neither.
const needsServices = selection !== 'fast' && selected.some(isSlow)
const provided = needsServices ? await provide() : undefined
try {
  process.exitCode = (await runTests()) ? 0 : 1
} finally {
  await provided?.stop()
  await rm(folder, { recursive: true, force: true })
}

/** Returns whether everything passed. */
async function runTests(): Promise<boolean> {
  const lists = distribute(selected, batches)
  const files = await Promise.all(
    lists.map(async (list, index) =>
      list.length === 1 ? join(root, list[0]!) : writeBatch(folder, `batch-${index + 1}`, list),
    ),
  )
  let passed = true
  const events = run({
    files,
    concurrency,
    timeout: testLimit,
    signal: stopped,
    execArgv: nodeOptions,
    env: {
      ...process.env,
      // Inherited by the processes that tests start.
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --require ${JSON.stringify(await writeReadyModules(folder))}`,
      [sharedKeys]: await writeSigningKeys(folder),
      [sharedPorts]: await mkdtemp(join(folder, 'ports-')),
      // Outlives the run, so that the next one compiles only what changed.
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/tessera-tests'),
      ...provided?.variables,
    },
  })
  events.on('test:fail', () => {
    passed = false
  })
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  events.once('end', resolve)
  events.pipe(new spec()).pipe(process.stdout)
  await ended
  return passed
}

/** Starts one PostgreSQL and one Chromium for all files. */
async function provide() {
  const { startPostgres, sharedData, sharedPackage, sharedServer } = await import('./support/postgres.ts')
  const { launchSharedChromium, sharedBrowser } = await import('./browser/chromium.ts')
  // Before tests use another folder: the browser's package unpacks it into the usual one, where the next run finds it.
  const browser: BrowserServer = await launchSharedChromium()
  if (inMemory) await keepFilesInMemory()
  const server = await startPostgres({ connections: 400, copied: process.platform !== 'win32' })
  return {
    variables: {
      [sharedServer]: server.address,
      [sharedBrowser]: browser.wsEndpoint(),
      ...(server.packageCopy && { [sharedPackage]: server.packageCopy }),
      ...(server.dataCopy && { [sharedData]: server.dataCopy }),
    },
    async stop() {
      await browser.close()
      await server.remove()
    },
  }
}

/** Makes a folder in memory the one for temporary files, of this process and those that it starts. */
async function keepFilesInMemory(): Promise<void> {
  const temporary = join(folder, 'tmp')
  await mkdir(temporary)
  process.env.TMPDIR = temporary
}
