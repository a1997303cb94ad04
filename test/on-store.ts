/**
 * `npm run test:on -- sqlite` (or `postgres`): the tests of features with their servers on that store, or only the named
 * files. One PostgreSQL serves the whole run.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeOptions } from './runner/node-options.ts'
import { distribute, writeBatch } from './runner/processes.ts'
import { sharedServer, startPostgres } from './support/postgres.ts'

const [kind = '', ...named] = process.argv.slice(2)
/** Tests about one store, about processes, or about all endpoints at once. */
const others = /^test\/(?:contracts|cli|interop|kinds|browser|reliability)\//
const isOfFeature = (file: string): boolean =>
  !others.test(file) && readFileSync(file, 'utf8').includes('/support/tessera.ts')
const files = named.length > 0 ? named : globSync('test/*/*.test.ts').filter(isOfFeature).toSorted()

/** Files share processes: with one each, most of the time goes into creating databases. */
async function runOn(storage: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-test-on-'))
  const batches = distribute(files, 2).map((batch, index) => writeBatch(folder, `batch-${index + 1}`, batch))
  try {
    return await runFiles(storage, await Promise.all(batches))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function runFiles(storage: string, paths: readonly string[]): Promise<number> {
  const runner = ['--test', '--test-concurrency=2', '--test-reporter=spec']
  const child = spawn(process.execPath, [...nodeOptions, ...runner, ...paths], {
    stdio: 'inherit',
    env: { ...process.env, TESSERA_TEST_STORAGE: storage },
  })
  // A terminal interrupts both: the database is stopped after the tests.
  process.on('SIGINT', () => {}).on('SIGTERM', () => child.kill())
  const [code] = await once(child, 'exit')
  return code ?? 1
}

const shared = process.env[sharedServer]
if (kind === 'postgres' && shared) {
  process.exitCode = await runOn(shared)
} else if (kind === 'postgres') {
  const server = await startPostgres({ connections: 400 })
  process.exitCode = await runOn(server.address).finally(server.remove)
} else {
  process.exitCode = await runOn(kind)
}
